"""HMEDN and its predecessors: the distilling networks, without and with a high-resolution pathway.

Zhou, Nie, Adeli, Yin, Lian, Shen: High-resolution encoder-decoder networks for low-contrast medical image
segmentation. IEEE Transactions on Image Processing 29:461-475 (2020), doi:10.1109/TIP.2019.2919937. The
authors' code is not public, and most of the layout is in their figures only. Decisions are stated with the networks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from isthmus.errors import IsthmusError
from isthmus.networks.base import Network
from isthmus.networks.blocks import dense as _dense  # noqa: F401  (registers the block)
from isthmus.networks.blocks.base import BLOCKS, Block, resolve
from isthmus.networks.blocks.dense import conv_unit
from isthmus.networks.blocks.layers import conv, max_pool, up_conv
from isthmus.networks.blocks.pathway import DILATIONS, HighResolution
from isthmus.networks.blocks.upsampling import upsample
from isthmus.networks.checks import require_flag, whole_numbers
from isthmus.networks.kernels.checkpointing import checkpointed
from isthmus.networks.kernels.concatenation import concatenate
from isthmus.networks.registry import Card, register_model

_SIDES = 3  # side channels, from the levels below full resolution


class HMEDN(Network):
    """High-resolution multi-scale encoder-decoder network (section III, figure 2).

    It is a U-Net of dense blocks (the distilling pathway). The features at 1/2, 1/4 and 1/8 of the size are enlarged to
    full size and merged with those at full size (side channels, as in HED). On one bridge, the high-resolution pathway
    stands beside the plain skip and is deeply supervised. At the end there is a head for the mask and one for the
    contour. Without pathway and contour the network is DstNet, with the pathway it is HRDN.

    Args:
        spatial_dims: 2 or 3.
        in_channels: number of channels of the image (in the paper five slices of a volume).
        classes: number of maps of logits.
        widths: channels of the levels from full resolution down.
        block: the block on a level: a name, a mapping or a `Block`.
        dropout: option of the block; None stands for its own default.
        level: the bridge that gets the pathway, 1 at full resolution; None for no pathway.
        pathway_width: the paper's L, the channels of the pathway; None for those of its level.
        dilations: dilations of the blocks of the pathway.
        dense: ``"last"`` or ``"full"``, see `HighResolution`.
        contour: whether there is a head for one map of all contours, a linear output to regress on [0, 1].
        checkpoint: whether parts are computed again in the backward pass of training instead of kept in memory.

    Shapes:
        ``(N, in_channels, *spatial)``, where every side is a multiple of ``2 ** (len(widths) - 1)``, to logits
        ``(N, classes, *spatial)``. With several heads to a dict: ``"logits"``, with ``contour`` also ``"contour"``
        ``(N, 1, *spatial)``, and in training with a pathway also ``"auxiliary"``, logits of the pathway interpolated to
        full size, like ``"logits"``.

    >>> import torch
    >>> network = HMEDN(in_channels=5, classes=4, widths=(4, 8), level=1, dilations=(1, 2), contour=True)
    >>> {name: tuple(head.shape) for name, head in network(torch.zeros(2, 5, 6, 10)).items()}
    {'logits': (2, 4, 6, 10), 'contour': (2, 1, 6, 10), 'auxiliary': (2, 4, 6, 10)}
    """

    def __init__(
        self,
        *,
        spatial_dims: int = 2,
        in_channels: int = 1,
        classes: int = 1,
        widths: Sequence[int] = (32, 64, 128, 256, 512),
        block: str | Mapping[str, Any] | Block = "dense",
        dropout: float | None = None,
        level: int | None = None,
        pathway_width: int | None = None,
        dilations: Sequence[int] = DILATIONS,
        dense: str = "last",
        contour: bool = False,
        checkpoint: bool = False,
    ) -> None:
        widths = whole_numbers("widths", widths, 2)
        super().__init__(
            spatial_dims, in_channels, classes, divisor=2 ** (len(widths) - 1), checkpoint=checkpoint
        )
        require_flag("contour", contour)
        part = resolve(block, BLOCKS, {"dropout": dropout})
        pathway = HighResolution(
            level=level, width=pathway_width, dilations=whole_numbers("dilations", dilations), dense=dense
        )
        if level is not None and level >= len(widths):
            raise IsthmusError(f"level of the pathway must be from 1 to {len(widths) - 1}, found {level}")

        given = [part.out_channels(width) for width in widths]
        self.level, self.base = level, widths[0]
        self.encoder = nn.ModuleList(
            part.build(spatial_dims, channels, width)
            for channels, width in zip([in_channels, *given[:-1]], widths, strict=True)
        )
        self.pool = max_pool(spatial_dims)
        self.pathway = self.auxiliary = None
        if level is not None:
            here = pathway.width or widths[level - 1]
            self.pathway = pathway.pathway(spatial_dims, given[level - 1], widths[level - 1])
            self.auxiliary = conv(spatial_dims, here, classes, 1)
        self.ups, self.decoder = nn.ModuleList(), nn.ModuleList()
        for i in reversed(range(len(widths) - 1)):
            extra = here if level == i + 1 else 0
            self.ups.append(up_conv(spatial_dims, given[i + 1], widths[i]))
            self.decoder.append(part.build(spatial_dims, widths[i] + given[i] + extra, widths[i]))
        sides = given[1 : 1 + _SIDES]
        self.sides = nn.ModuleList(conv_unit(spatial_dims, channels, self.base) for channels in sides)
        self.merge = conv_unit(spatial_dims, given[0] + self.base * len(sides), self.base)
        self.head = conv(spatial_dims, self.base, classes, 1)
        self.contour = (
            nn.Sequential(conv_unit(spatial_dims, self.base, self.base), conv(spatial_dims, self.base, 1, 1))
            if contour
            else None
        )

    def forward(self, x: Tensor) -> Tensor | dict[str, Tensor]:
        x = self.accepted(x)
        bridges: list[Tensor] = []
        for i, block in enumerate(self.encoder):
            x = checkpointed(self, block, self.pool(x) if i else x)
            bridges.append(x)
        bridges.pop()
        detail: Tensor | None = None
        if self.pathway is not None and self.level is not None:
            detail = checkpointed(self, self.pathway, bridges[self.level - 1])
        levels = [x]  # the outputs of the levels, the finest first
        for up, block in zip(self.ups, self.decoder, strict=True):
            parts = [up(x), bridges.pop()]
            if detail is not None and len(bridges) + 1 == self.level:
                parts.append(detail)
            x = checkpointed(self, block, concatenate(parts))
            levels.insert(0, x)
        sides = [
            upsample(side(given), 2**i)
            for i, (side, given) in enumerate(zip(self.sides, levels[1 : 1 + _SIDES], strict=True), start=1)
        ]
        x = self.merge(concatenate([x, *sides]))

        heads: dict[str, Tensor] = {"logits": self.head(x)}
        if self.contour is not None:
            heads["contour"] = self.contour(x)
        if self.training and self.auxiliary is not None and self.level is not None:
            heads["auxiliary"] = upsample(self.auxiliary(detail), 2 ** (self.level - 1))
        return heads if len(heads) > 1 else heads["logits"]


_IN_FIGURE = "the layout is in a figure only; "
_DENSE = "a dense block is three 3x3 convolutions of 1/2, 1/4 and 1/4 of the width, concatenated"
_SIDE = "the side channels start from the decoder at 1/2, 1/4 and 1/8 of the size"
_BLOCKS = (
    "the blocks of the pathway have dilations 1, 3 and 5, the better ones of the paper's dilated networks"
)
_LINKS = "the blocks of the pathway are linked to its end only, as the text says and the 2D counts need"
_FULL = (
    "each block of the pathway reads all blocks before it, which the step between the 3D counts needs; "
    "dense='last' links them to the end only"
)
_COUNTED = (5, "trainable", 4)
_TINY: dict[str, Any] = {"widths": (4, 5, 6, 7, 8), "dropout": 0.0, "pathway_width": 3, "dilations": (1, 2)}


def _card(source: str, note: str, decisions: tuple[str, ...], **counts: Any) -> Card:
    return Card(paper="HMEDN", source=f"HMEDN (2020), {source}", note=note, decisions=decisions, **counts)


register_model(
    "dstnet1",
    HMEDN,
    _card(
        "sections III-A and IV-A2, tables I and II",
        "the distilling network alone, with four poolings",
        (_IN_FIGURE + "widths 32 to 512, twice those of the 3D form", _DENSE, _SIDE),
        parameters=3.2e6,
        counted=_COUNTED,
    ),
    tiny=_TINY,
)
register_model(
    "dstnet2",
    HMEDN,
    _card(
        "section IV-A2, table I",
        "the distilling network alone, with three poolings",
        ("dstnet1 without its lowest level; the third side channel starts at the bottom",),
        counted=_COUNTED,
    ),
    tiny=_TINY | {"widths": (4, 5, 6, 7)},
    widths=(32, 64, 128, 256),
)
_HRDN = {
    1: (32, "the distilling network with the pathway at full resolution, 'HRDN' of table II"),
    2: (40, "the pathway at half resolution"),
    3: (56, "the pathway at a quarter of the resolution, the best of the four"),
    4: (72, "the pathway at an eighth of the resolution"),
}
for _level, (_width, _note) in _HRDN.items():
    register_model(
        f"hrdn_l{_level}",
        HMEDN,
        _card(
            "sections III-B and IV-A4, table III",
            _note,
            (_BLOCKS, _LINKS),
            counted=_COUNTED,
            parameters=3.38e6 if _level == 1 else None,
            difference="the pathway adds 0.18M, as printed; the network that it is added to is ours"
            if _level == 1
            else "",
        ),
        tiny=_TINY,
        level=_level,
        pathway_width=_width,
    )
register_model(
    "hmedn",
    HMEDN,
    _card(
        "sections III and IV-A5, tables IV and V",
        "hrdn_l3 with a contour head: a 3x3 convolution to 32 maps and a 1x1 convolution to one map for all organs",
        (_DENSE, _SIDE, _BLOCKS, _LINKS, "the contour is a linear output, regressed on [0, 1]"),
        parameters=3.78e6,
        counted=_COUNTED,
        difference="widths and dense blocks are ours, chosen to be close to everything that the paper prints",
    ),
    tiny=_TINY,
    level=3,
    pathway_width=56,
    contour=True,
)
for _level, _width, _paper, _ours in ((2, 32, 4.39e6, "3,766,456"), (3, 64, 9.64e6, "8,454,648")):
    _last = {2: "2,725,560", 3: "4,292,088"}[_level]
    register_model(
        f"hmedn3d_l{_level}",
        HMEDN,
        _card(
            "section IV-B, table VI",
            "16 to 256 channels, no contour head, dropout after each level",
            (_FULL, "dropout of 0.2, for which the paper gives no rate", "a softmax of four classes"),
            parameters_3d=_paper,
            counted_3d=(4, "trainable", 4),
            difference=(
                f"not matched: the paper prints {_paper / 1e6:.2f}M, ours has {_ours} ({_last} with dense='last')"
            ),
        ),
        tiny=_TINY,
        spatial_dims=3,
        widths=(16, 32, 64, 128, 256),
        dropout=0.2,
        level=_level,
        pathway_width=_width,
        dense="full",
    )

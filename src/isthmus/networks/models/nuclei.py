"""The nuclei networks of HMEDN: a pre-trained encoder, two decoders for three maps, and the pathway.

Zhou, Nie, Adeli, Yin, Lian, Shen: High-resolution encoder-decoder networks for low-contrast medical image
segmentation. IEEE Transactions on Image Processing 29:461-475 (2020), doi:10.1109/TIP.2019.2919937, section
IV-C, table VII. The decoder is that of the public framework on which the section builds.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from isthmus.errors import IsthmusError
from isthmus.networks.base import Network
from isthmus.networks.blocks.layers import conv, norm, up_conv
from isthmus.networks.blocks.pathway import DILATIONS, HighResolution
from isthmus.networks.blocks.upsampling import upsample
from isthmus.networks.checks import require_name, require_share, require_whole, whole_numbers
from isthmus.networks.encoders.registry import ENCODERS, create_encoder
from isthmus.networks.kernels.checkpointing import checkpointed
from isthmus.networks.kernels.concatenation import concatenate
from isthmus.networks.registry import Card, register_model

HEADS = ("contour", "marker")


class NucleiNet(Network):
    """An encoder, a decoder for the bodies of nuclei, and a second decoder for their contours and markers.

    Each level of a decoder has a 2x2 transposed convolution to half the level's channels, a concatenation with the
    features of the encoder (and the pathway), twice a 3x3 convolution with ReLU and batch normalisation, and dropout.
    If the encoder begins at half resolution, there is one more transposed convolution, which is the head.

    Args:
        spatial_dims: 2.
        in_channels: number of channels of the image.
        classes: number of maps of body logits; contour and marker have one map each.
        encoder: name of an encoder, see `create_encoder`.
        encoder_weights: file or URL of its pre-trained weights.
        widths: channels of the levels of the decoder from the deepest up; by default those of the encoder.
        decoders: 2, or 1 for all heads.
        heads: which of ``"contour"`` and ``"marker"`` exist beside the body.
        dropout: rate at which a level of the decoder drops whole channels.
        level: layer of the encoder that gets the high-resolution pathway (in the paper 2, 3 or 4 of ResNet-34); None
            for no pathway.
        pathway_width: channels of the pathway; None for those of its layer, as in the paper.
        dilations, dense: options of the pathway, see `HighResolution`.
        checkpoint: whether parts are computed again in the backward pass of training instead of kept in memory.

    Shapes:
        ``(N, in_channels, H, W)``, where H and W are multiples of 32 (16 for VGG), to a dict of logits: ``"logits"``
        ``(N, classes, H, W)`` and the ``heads``, each ``(N, 1, H, W)``; in training with a pathway also
        ``"auxiliary"``, body logits of the pathway interpolated to full size. If there is one head only, the result is
        its tensor.

    >>> import torch
    >>> network = NucleiNet(in_channels=3, widths=(8, 8, 4, 4)).eval()
    >>> {name: tuple(head.shape) for name, head in network(torch.zeros(1, 3, 32, 64)).items()}
    {'logits': (1, 1, 32, 64), 'contour': (1, 1, 32, 64), 'marker': (1, 1, 32, 64)}
    """

    only = (2,)

    def __init__(
        self,
        *,
        spatial_dims: int = 2,
        in_channels: int = 1,
        classes: int = 1,
        encoder: str = "resnet34",
        encoder_weights: Path | str | None = None,
        widths: Sequence[int] | None = None,
        decoders: int = 2,
        heads: Sequence[str] = HEADS,
        dropout: float = 0.2,
        level: int | None = None,
        pathway_width: int | None = None,
        dilations: Sequence[int] = DILATIONS,
        dense: str = "last",
        checkpoint: bool = False,
    ) -> None:
        require_name("encoder", encoder, tuple(ENCODERS))
        super().__init__(spatial_dims, in_channels, classes, checkpoint=checkpoint)
        heads = (heads,) if isinstance(heads, str) else heads
        if not isinstance(heads, Sequence):
            raise IsthmusError(f"heads must be a list of {' and '.join(HEADS)}, found {heads!r}")
        for head in heads:
            require_name("head", head, HEADS)
        require_whole("decoders", decoders, 1, 2)
        require_share("dropout of the decoder", dropout)
        part = HighResolution(
            level=level, width=pathway_width, dilations=whole_numbers("dilations", dilations), dense=dense
        )
        self.encoder = create_encoder(encoder, in_channels=in_channels, weights=encoder_weights)
        self.encoder.checkpoint = checkpoint
        given = list(self.encoder.channels)
        self.divisor = self.encoder.strides[-1]
        wide = tuple(given[-2::-1]) if widths is None else whole_numbers("widths", widths)
        if len(wide) != len(given) - 1:
            raise IsthmusError(f"widths needs {len(given) - 1} numbers for '{encoder}', found {list(wide)}")

        rises = [max(1, channels // 2) for channels in (given[-1], *wide[:-1])]
        self.level, self.heads = level, tuple(heads)
        self.pathway = self.auxiliary = None
        if level is not None:
            if level >= len(given):
                raise IsthmusError(f"level of the pathway must be from 1 to {len(given) - 1}, found {level}")
            here = part.width or given[level]
            self.pathway = part.pathway(2, given[level], given[level])
            self.auxiliary = conv(2, here, classes, 1)
            given[level] += here
        first = {"logits": classes}
        second = dict.fromkeys(self.heads, 1)
        parts = [first, second] if decoders == 2 and second else [first | second]
        coarse = self.encoder.strides[0] == 2
        self.decoders = nn.ModuleList(_Decoder(given, rises, wide, maps, coarse, dropout) for maps in parts)

    def forward(self, x: Tensor) -> Tensor | dict[str, Tensor]:
        x = self.accepted(x)
        taps = self.encoder(x)
        heads: dict[str, Tensor] = {}
        detail = None
        if self.pathway is not None and self.level is not None:
            detail = checkpointed(self, self.pathway, taps[self.level])
            taps[self.level] = concatenate([taps[self.level], detail])
        for decoder in self.decoders:
            heads |= checkpointed(self, decoder, taps)
        if self.training and detail is not None and self.auxiliary is not None and self.level is not None:
            heads["auxiliary"] = upsample(self.auxiliary(detail), self.encoder.strides[self.level])
        return heads if len(heads) > 1 else heads["logits"]


class _Decoder(nn.Module):
    def __init__(
        self,
        given: Sequence[int],
        rises: Sequence[int],
        widths: Sequence[int],
        maps: dict[str, int],
        coarse: bool,
        dropout: float,
    ) -> None:
        super().__init__()
        channels = zip((given[-1], *widths[:-1]), rises, given[-2::-1], widths, strict=True)
        self.levels = nn.ModuleList(_Up(*each, dropout) for each in channels)
        make = up_conv if coarse else _point
        self.heads = nn.ModuleDict({name: make(2, widths[-1], count) for name, count in maps.items()})

    def forward(self, taps: Sequence[Tensor]) -> dict[str, Tensor]:
        x = taps[-1]
        for level, bridge in zip(self.levels, taps[-2::-1], strict=True):
            x = level(x, bridge)
        return {name: head(x) for name, head in self.heads.items()}


def _point(dims: int, in_channels: int, channels: int) -> nn.Module:
    return conv(dims, in_channels, channels, 1)


class _Up(nn.Module):
    def __init__(self, in_channels: int, rise: int, bridge: int, width: int, dropout: float) -> None:
        super().__init__()
        self.up = up_conv(2, in_channels, rise)
        self.body = nn.Sequential(
            *(conv(2, rise + bridge, width), nn.ReLU(inplace=True), norm(2, width, "batch")),
            *(conv(2, width, width), nn.ReLU(inplace=True), norm(2, width, "batch")),
            nn.Dropout2d(dropout),
        )

    def forward(self, x: Tensor, bridge: Tensor) -> Tensor:
        y: Tensor = self.body(concatenate([self.up(x), bridge]))
        return y


_TRAINED = "the encoder and all decoders are trained and counted here; the paper counts differently"


def _card(
    note: str,
    parameters: float,
    difference: str,
    decisions: tuple[str, ...] = (),
    paper: str = "HMEDN (comparison)",
    version: int = 1,
) -> Card:
    return Card(
        paper=paper,
        source="HMEDN (2020), section IV-C, table VII",
        note=note,
        parameters=parameters,
        counted=(3, "trainable", 1),
        difference=difference,
        decisions=decisions,
        version=version,
    )


_TWO = (
    "one decoder gives the body, the other contour and marker; the paper's count leaves room for two decoders, not "
    "for three"
)
_TINY: dict[str, Any] = {"widths": (5, 4, 4, 3), "dropout": 0.0}
register_model(
    "nuclei_vgg16_bn",
    NucleiNet,
    _card(
        "the 'U-Net' of the table: VGG-16 with batch normalisation and one decoder, not pre-trained in the paper",
        24.16e6,
        "24,162,753 with one head; here two more heads, of 65 weights each, give contour and marker",
    ),
    tiny=_TINY,
    encoder="vgg16_bn",
    decoders=1,
)
register_model(
    "nuclei_resnet34",
    NucleiNet,
    _card(
        "ResNet-34 and two decoders",
        28.03e6,
        "the paper counts 28,027,114, with the unused classifier of the encoder (513,000) and two heads; here there "
        "are three heads, of 257 weights each, and no classifier",
        (_TWO,),
    ),
    tiny=_TINY,
    encoder="resnet34",
)
register_model(
    "nuclei_densenet121",
    NucleiNet,
    _card(
        "DenseNet-121 and two decoders; as in the framework, the decoders read its last normalisation without a ReLU, "
        "which version 1 had",
        74.90e6,
        "the paper counts 74,900,482, two decoders with a head each, without the encoder (6,953,856); the third "
        "head has 257 more weights",
        (_TWO, _TRAINED),
        version=2,
    ),
    tiny=_TINY,
    earlier={1: {"encoder": "densenet121"}},
    encoder="densenet121_norm5",
)
register_model(
    "nuclei_resnet101",
    NucleiNet,
    _card(
        "ResNet-101 and two decoders",
        96.92e6,
        "the paper counts 96,921,602, two decoders with a head each, without the encoder (42,500,160); the third "
        "head has 257 more weights",
        (_TWO, _TRAINED),
    ),
    tiny=_TINY,
    encoder="resnet101",
)
for _level, _paper, _ours in (
    (2, 34.96e6, "30,632,324"),
    (3, 42.19e6, "39,976,196"),
    (4, 67.62e6, "73,671,684"),
):
    register_model(
        f"nuclei_resnet34_hr_l{_level}",
        NucleiNet,
        _card(
            f"nuclei_resnet34 with the pathway on layer {_level} of the encoder, read by both decoders",
            _paper,
            f"not matched: the paper prints {_paper / 1e6:.2f}M, ours has {_ours}; the paper's pathways grow more "
            "slowly than the square of their width, so no single layout gives all three",
            ("the pathway of hmedn, as wide as the layer it stands on", _TWO),
            paper="HMEDN",
        ),
        tiny=_TINY | {"pathway_width": 3, "dilations": (1, 3)},
        encoder="resnet34",
        level=_level,
    )

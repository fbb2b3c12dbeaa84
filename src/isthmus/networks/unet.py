"""The U-Net skeleton, its plain and residual blocks, and the networks made of these.

Ronneberger, Fischer, Brox: U-Net: convolutional networks for biomedical image segmentation. MICCAI 2015,
doi:10.1007/978-3-319-24574-4_28. Widths 32 to 512 as in the four papers this project implements.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from isthmus.errors import IsthmusError, nearest
from isthmus.networks.layers import activation as make_activation
from isthmus.networks.layers import check_input, conv, max_pool, require_counts, require_dims, up_conv
from isthmus.networks.layers import norm as make_norm
from isthmus.networks.parts import BLOCKS, SKIPS, Block, Skip, register_block, register_skip, resolve
from isthmus.networks.registry import Card, register_model


@register_block("plain")
@dataclass(frozen=True)
class Plain(Block):
    """Two 3x3 convolutions, each with its norm and activation; biased where there is no norm."""

    norm: str = "none"
    activation: str = "relu"
    dropout: float = 0.0

    def build(self, dims: int, in_channels: int, width: int) -> nn.Module:
        layers: list[nn.Module] = []
        for channels in (in_channels, width):
            layers.append(conv(dims, channels, width, bias=self.norm == "none"))
            if self.norm != "none":
                layers.append(make_norm(dims, width, self.norm))
            layers.append(make_activation(self.activation))
            if self.dropout:
                layers.append(nn.Dropout(self.dropout))
        return nn.Sequential(*layers)

    def reach(self) -> int:
        return 2


@register_block("residual")
@dataclass(frozen=True)
class Residual(Block):
    """conv-norm-activation-conv-norm, plus the input (through a 1x1 convolution where widths differ), activation.

    The ResidualU-Net baseline of MILDNet (Methods, "Baseline models"); its wiring is in a figure only, this is the
    common one (He et al. 2016, doi:10.1109/CVPR.2016.90).
    """

    norm: str = "batch"
    activation: str = "relu"

    def build(self, dims: int, in_channels: int, width: int) -> nn.Module:
        return _ResidualPair(dims, in_channels, width, self.norm, self.activation)

    def reach(self) -> int:
        return 2


class _ResidualPair(nn.Module):
    def __init__(self, dims: int, in_channels: int, width: int, norm: str, activation: str) -> None:
        super().__init__()
        self.body = nn.Sequential(
            conv(dims, in_channels, width),
            make_norm(dims, width, norm),
            make_activation(activation),
            conv(dims, width, width),
            make_norm(dims, width, norm),
        )
        self.shortcut = conv(dims, in_channels, width, 1) if in_channels != width else nn.Identity()
        self.activation = make_activation(activation)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.activation(self.body(x) + self.shortcut(x)))


@register_skip("identity")
@dataclass(frozen=True)
class Identity(Skip):
    """The encoder's features as they are."""

    def build(self, dims: int, in_channels: int, width: int, pools_below: int) -> nn.Module:
        return nn.Identity()

    def reach(self, pools_below: int) -> int:
        return 0


class UNet(nn.Module):
    """An encoder and a decoder of blocks, joined on every level by a skip.

    On each level a block; between encoder levels a 2x2 max-pooling; between decoder levels a 2x2 transposed
    convolution, whose output is concatenated with what the skip brings (up first) before the next block; a 1x1
    convolution to the classes at the end.

    Args:
        spatial_dims: 2 or 3.
        in_channels: channels of the image.
        classes: maps of logits: 1 for one foreground class (sigmoid), K for K classes with background (softmax).
        widths: channels of the levels from full resolution down; their number is the depth.
        depth: instead of ``widths``: as many levels, each twice as wide as the one above, the first 32.
        up_widths: channels after each transposed convolution, from the deepest up; the levels' own by default.
        block: name, mapping ``{"name": …, option: …}`` or `Block`.
        skip: name, mapping or `Skip`.
        norm, activation, levels, dilations: options of the block; None leaves its own default, ``norm="none"``
            switches normalisation off.
        head: ``"conv"``, or ``"conv_bn"`` for a convolution without bias followed by batch normalisation without
            scale (MultiResUNet).

    Shapes:
        ``(N, in_channels, *spatial)`` to logits ``(N, classes, *spatial)``; every side a multiple of
        ``2 ** (depth - 1)``.

    Raises:
        IsthmusError: unknown or impossible options, or an input of the wrong shape.

    >>> network = UNet(in_channels=3, classes=2, widths=(4, 8), block="residual")
    >>> network(torch.zeros(1, 3, 6, 10)).shape
    torch.Size([1, 2, 6, 10])
    """

    def __init__(
        self,
        *,
        spatial_dims: int = 2,
        in_channels: int = 1,
        classes: int = 1,
        widths: Sequence[int] | None = None,
        depth: int | None = None,
        up_widths: Sequence[int] | None = None,
        block: str | Mapping[str, Any] | Block = "plain",
        skip: str | Mapping[str, Any] | Skip = "identity",
        norm: str | None = None,
        activation: str | None = None,
        levels: int | None = None,
        dilations: Sequence[int] | None = None,
        head: str = "conv",
    ) -> None:
        super().__init__()
        widths = _widths(widths, depth)
        require_dims(spatial_dims)
        require_counts(in_channels, classes, widths)
        block_part = resolve(
            "block",
            block,
            BLOCKS,
            {"norm": norm, "activation": activation, "levels": levels, "dilations": _tuple(dilations)},
        )
        skip_part = resolve("skip", skip, SKIPS, {})
        ups = tuple(up_widths) if up_widths is not None else widths[-2::-1]
        if len(ups) != len(widths) - 1:
            raise IsthmusError(
                f"up_widths needs one number for each of the {len(widths) - 1} up-samplings, found {len(ups)}"
            )
        require_counts(in_channels, classes, ups)

        self.spatial_dims, self.in_channels, self.classes = spatial_dims, in_channels, classes
        self.depth = len(widths)
        self.divisor = 2 ** (self.depth - 1)
        self.block_part, self.skip_part = block_part, skip_part

        given = [block_part.out_channels(width) for width in widths]
        self.encoder = nn.ModuleList(
            block_part.build(spatial_dims, channels, width)
            for channels, width in zip([in_channels, *given[:-1]], widths, strict=True)
        )
        self.pool = max_pool(spatial_dims)
        self.ups, self.skips, self.decoder = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for up, level in zip(ups, reversed(range(self.depth - 1)), strict=True):
            bridge = skip_part.out_channels(given[level], widths[level])
            self.ups.append(up_conv(spatial_dims, given[level + 1], up))
            self.skips.append(
                skip_part.build(spatial_dims, given[level], widths[level], self.depth - 1 - level)
            )
            self.decoder.append(block_part.build(spatial_dims, up + bridge, widths[level]))
        self.head = _head(head, spatial_dims, given[0], classes)

    def forward(self, x: Tensor) -> Tensor:
        check_input(x, self.spatial_dims, self.in_channels, self.divisor)
        bridges: list[Tensor] = []
        for level, block in enumerate(self.encoder):
            x = block(self.pool(x) if level else x)
            bridges.append(x)
        bridges.pop()
        for up, skip, block in zip(self.ups, self.skips, self.decoder, strict=True):
            x = block(torch.cat([up(x), skip(bridges.pop())], dim=1))
        return cast(Tensor, self.head(x))

    def receptive_field(self) -> int:
        """Side, in pixels, of the input square on which one output pixel can depend, for the worst position.

        Followed backwards as an interval from the output through every level and bridge; normalisation over the
        image is left out (with instance normalisation an output depends on the whole image).
        """
        block, pools = self.block_part.reach(), self.depth - 1
        widest = 0
        for position in range(self.divisor):
            low = high = position
            needed: list[tuple[int, int]] = []
            for level in range(pools):
                low, high = low - block, high + block
                bridge = self.skip_part.reach(pools - level)
                needed.append((low - bridge, high + bridge))
                low, high = low // 2, high // 2
            low, high = low - block, high + block
            for bridge_low, bridge_high in reversed(needed):
                low, high = min(2 * low, bridge_low), max(2 * high + 1, bridge_high)
                low, high = low - block, high + block
            widest = max(widest, high - low + 1)
        return widest


def _widths(widths: Sequence[int] | None, depth: int | None) -> tuple[int, ...]:
    if widths is not None and depth is not None and len(widths) != depth:
        raise IsthmusError(f"depth is {depth} but widths has {len(widths)} levels; give one of the two")
    if widths is None:
        depth = 5 if depth is None else depth
        if not isinstance(depth, int) or not 2 <= depth <= 8:
            raise IsthmusError(f"depth (levels of resolution) must be a whole number from 2 to 8, not {depth!r}")
        return tuple(32 * 2**level for level in range(depth))
    if len(widths) < 2:
        raise IsthmusError(f"widths needs at least two levels, found {list(widths)}")
    return tuple(widths)


def _tuple(values: Sequence[int] | None) -> tuple[int, ...] | None:
    return None if values is None else tuple(values)


def _head(kind: str, dims: int, in_channels: int, classes: int) -> nn.Module:
    if kind == "conv":
        return conv(dims, in_channels, classes, 1)
    if kind == "conv_bn":
        return nn.Sequential(conv(dims, in_channels, classes, 1, bias=False), make_norm(dims, classes, "batch_shift"))
    raise IsthmusError(f"unknown head '{kind}': {nearest(kind, ('conv', 'conv_bn'))}")


_MULTIRES_PAPER = "MultiResUNet (2019), table 3"
_SHARP_PAPER = "Sharp U-Net (2021), section 4.2"

register_model(
    "unet",
    UNet,
    Card(
        paper="Ronneberger 2015; widths of MultiResUNet, Sharp U-Net and MILDNet",
        source=_MULTIRES_PAPER,
        parameters=7_759_521,
        counted=(1, "trainable"),
        note="the papers' form: no normalisation, biased convolutions",
    ),
)
register_model(
    "wide_unet",
    UNet,
    Card(
        paper="Sharp U-Net (baseline)",
        source=_SHARP_PAPER,
        parameters=9.1e6,
        counted=(3, "trainable"),
        note="transposed convolutions keep 256, 128, 64, 32 as in the authors' code, which the printed 9.1M needs",
    ),
    widths=(35, 70, 140, 280, 560),
    up_widths=(256, 128, 64, 32),
)
register_model(
    "residual_unet",
    UNet,
    Card(
        paper="MILDNet (baseline)",
        source="MILDNet (2021), Methods",
        note="wiring only in a figure: conv-BN-ReLU-conv-BN plus projected input, ReLU",
    ),
    block="residual",
)
register_model(
    "unet_instance",
    UNet,
    Card(
        paper="none: the network of `isthmus train` when none is named",
        source="U-Net with instance normalisation and leaky ReLU",
        note="instance normalisation makes it independent of batch size; the receptive field leaves it out",
    ),
    block={"name": "plain", "norm": "instance", "activation": "leaky_relu"},
)

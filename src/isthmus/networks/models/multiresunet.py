"""MultiResUNet: MultiRes blocks on the levels, Res paths on the bridges.

Ibtehaz, Rahman: MultiResUNet: rethinking the U-Net architecture for multimodal biomedical image
segmentation. Neural Networks 121:74-87 (2020), doi:10.1016/j.neunet.2019.08.025. The published counts
follow the authors' Keras files (batch normalisation without scale after each convolution without bias), and so does
this module.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from isthmus.errors import IsthmusError
from isthmus.networks.blocks.base import Block, Bridge, Skip, register_block, register_skip
from isthmus.networks.blocks.layers import activation, conv, norm
from isthmus.networks.kernels.concatenation import concatenate
from isthmus.networks.models.unet import UNet
from isthmus.networks.registry import Card, register_model


@dataclass(frozen=True)
class _Scales(Block):
    """Convolutions that read 3, 5 and 7 pixels, with a third of the width each, concatenated."""

    norm: str = "batch"
    activation: str = "relu"

    def filters(self, width: int) -> tuple[int, int, int]:
        """Returns the numbers of filters of the three scales; the last gets the remainder of the division by 3."""
        if width < 3:
            raise IsthmusError(f"the Inception-like blocks need a width of at least 3, found {width}")
        return width // 3, width // 3, width - 2 * (width // 3)


@register_block("inception")
@dataclass(frozen=True)
class Inception(_Scales):
    """The Inception-like block (section 3.1, figure 3a): 3x3, 5x5 and 7x7 convolutions in parallel.

    The paper leaves open the shares of the three (here equal) and the normalisation (here after each).
    """

    def build(self, dims: int, in_channels: int, width: int) -> nn.Module:
        filters = zip(self.filters(width), (3, 5, 7), strict=True)
        return _Parallel(
            _unit(dims, in_channels, channels, kernel, self.norm, self.activation)
            for channels, kernel in filters
        )


@register_block("inception_factorised")
@dataclass(frozen=True)
class InceptionFactorised(_Scales):
    """The same scales from three chained 3x3 convolutions (section 3.1, figure 3b), the step before `MultiRes`."""

    def build(self, dims: int, in_channels: int, width: int) -> nn.Module:
        filters = self.filters(width)
        return _Chained(
            _unit(dims, given, channels, 3, self.norm, self.activation)
            for given, channels in zip((in_channels, *filters), filters, strict=False)
        )


@register_block("multires")
@dataclass(frozen=True)
class MultiRes(Block):
    """MultiRes block (section 3.1, figure 3c): three chained 3x3 convolutions, concatenated, plus a 1x1 shortcut.

    With W = alpha * width they have int(.167 W), int(.333 W) and int(.5 W) filters, and the block gives their sum. The
    text's W/6, W/3 and W/2 would give 285 instead of the 284 of table 1.
    """

    alpha: float = 1.67

    def filters(self, width: int) -> tuple[int, int, int]:
        """Returns the numbers of filters of the three convolutions.

        >>> MultiRes().filters(512)
        (142, 284, 427)
        """
        w = self.alpha * width
        first, second, third = (max(1, int(w * share)) for share in (0.167, 0.333, 0.5))
        return first, second, third

    def out_channels(self, width: int) -> int:
        return sum(self.filters(width))

    def build(self, dims: int, in_channels: int, width: int) -> nn.Module:
        return _MultiRes(dims, in_channels, self.filters(width))

    def __post_init__(self) -> None:
        if (
            isinstance(self.alpha, bool)
            or not isinstance(self.alpha, int | float)
            or not 0 < self.alpha < 100
        ):
            raise IsthmusError(f"alpha of the MultiRes block must be a number above 0, found {self.alpha!r}")


@register_skip("respath")
@dataclass(frozen=True)
class ResPath(Skip):
    """Res path (section 3.2, figure 4): as many residual 3x3 convolutions as there are poolings below the level."""

    def out_channels(self, bridge: Bridge) -> int:
        return bridge.width

    def build(self, bridge: Bridge) -> nn.Module:
        given = (bridge.in_channels, *(bridge.width,) * (bridge.pools_below - 1))
        return nn.Sequential(*(_ResStep(bridge.dims, channels, bridge.width) for channels in given))


def _conv_bn(dims: int, in_channels: int, out_channels: int, kernel: int) -> nn.Sequential:
    return nn.Sequential(
        conv(dims, in_channels, out_channels, kernel, bias=False), norm(dims, out_channels, "batch_shift")
    )


def _unit(
    dims: int, in_channels: int, out_channels: int, kernel: int, norm_kind: str, activation_kind: str
) -> nn.Sequential:
    return nn.Sequential(
        conv(dims, in_channels, out_channels, kernel, bias=norm_kind == "none"),
        norm(dims, out_channels, norm_kind),
        activation(activation_kind),
    )


class _Parallel(nn.Module):
    def __init__(self, branches: Iterable[nn.Module]) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        return concatenate([branch(x) for branch in self.branches])


class _Chained(nn.Module):
    def __init__(self, steps: Iterable[nn.Module]) -> None:
        super().__init__()
        self.steps = nn.ModuleList(steps)

    def forward(self, x: Tensor) -> Tensor:
        given = []
        for step in self.steps:
            x = step(x)
            given.append(x)
        return concatenate(given)


class _MultiRes(nn.Module):
    def __init__(self, dims: int, in_channels: int, filters: tuple[int, int, int]) -> None:
        super().__init__()
        total = sum(filters)
        self.shortcut = _conv_bn(dims, in_channels, total, 1)
        self.convs = nn.ModuleList(
            _conv_bn(dims, channels, out, 3)
            for channels, out in zip((in_channels, *filters[:2]), filters, strict=True)
        )
        self.norm_joined = norm(dims, total, "batch_keras")
        self.norm = norm(dims, total, "batch_keras")

    def forward(self, x: Tensor) -> Tensor:
        steps, y = [], x
        for step in self.convs:
            y = torch.relu_(step(y))
            steps.append(y)
        joined = self.norm_joined(concatenate(steps))
        return cast(Tensor, self.norm(torch.relu_(joined + self.shortcut(x))))


class _ResStep(nn.Module):
    def __init__(self, dims: int, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.shortcut = _conv_bn(dims, in_channels, out_channels, 1)
        self.conv = _conv_bn(dims, in_channels, out_channels, 3)
        self.norm = norm(dims, out_channels, "batch_keras")

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.norm(torch.relu_(torch.relu_(self.conv(x)) + self.shortcut(x))))


register_model(
    "multiresunet",
    UNet,
    Card(
        paper="MultiResUNet",
        source="MultiResUNet (2019), table 3",
        parameters=7_262_750,
        counted=(3, "keras"),
        parameters_3d=18_657_689,
        counted_3d=(4, "keras"),
        note="as in the authors' Keras files, which give the printed counts",
        decisions=(
            "filters of .167, .333 and .5 W; the text's W/6, W/3 and W/2 would give 285 instead of the 284 of table 1",
            "the output convolution is normalised, unlike in the text, because the printed count needs it",
            "batch normalisation has no scale after a convolution, and Keras' epsilon and momentum",
        ),
    ),
    block="multires",
    skip="respath",
    head="conv_bn",
)

"""The plain parts of a U-Net: a pair of convolutions, a residual pair, and a bridge that changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from torch import Tensor, nn

from isthmus.networks.blocks.base import Block, Bridge, Skip, register_block, register_skip
from isthmus.networks.blocks.layers import activation as make_activation
from isthmus.networks.blocks.layers import conv
from isthmus.networks.blocks.layers import norm as make_norm
from isthmus.networks.checks import require_share


@register_block("plain")
@dataclass(frozen=True)
class Plain(Block):
    """Two 3x3 convolutions, each with norm, activation and dropout, and biased if there is no norm."""

    norm: str = "none"
    activation: str = "relu"
    dropout: float = 0.0

    def __post_init__(self) -> None:
        require_share("dropout of the plain block", self.dropout)

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


@register_block("residual")
@dataclass(frozen=True)
class Residual(Block):
    """conv-norm-activation-conv-norm, plus the input (by a 1x1 convolution if widths differ), activation.

    This is the ResidualU-Net baseline of MILDNet (Methods, "Baseline models"). Its wiring is in a figure only; this is
    the common one (He et al. 2016, doi:10.1109/CVPR.2016.90).
    """

    norm: str = "batch"
    activation: str = "relu"

    def build(self, dims: int, in_channels: int, width: int) -> nn.Module:
        return ResidualPair(dims, in_channels, width, self.norm, self.activation)


class ResidualPair(nn.Module):
    """The module of `Residual`, with an optional ``gate`` on the output of the pair before the addition."""

    def __init__(
        self,
        dims: int,
        in_channels: int,
        width: int,
        norm: str,
        activation: str,
        gate: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.body = nn.Sequential(
            conv(dims, in_channels, width),
            make_norm(dims, width, norm),
            make_activation(activation),
            conv(dims, width, width),
            make_norm(dims, width, norm),
            *(() if gate is None else (gate,)),
        )
        self.shortcut = conv(dims, in_channels, width, 1) if in_channels != width else nn.Identity()
        self.activation = make_activation(activation)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.activation(self.body(x) + self.shortcut(x)))


@register_skip("identity")
@dataclass(frozen=True)
class Identity(Skip):
    """The features of the encoder as they are."""

    def build(self, bridge: Bridge) -> nn.Module:
        return nn.Identity(bridge)  # ignores its arguments

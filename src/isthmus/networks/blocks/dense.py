"""The dense block of HMEDN's distilling pathway, and the convolution unit of its networks.

Zhou, Nie, Adeli, Yin, Lian, Shen: High-resolution encoder-decoder networks for low-contrast medical image
segmentation. IEEE Transactions on Image Processing 29:461-475 (2020), doi:10.1109/TIP.2019.2919937.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from isthmus.networks.blocks.base import Block, register_block
from isthmus.networks.blocks.layers import activation as make_activation
from isthmus.networks.blocks.layers import conv
from isthmus.networks.blocks.layers import norm as make_norm
from isthmus.networks.checks import require_share, require_whole
from isthmus.networks.kernels.concatenation import concatenate


def conv_unit(
    dims: int,
    in_channels: int,
    channels: int,
    kernel: int = 3,
    *,
    dilation: int = 1,
    norm: str = "batch",
    activation: str | None = "relu",
) -> nn.Sequential:
    """Makes a convolution, biased if there is no norm, a norm and an activation; ``None`` leaves the activation out."""
    layers = [conv(dims, in_channels, channels, kernel, dilation=dilation, bias=norm == "none")]
    if norm != "none":
        layers.append(make_norm(dims, channels, norm))
    if activation is not None:
        layers.append(make_activation(activation))
    return nn.Sequential(*layers)


@register_block("dense")
@dataclass(frozen=True)
class Dense(Block):
    """Three chained 3x3 convolutions of 1/2, 1/4 and 1/4 of the width, all concatenated (section III-A).

    The paper says that all preceding layers are linked to the final layer. How many there are, and how wide, is in a
    figure only. These three give the counts of the paper, and the receptive fields of its dilated networks.
    """

    norm: str = "batch"
    activation: str = "relu"
    dropout: float = 0.0

    def __post_init__(self) -> None:
        require_share("dropout of the dense block", self.dropout)

    def filters(self, width: int) -> tuple[int, int, int]:
        """Returns the numbers of filters of the three convolutions, which add up to the width.

        >>> Dense().filters(32), Dense().filters(5)
        ((16, 8, 8), (2, 1, 2))
        """
        require_whole("widths of a dense block", width, 3)
        first, second = width // 2, max(1, width // 4)
        return first, second, width - first - second

    def build(self, dims: int, in_channels: int, width: int) -> nn.Module:
        filters = self.filters(width)
        units = [
            conv_unit(dims, given, channels, norm=self.norm, activation=self.activation)
            for given, channels in zip((in_channels, *filters[:2]), filters, strict=True)
        ]
        return _Dense(units, self.dropout)


class _Dense(nn.Module):
    def __init__(self, units: list[nn.Sequential], dropout: float) -> None:
        super().__init__()
        self.units = nn.ModuleList(units)
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        steps = []
        for unit in self.units:
            x = unit(x)
            steps.append(x)
        y: Tensor = self.dropout(concatenate(steps))
        return y

"""The framework's convolutions, with correct results in bfloat16 on every processor.

Outside of bfloat16 on a CPU, and when kernels are switched off, they are the framework's own.
"""

from __future__ import annotations

from torch import Tensor, nn

from isthmus.networks.kernels.bfloat16.choice import uses_bfloat16, way_of
from isthmus.networks.kernels.bfloat16.ways import NATIVE, WAYS
from isthmus.networks.kernels.conv_arguments import ConvArguments

Convolution = nn.Conv2d | nn.Conv3d | nn.ConvTranspose2d | nn.ConvTranspose3d


class Conv2d(nn.Conv2d):
    """``nn.Conv2d`` with correct results in bfloat16.

    >>> Conv2d(1, 8, 3, padding=1)
    Conv2d(1, 8, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))
    """

    def forward(self, x: Tensor) -> Tensor:
        result = _computed_otherwise(self, x)
        return super().forward(x) if result is None else result


class Conv3d(nn.Conv3d):
    """``nn.Conv3d`` with correct results in bfloat16."""

    def forward(self, x: Tensor) -> Tensor:
        result = _computed_otherwise(self, x)
        return super().forward(x) if result is None else result


class ConvTranspose2d(nn.ConvTranspose2d):
    """``nn.ConvTranspose2d`` with correct results in bfloat16."""

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        result = _computed_otherwise(self, x) if output_size is None else None
        return super().forward(x, output_size) if result is None else result


class ConvTranspose3d(nn.ConvTranspose3d):
    """``nn.ConvTranspose3d`` with correct results in bfloat16."""

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        result = _computed_otherwise(self, x) if output_size is None else None
        return super().forward(x, output_size) if result is None else result


CHECKED: dict[type[nn.Module], type[nn.Module]] = {
    nn.Conv2d: Conv2d,
    nn.Conv3d: Conv3d,
    nn.ConvTranspose2d: ConvTranspose2d,
    nn.ConvTranspose3d: ConvTranspose3d,
}


def check_convolutions(network: nn.Module) -> nn.Module:
    """Turns the framework's convolutions in a network into those of this file, in place, and returns the network."""
    for module in network.modules():
        module.__class__ = CHECKED.get(type(module), type(module))
    return network


def _computed_otherwise(layer: Convolution, x: Tensor) -> Tensor | None:
    """Returns the layer's result if the framework's kernel is wrong, else None."""
    if (
        not uses_bfloat16(x)
        or x.ndim != layer.weight.ndim
        or layer.padding_mode != "zeros"
        or isinstance(layer.padding, str)
    ):
        return None
    arguments = ConvArguments.of(layer)
    way = way_of(x, layer.weight, layer.bias is not None, arguments)
    return None if way == NATIVE else WAYS[way](x, layer.weight, layer.bias, arguments)

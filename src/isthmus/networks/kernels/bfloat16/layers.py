"""The framework's convolutions, right in bfloat16 on every processor (`isthmus.networks.kernels.bfloat16.choice`)."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from isthmus.networks.kernels.bfloat16.choice import concerned, way_of
from isthmus.networks.kernels.bfloat16.kinds import Where
from isthmus.networks.kernels.bfloat16.ways import NATIVE, WAYS


class Conv2d(nn.Conv2d):
    """``nn.Conv2d``.

    >>> Conv2d(1, 8, 3, padding=1)
    Conv2d(1, 8, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))
    """

    def forward(self, x: Tensor) -> Tensor:
        another = _another_way(self, x)
        return super().forward(x) if another is None else another


class Conv3d(nn.Conv3d):
    """``nn.Conv3d``."""

    def forward(self, x: Tensor) -> Tensor:
        another = _another_way(self, x)
        return super().forward(x) if another is None else another


class ConvTranspose2d(nn.ConvTranspose2d):
    """``nn.ConvTranspose2d``."""

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        another = _another_way(self, x) if output_size is None else None
        return super().forward(x, output_size) if another is None else another


class ConvTranspose3d(nn.ConvTranspose3d):
    """``nn.ConvTranspose3d``."""

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        another = _another_way(self, x) if output_size is None else None
        return super().forward(x, output_size) if another is None else another


OWN: dict[type[nn.Module], type[nn.Module]] = {
    nn.Conv2d: Conv2d,
    nn.Conv3d: Conv3d,
    nn.ConvTranspose2d: ConvTranspose2d,
    nn.ConvTranspose3d: ConvTranspose3d,
}


def made_right(network: nn.Module) -> nn.Module:
    """The network, with the framework's convolutions turned into those of this file."""
    for module in network.modules():
        module.__class__ = OWN.get(type(module), type(module))
    return network


def where(layer: nn.Module) -> Where:
    """The arguments of a convolution that is padded with zeros by a number."""
    told: dict[str, Any] = {name: getattr(layer, name) for name in Where._fields}
    return Where(**told)


def _another_way(layer: nn.Conv2d | nn.Conv3d | nn.ConvTranspose2d | nn.ConvTranspose3d, x: Tensor) -> Any:
    """The layer's result, if the framework's kernel is wrong."""
    if (
        not concerned(x)
        or x.ndim != layer.weight.ndim
        or layer.padding_mode != "zeros"
        or isinstance(layer.padding, str)
    ):
        return None
    told = where(layer)
    way = way_of(x, layer.weight, layer.bias is not None, told)
    return None if way == NATIVE else WAYS[way](x, layer.weight, layer.bias, told)

"""Tiny variants of every registered network, with weights and images that no random generator makes."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from isthmus.networks import create_model, list_models
from isthmus.networks.encoders.densenet import DenseNet121
from isthmus.networks.encoders.resnet import ResNet
from isthmus.networks.encoders.vgg import VGG16
from isthmus.networks.registry import dimensions, tiny_options

VARIANTS = [(name, dims) for name in list_models() for dims in dimensions(name)]
every_network = pytest.mark.parametrize(("name", "dims"), VARIANTS, ids=[f"{n}-{d}d" for n, d in VARIANTS])


def tiny(name: str, dims: int, *, in_channels: int = 3, classes: int = 3, **options: Any) -> nn.Module:
    """A network of this name with as few weights as its layout allows, filled by `fill`, in evaluation."""
    return fill(make_tiny(name, dims, in_channels=in_channels, classes=classes, **options)).eval()


def make_tiny(name: str, dims: int, **options: Any) -> nn.Module:
    """The same with the weights that the framework draws."""
    with narrow_encoders():
        return create_model(name, **{**tiny_options(name), "spatial_dims": dims, **options})


@contextmanager
def narrow_encoders() -> Iterator[None]:
    """Encoders with all their layers and few channels; their true widths are held by `test_counts`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(VGG16, "groups", tuple((4 + i, convs) for i, (_, convs) in enumerate(VGG16.groups)))
        patch.setattr(ResNet, "base", 4)
        patch.setattr(DenseNet121, "growth", 4)
        yield


def good_size(network: nn.Module) -> tuple[int, ...]:
    """A size that the network takes, different along each axis, with more than one pixel at the bottom."""
    divisor = int(network.divisor)
    first, second, third = (
        divisor * max(k, -(-pixels // divisor)) for k, pixels in ((2, 7), (1, 11), (1, 5))
    )
    return (first, second) if network.spatial_dims == 2 else (first, second, third)


def image(*shape: int, phase: int = 0) -> Tensor:
    """Values from -1 to 1 that look random and are the same on every machine."""
    n = 1
    for side in shape:
        n *= side
    return (2 * _hashed(n, phase) - 1).float().reshape(shape)


def fill(network: nn.Module) -> nn.Module:
    """Weights from a formula: uniform with variance 2 / fan-in, scales near 1, shifts and means near 0.

    Each tensor has its own sequence, begun by its name.
    """
    with torch.no_grad():
        statistics = [(name, b) for name, b in network.named_buffers() if "running" in name]
        for name, tensor in (*network.named_parameters(), *statistics):
            unit = 2 * _hashed(tensor.numel(), zlib.crc32(name.encode())).reshape(tensor.shape) - 1
            if tensor.ndim > 1:
                fan_in = tensor[0].numel()
                tensor.copy_(unit * (6 / fan_in) ** 0.5)
            elif name.endswith(("running_var", ".weight")):
                tensor.copy_(1 + 0.2 * unit)
            else:
                tensor.copy_(0.1 * unit)
    return network


def _hashed(n: int, phase: int) -> Tensor:
    """n float64 numbers in [0, 1), from integer arithmetic only."""
    x = torch.arange(n, dtype=torch.int64) + phase % 1_000_003
    for factor in (1_103_515_245, 747_796_405):  # two rounds of multiply and fold
        x = (x * factor + 12_345) & 0x7FFFFFFF
        x = x ^ (x >> 13)
    return (x & 0x7FFFFF).double() / 0x800000


def outputs(result: Tensor | dict[str, Tensor]) -> dict[str, Tensor]:
    """The heads of an output by name; one tensor is called ``logits``."""
    return {"logits": result} if isinstance(result, Tensor) else result


def logits(result: Tensor | dict[str, Tensor]) -> Tensor:
    return outputs(result)["logits"]

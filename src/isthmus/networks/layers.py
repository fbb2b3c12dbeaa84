"""Layers by number of spatial dimensions, and the checks that every network makes on its arguments and input.

One word a layer: ``conv(2, …)`` is a 2D convolution, ``conv(3, …)`` a 3D one, both padded so that the size
stays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from isthmus.errors import IsthmusError, nearest
from isthmus.networks.instance_norm import InstanceNorm

_CONV: dict[int, type[nn.Conv2d] | type[nn.Conv3d]] = {2: nn.Conv2d, 3: nn.Conv3d}
_UP: dict[int, type[nn.ConvTranspose2d] | type[nn.ConvTranspose3d]] = {
    2: nn.ConvTranspose2d,
    3: nn.ConvTranspose3d,
}
_POOL: dict[int, type[nn.MaxPool2d] | type[nn.MaxPool3d]] = {2: nn.MaxPool2d, 3: nn.MaxPool3d}
_MEAN: dict[int, type[nn.AvgPool2d] | type[nn.AvgPool3d]] = {2: nn.AvgPool2d, 3: nn.AvgPool3d}
_BATCH: dict[int, type[nn.BatchNorm2d] | type[nn.BatchNorm3d]] = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}

NORMS = ("none", "batch", "instance", "batch_keras", "batch_shift")
_KERAS: dict[str, Any] = {
    "eps": 1e-3,
    "momentum": 0.01,
}  # as the published MultiResUNet was built and trained
ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": lambda: nn.ReLU(inplace=True),
    "leaky_relu": lambda: nn.LeakyReLU(0.01, inplace=True),
}


def conv(
    dims: int,
    in_channels: int,
    out_channels: int,
    kernel: int = 3,
    *,
    stride: int = 1,
    dilation: int = 1,
    bias: bool = True,
) -> nn.Module:
    """A convolution of odd ``kernel``, zero-padded: the size stays, or is divided by the stride."""
    padding = dilation * (kernel - 1) // 2
    return _CONV[dims](
        in_channels, out_channels, kernel, stride=stride, padding=padding, dilation=dilation, bias=bias
    )


def up_conv(dims: int, in_channels: int, out_channels: int) -> nn.Module:
    """A biased transposed convolution of kernel 2 and stride 2, which doubles every side."""
    return _UP[dims](in_channels, out_channels, 2, stride=2)


def max_pool(dims: int, kernel: int = 2) -> nn.Module:
    """Max-pooling of stride 2 (and kernel 2 or 3), which halves every side."""
    return _POOL[dims](kernel, stride=2, padding=kernel // 2 if kernel % 2 else 0)


def avg_pool(dims: int) -> nn.Module:
    """Mean pooling of kernel and stride 2, which halves every side."""
    return _MEAN[dims](2)


def norm(dims: int, channels: int, kind: str) -> nn.Module:
    """A normalisation by name.

    ``"none"``; ``"batch"`` or ``"instance"``, both with learned scale and shift; ``"batch_keras"`` with
    Keras' epsilon and momentum; ``"batch_shift"`` the same without a learned scale.
    """
    if kind == "none":
        return nn.Identity()
    if kind == "batch":
        return _BATCH[dims](channels)
    if kind == "instance":
        return InstanceNorm(channels)
    if kind == "batch_keras":
        return _BATCH[dims](channels, **_KERAS)
    if kind == "batch_shift":
        layer = _BATCH[dims](channels, **_KERAS)
        del layer.weight
        layer.register_buffer("weight", torch.ones(channels), persistent=False)
        return layer
    raise IsthmusError(f"unknown norm '{kind}': {nearest(kind, NORMS)}")


def activation(kind: str) -> nn.Module:
    """``"relu"`` or ``"leaky_relu"`` (slope 0.01), in place."""
    if kind not in ACTIVATIONS:
        raise IsthmusError(f"unknown activation '{kind}': {nearest(kind, ACTIVATIONS)}")
    return ACTIVATIONS[kind]()


def require_dims(dims: int) -> None:
    """Refuse anything but 2 or 3 spatial dimensions."""
    if dims not in (2, 3):
        raise IsthmusError(f"spatial_dims must be 2 or 3, not {dims!r}")


def require_counts(in_channels: int, classes: int, widths: Sequence[int]) -> None:
    """Refuse channel, class and width numbers below one, in the constructor's own words."""
    for name, value in [("in_channels", in_channels), ("classes", classes), *(("widths", w) for w in widths)]:
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise IsthmusError(f"{name} must be whole numbers of at least 1, found {value!r}")


def check_input(x: Tensor, dims: int, in_channels: int, divisor: int) -> None:
    """Refuse a batch that the network cannot take, naming the nearest size that it can.

    Args:
        x: the batch, expected ``(N, in_channels, *spatial)`` with every side a multiple of ``divisor``.
    """
    if torch.compiler.is_compiling():
        return
    if x.ndim != dims + 2:
        axes = "H, W" if dims == 2 else "D, H, W"
        raise IsthmusError(
            f"the network takes a batch (N, {in_channels}, {axes}), found shape {tuple(x.shape)}"
        )
    if x.shape[1] != in_channels:
        raise IsthmusError(
            f"the network takes {in_channels} channels, found {x.shape[1]} in {tuple(x.shape)}"
        )
    size = tuple(int(side) for side in x.shape[2:])
    if any(side % divisor or side == 0 for side in size):
        good = tuple(max(1, round(side / divisor)) * divisor for side in size)
        shown, wanted = ("x".join(map(str, s)) for s in (size, good))
        raise IsthmusError(
            f"size {shown} does not divide by {divisor}; the nearest that does is {wanted} (pad or crop to it)"
        )

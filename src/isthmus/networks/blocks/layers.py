"""Layers by number of spatial dimensions: ``conv(2, …)`` makes a 2D convolution, ``conv(3, …)`` a 3D one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from isthmus.networks.checks import require_name
from isthmus.networks.kernels.batch_norm import BatchNorm2d, BatchNorm3d
from isthmus.networks.kernels.bfloat16.layers import Conv2d, Conv3d, ConvTranspose2d, ConvTranspose3d
from isthmus.networks.kernels.instance_norm import InstanceNorm
from isthmus.networks.kernels.saved_activations import MaxPool2d, MaxPool3d

_CONV: dict[int, type[Conv2d] | type[Conv3d]] = {2: Conv2d, 3: Conv3d}
_UP: dict[int, type[ConvTranspose2d] | type[ConvTranspose3d]] = {2: ConvTranspose2d, 3: ConvTranspose3d}
_POOL: dict[int, type[MaxPool2d] | type[MaxPool3d]] = {2: MaxPool2d, 3: MaxPool3d}
_MEAN: dict[int, type[nn.AvgPool2d] | type[nn.AvgPool3d]] = {2: nn.AvgPool2d, 3: nn.AvgPool3d}
_BATCH: dict[int, type[BatchNorm2d] | type[BatchNorm3d]] = {2: BatchNorm2d, 3: BatchNorm3d}

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
    valid: bool = False,
) -> nn.Module:
    """Makes a convolution padded with zeros, so that the size stays, or is divided by the stride; ``kernel`` is odd.

    With ``valid`` there is no padding.
    """
    padding = 0 if valid else dilation * (kernel - 1) // 2
    return _CONV[dims](
        in_channels, out_channels, kernel, stride=stride, padding=padding, dilation=dilation, bias=bias
    )


def up_conv(dims: int, in_channels: int, out_channels: int) -> nn.Module:
    """Makes a biased transposed convolution of kernel 2 and stride 2, which doubles every side."""
    return _UP[dims](in_channels, out_channels, 2, stride=2)


def smooth_up_conv(dims: int, in_channels: int, out_channels: int) -> nn.Module:
    """Makes a biased transposed convolution of kernel 4 and stride 2, which doubles every side."""
    return _UP[dims](in_channels, out_channels, 4, stride=2, padding=1)


def max_pool(dims: int, kernel: int = 2) -> nn.Module:
    """Makes a max-pooling of stride 2 and kernel 2 or 3, which halves every side."""
    return _POOL[dims](kernel, stride=2, padding=kernel // 2 if kernel % 2 else 0)


def avg_pool(dims: int) -> nn.Module:
    """Makes a mean pooling of kernel and stride 2, which halves every side."""
    return _MEAN[dims](2)


def norm(dims: int, channels: int, kind: str) -> nn.Module:
    """Makes a normalisation by name.

    Args:
        kind: ``"none"``; ``"batch"`` or ``"instance"``, both with learned scale and shift; ``"batch_keras"``, with
            the epsilon and momentum of Keras; ``"batch_shift"``, the same without a learned scale.
    """
    require_name("norm", kind, NORMS)
    if kind == "none":
        return nn.Identity()
    if kind == "batch":
        return _BATCH[dims](channels)
    if kind == "instance":
        return InstanceNorm(channels)
    if kind == "batch_keras":
        return _BATCH[dims](channels, **_KERAS)
    layer = _BATCH[dims](channels, **_KERAS)  # "batch_shift"
    del layer.weight
    layer.register_buffer("weight", torch.ones(channels), persistent=False)
    return layer


def activation(kind: str) -> nn.Module:
    """Makes an activation that works in place: ``"relu"``, or ``"leaky_relu"`` with slope 0.01."""
    require_name("activation", kind, tuple(ACTIVATIONS))
    return ACTIVATIONS[kind]()

"""Batch normalisation that is fast for any number of channels on a CPU in channels-last layout.

The framework's kernels process the channels of a pixel in vectors of 32 numbers (bfloat16), and channels that do not
fill a vector many times more slowly: the backward pass of 8 channels takes 5 times as long as that of 32. Here several
pixels are folded into one with as many times the channels, so that all vectors are full. The means and variances of
the folded channels are then combined into those of the original ones.

The plain equivalent is the framework's layer. Both agree to rounding.
"""

from __future__ import annotations

import math
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isthmus.networks.kernels.memory_layout import memory_layout
from isthmus.networks.kernels.switch import enabled_for_gradients

VECTOR = 32
"""Numbers of the smallest type that a kernel processes at once."""

LARGE = 512
"""Number of channels from which a vector that is not full does not matter."""


class BatchNorm2d(nn.BatchNorm2d):
    """``nn.BatchNorm2d``, faster in training for channels-last batches on a CPU whose channels do not fill vectors.

    >>> norm = BatchNorm2d(3)
    >>> x = torch.randn(2, 3, 8, 8).contiguous(memory_format=torch.channels_last)
    >>> torch.allclose(norm(x).mean((0, 2, 3)), torch.zeros(3), atol=1e-6)
    True
    """

    def forward(self, x: Tensor) -> Tensor:
        return batch_norm(self, x)[0] if _applies(self, x) else super().forward(x)


class BatchNorm3d(nn.BatchNorm3d):
    """``nn.BatchNorm3d``, faster in the same cases as `BatchNorm2d`."""

    def forward(self, x: Tensor) -> Tensor:
        return batch_norm(self, x)[0] if _applies(self, x) else super().forward(x)


def batch_norm(norm: nn.BatchNorm2d | nn.BatchNorm3d, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Normalises a batch as in training and updates the running statistics.

    Args:
        norm: a layer with scale, shift, running statistics and a momentum.
        x: ``(N, channels, *spatial)``.

    Returns:
        The result in the shape, type and layout of ``x``, and mean and 1 / sqrt(variance + eps) as ``(channels,)``.
    """
    if norm.num_batches_tracked is not None:
        norm.num_batches_tracked.add_(1)
    momentum, pixels = cast(float, norm.momentum), _pixels(x)
    if pixels == 1:
        return torch.native_batch_norm(
            x, norm.weight, norm.bias, norm.running_mean, norm.running_var, True, momentum, norm.eps
        )
    z, mean, variance = _Folded.apply(x, norm.weight, norm.bias, norm.eps, pixels)  # type: ignore[no-untyped-call]
    with torch.no_grad():
        n = x.numel() // x.shape[1]
        cast(Tensor, norm.running_mean).lerp_(mean, momentum)
        cast(Tensor, norm.running_var).lerp_(variance * (n / (n - 1)), momentum)
        return z, mean, torch.rsqrt(variance + norm.eps)


def _applies(norm: nn.BatchNorm2d | nn.BatchNorm3d, x: Tensor) -> bool:
    return (
        norm.training
        and norm.track_running_stats
        and norm.momentum is not None
        and norm.weight is not None
        and norm.bias is not None
        and x.requires_grad
        and enabled_for_gradients()
        and x.ndim == (4 if isinstance(norm, nn.BatchNorm2d) else 5)
        and _pixels(x) > 1
    )


def _pixels(x: Tensor) -> int:
    """Returns how many pixels are best folded into one; 1 where the framework's kernel is as fast, or the only one."""
    channels = x.shape[1]
    pixels = VECTOR // math.gcd(channels, VECTOR)
    fits = (
        x.device.type == "cpu"
        and channels < LARGE
        and memory_layout(x) != torch.contiguous_format
        and x.numel() // channels % pixels == 0
        and x.numel() > channels * pixels
    )
    return pixels if fits else 1


def _folded(x: Tensor, pixels: int) -> Tensor:
    """Returns ``(1, pixels * channels, N * size / pixels, 1)``, a channels-last view of a channels-last batch."""
    channels = x.shape[1]
    rows = x.movedim(1, -1).reshape(1, -1, 1, pixels * channels)
    return rows.movedim(-1, 1)


def _scaled(x: Tensor, pixels: int, factor: Tensor, shift: Tensor) -> Tensor:
    """Returns ``x * factor + shift`` with one factor and shift for each channel, in one pass."""
    factor, shift = factor.repeat(pixels), shift.repeat(pixels)
    zeros, ones = torch.zeros_like(factor), torch.ones_like(factor)
    found = torch.native_batch_norm(_folded(x, pixels), factor, shift, zeros, ones, False, 0.0, 0.0)[0]
    # a tensor of its own, as autograd does not let a view be changed in place
    return found.new_empty(0).set_(found.untyped_storage(), 0, x.shape, x.stride())


class _Folded(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, eps: float, pixels: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        unused = weight.new_zeros(2, pixels * len(weight))  # also sets the type of the statistics
        found = torch.ops.aten.batch_norm_update_stats(_folded(x, pixels), *unused, 0.0)
        means, variances = (one.view(pixels, -1) for one in found)
        mean = means.mean(0)
        variance = (variances + (means - mean).square()).mean(0)
        factor = torch.rsqrt(variance + eps) * weight
        ctx.save_for_backward(x, weight, mean, variance)
        ctx.eps, ctx.pixels = eps, pixels
        ctx.mark_non_differentiable(mean, variance)
        return _scaled(x, pixels, factor, bias - mean * factor), mean, variance

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        x, weight, mean, variance = ctx.saved_tensors
        gradient, pixels, eps = gradients[0], ctx.pixels, ctx.eps
        if torch.is_grad_enabled():  # gradients of gradients need differentiable operations
            bias = torch.zeros_like(weight, requires_grad=True)
            y = F.batch_norm(x, None, None, weight, bias, True, 0.0, eps)
            sought = [one for one in (x, weight, bias) if one.requires_grad]
            found = iter(torch.autograd.grad(y, sought, gradient, create_graph=True))
            return (*(next(found) if one.requires_grad else None for one in (x, weight, bias)), None, None)
        gradient = gradient.contiguous(memory_format=memory_layout(x))
        _, by_weight, by_bias = torch.ops.aten.native_batch_norm_backward(
            _folded(gradient, pixels),
            _folded(x, pixels),
            weight.repeat(pixels),
            mean.repeat(pixels),
            variance.repeat(pixels),
            None,
            None,
            False,
            eps,
            [False, True, True],
        )
        to_weight, to_bias = (one.view(pixels, -1).sum(0) for one in (by_weight, by_bias))
        n, inverse_std = x.numel() // x.shape[1], torch.rsqrt(variance + eps)
        # weight / std * (g - sum(g) / n - (x - mean) / std * sum(g (x - mean) / std) / n)
        slope = -to_weight * inverse_std / n
        centred = _scaled(x, pixels, slope, -to_bias / n - mean * slope).add_(gradient)
        to_x = _scaled(centred, pixels, inverse_std * weight, torch.zeros_like(mean))
        return to_x, to_weight, to_bias, None, None

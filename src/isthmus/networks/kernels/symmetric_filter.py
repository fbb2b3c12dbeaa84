"""A fixed filter applied to each channel separately, with a gradient as fast as the filter."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor

from isthmus.networks.kernels.bfloat16.choice import convolve
from isthmus.networks.kernels.conv_arguments import ConvArguments
from isthmus.networks.kernels.memory_layout import memory_layout
from isthmus.networks.kernels.switch import is_plain


def filter_channels(x: Tensor, kernel: Tensor) -> Tensor:
    """Convolves each channel with a symmetric kernel of its own, padded with zeros.

    The gradient of a symmetric filter is the filter itself. The framework's own gradient is several times slower on a
    CPU in 3D, and for the part of a gradient that comes out of a concatenation.

    Args:
        x: ``(N, channels, *spatial)``.
        kernel: ``(channels, 1, 3, 3)`` or ``(channels, 1, 3, 3, 3)``, equal to itself when flipped along all axes. It
            gets no gradient.

    Returns:
        A tensor of the shape and type of ``x``, equal to the plain result bit for bit; gradients agree to rounding.

    >>> filter_channels(torch.ones(1, 1, 3, 3), torch.ones(1, 1, 3, 3))[0, 0, 1]
    tensor([6., 9., 6.])
    """
    if is_plain() or torch.compiler.is_compiling():
        return _convolve(x, kernel)
    return cast(Tensor, _SymmetricFilter.apply(x, kernel))  # type: ignore[no-untyped-call]


def _convolve(x: Tensor, kernel: Tensor) -> Tensor:
    one = (1,) * (x.ndim - 2)
    return convolve(x, kernel.to(x.dtype), None, ConvArguments(one, one, one, len(kernel)))


class _SymmetricFilter(torch.autograd.Function):
    @staticmethod
    def forward(x: Tensor, kernel: Tensor) -> Tensor:
        return _convolve(x, kernel)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:  # noqa: ARG004
        ctx.save_for_backward(inputs[1])
        ctx.layout = memory_layout(inputs[0])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (kernel,) = ctx.saved_tensors
        dense = gradient.contiguous(memory_format=ctx.layout)
        return _SymmetricFilter.apply(dense, kernel), None  # type: ignore[no-untyped-call]

"""Instance normalisation that keeps channels-last data channels-last.

The framework's layer copies a channels-last batch to contiguous layout and returns a contiguous one, which takes half
of a U-Net's training step on a CPU. Here each image passes the kernel of batch normalisation separately: the same sums
over the same pixels, without a copy. The plain equivalent is the framework's function. Both agree to rounding.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isthmus.networks.kernels.memory_layout import channels_last
from isthmus.networks.kernels.switch import is_plain


class _PerImage(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
        y, n = torch.empty_like(x), x.shape[0]
        means, inverse_stds = [], []
        for image, out in zip(x.chunk(n), y.chunk(n), strict=True):
            normed, mean, inverse_std = torch.native_batch_norm(
                image, weight, bias, None, None, True, 0.0, eps
            )
            out.copy_(normed)
            means.append(mean)
            inverse_stds.append(inverse_std)
        ctx.save_for_backward(x, weight, torch.stack(means), torch.stack(inverse_stds))
        ctx.eps = eps
        return y

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        x, weight, means, inverse_stds = ctx.saved_tensors
        gradient, n = gradient.contiguous(memory_format=channels_last(x)), x.shape[0]
        to_x, to_weight, to_bias = torch.empty_like(x), torch.zeros_like(weight), torch.zeros_like(weight)
        for image, g, out, mean, inverse_std in zip(
            x.chunk(n), gradient.chunk(n), to_x.chunk(n), means, inverse_stds, strict=True
        ):
            gx, gw, gb = torch.ops.aten.native_batch_norm_backward(
                g, image, weight, None, None, mean, inverse_std, True, ctx.eps, [True, True, True]
            )
            out.copy_(gx)
            to_weight += gw
            to_bias += gb
        return to_x, to_weight, to_bias, None


class InstanceNorm(nn.Module):
    """Normalises each channel of each image to mean 0 and variance 1, then applies a learned scale and shift.

    y = (x - mean) / sqrt(variance + eps) * weight + bias, the variance without Bessel's correction (Ulyanov,
    Vedaldi, Lempitsky 2016, arXiv:1607.08022). Parameters are named as in ``torch.nn.InstanceNorm2d``.

    Shapes:
        ``(N, channels, *spatial)`` to the same, in the same memory layout.

    >>> x = torch.randn(2, 3, 8, 8)
    >>> torch.allclose(InstanceNorm(3)(x).mean((2, 3)), torch.zeros(2, 3), atol=1e-6)
    True
    """

    def __init__(self, channels: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.channels, self.eps = channels, eps
        self.weight, self.bias = nn.Parameter(torch.empty(channels)), nn.Parameter(torch.empty(channels))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        nn.init.ones_(self.weight)
        nn.init.zeros_(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        # the framework's function wherever it does not copy, and for compilers
        per_image = (
            x.device.type == "cpu"
            and not torch.compiler.is_compiling()
            and not is_plain()
            and x.is_contiguous(memory_format=channels_last(x))
            and x.shape[2:].numel() > 1
        )
        if per_image:
            y: Tensor = _PerImage.apply(x, self.weight, self.bias, self.eps)  # type: ignore[no-untyped-call]
            return y
        return F.instance_norm(x, None, None, self.weight, self.bias, True, 0.0, self.eps)

    def extra_repr(self) -> str:
        return f"{self.channels}, eps={self.eps}"

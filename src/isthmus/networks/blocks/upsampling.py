"""Enlarges maps: by interpolation, and by a transposed convolution that starts as linear interpolation."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isthmus.networks.kernels.bfloat16.choice import convolve
from isthmus.networks.kernels.conv_arguments import ConvArguments

_MODES = {2: "bilinear", 3: "trilinear"}


def upsample(x: Tensor, factor: int, mode: str = "linear") -> Tensor:
    """Enlarges maps ``(N, channels, *spatial)`` by a whole factor along every axis.

    Args:
        mode: ``"linear"``, between pixel centres (half-pixel), or ``"nearest"``, which repeats each pixel.

    >>> upsample(torch.tensor([[[[0.0, 4.0]]]]), 2)[0, 0, 0]
    tensor([0., 1., 3., 4.])
    """
    if factor == 1:
        return x
    if mode == "nearest":
        return F.interpolate(x, scale_factor=float(factor), mode="nearest")
    return F.interpolate(x, scale_factor=float(factor), mode=_MODES[x.ndim - 2], align_corners=False)


def upsample_by_two(dims: int, mode: str = "linear") -> nn.Module:
    """Makes a layer that doubles every side as `upsample` does."""
    return nn.Upsample(scale_factor=2, mode=mode if mode == "nearest" else _MODES[dims])


class LinearUp(nn.Module):
    """Passes each channel separately through a transposed convolution with the kernel of linear interpolation.

    The kernel falls linearly from its centre, (1 - |i - (k - 1) / 2| / (k / 2)) along each axis (Long,
    Shelhamer, Darrell 2015, doi:10.1109/CVPR.2015.7298965). Beyond the border the maps are zero, as in their
    code.

    Args:
        dims: 2 or 3 spatial dimensions.
        channels: number of channels.
        factor: how many times larger the output is.
        kernel: side of the kernel, an even number of at least ``factor``.
        learned: whether the kernels, one for each channel, are parameters that start so; otherwise they are fixed.

    Shapes:
        ``(N, channels, *s)`` to ``(N, channels, *(factor * n for n in s))``.

    >>> LinearUp(2, 1, 2, 4)(torch.ones(1, 1, 3, 3))[0, 0, 2]
    tensor([0.7500, 1.0000, 1.0000, 1.0000, 1.0000, 0.7500])
    """

    weight: Tensor

    def __init__(self, dims: int, channels: int, factor: int, kernel: int, *, learned: bool = False) -> None:
        super().__init__()
        self.dims, self.channels, self.factor, self.kernel = dims, channels, factor, kernel
        weight = torch.empty(channels, 1, *(kernel,) * dims)
        if learned:
            self.weight = nn.Parameter(weight)
        else:
            self.register_buffer("weight", weight, persistent=False)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Sets the kernel to linear interpolation."""
        places = torch.arange(self.kernel, dtype=torch.float32, device=self.weight.device)
        along = 1 - (places - (self.kernel - 1) / 2).abs() / (self.kernel / 2)
        kernel = along
        for _ in range(self.dims - 1):
            kernel = kernel[..., None] * along
        with torch.no_grad():
            self.weight.copy_(kernel.expand_as(self.weight))

    def forward(self, x: Tensor) -> Tensor:
        numbers = (self.factor, (self.kernel - self.factor) // 2, 1, 0)
        stride, padding, dilation, output_padding = ((number,) * self.dims for number in numbers)
        arguments = ConvArguments(stride, padding, dilation, self.channels, output_padding, transposed=True)
        return convolve(x, self.weight.to(x.dtype), None, arguments)

    def extra_repr(self) -> str:
        return f"{self.channels}, factor={self.factor}, kernel={self.kernel}"

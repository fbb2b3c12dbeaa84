"""Enlarging maps: linear interpolation, and the transposed convolution that starts as one."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isthmus.networks.kernels.bfloat16.choice import convolve
from isthmus.networks.kernels.bfloat16.kinds import Where

_MODES = {2: "bilinear", 3: "trilinear"}


def upsample(x: Tensor, factor: int, mode: str = "linear") -> Tensor:
    """To ``factor`` times the size: ``"linear"`` between pixel centres (half-pixel), or ``"nearest"``.

    >>> upsample(torch.tensor([[[[0.0, 4.0]]]]), 2)[0, 0, 0]
    tensor([0., 1., 3., 4.])
    """
    if factor == 1:
        return x
    if mode == "nearest":
        return F.interpolate(x, scale_factor=float(factor), mode="nearest")
    return F.interpolate(x, scale_factor=float(factor), mode=_MODES[x.ndim - 2], align_corners=False)


class LinearUp(nn.Module):
    """Each channel by itself through a transposed convolution whose kernel is that of linear interpolation.

    The kernel falls linearly from its centre, (1 - |i - (k - 1) / 2| / (k / 2)) along each axis (Long,
    Shelhamer, Darrell 2015, doi:10.1109/CVPR.2015.7298965). Beyond the border the maps are zero, as in their
    code.

    Args:
        factor: how many times larger the output is.
        kernel: side of the kernel, an even number of at least ``factor``.
        learned: whether the kernel, one for each channel, is a parameter that starts so; else it is fixed.

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
        """Linear interpolation again."""
        places = torch.arange(self.kernel, dtype=torch.float32, device=self.weight.device)
        along = 1 - (places - (self.kernel - 1) / 2).abs() / (self.kernel / 2)
        kernel = along
        for _ in range(self.dims - 1):
            kernel = kernel[..., None] * along
        with torch.no_grad():
            self.weight.copy_(kernel.expand_as(self.weight))

    def forward(self, x: Tensor) -> Tensor:
        stride, padding, one, none = (
            (steps,) * self.dims for steps in (self.factor, (self.kernel - self.factor) // 2, 1, 0)
        )
        where = Where(stride, padding, one, self.channels, none, transposed=True)
        return convolve(x, self.weight.to(x.dtype), None, where)

    def extra_repr(self) -> str:
        return f"{self.channels}, factor={self.factor}, kernel={self.kernel}"

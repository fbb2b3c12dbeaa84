"""Sharp U-Net: a fixed sharpening filter on every bridge.

Zunair, Ben Hamza: Sharp U-Net: depthwise convolutional network for biomedical image segmentation.
Computers in Biology and Medicine 136:104699 (2021), doi:10.1016/j.compbiomed.2021.104699.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isthmus.networks.checks import require_name
from isthmus.networks.parts import Bridge, Skip, register_skip
from isthmus.networks.registry import Card, register_model
from isthmus.networks.unet import UNet

_MODES = ("laplacian", "identity_plus")


@register_skip("sharp")
@dataclass(frozen=True)
class Sharp(Skip):
    """Each channel convolved with the Laplacian of all neighbours (equation 1): centre 8 (3D: 26), else -1.

    ``mode="laplacian"`` passes K*I on, as the authors' code does and the results were made;
    ``"identity_plus"`` is equation 2, I + K*I. Zero padding, so that a constant region answers at the
    border of the image.
    """

    mode: str = "laplacian"

    def __post_init__(self) -> None:
        require_name("mode of the sharp skip", self.mode, _MODES)

    def build(self, bridge: Bridge) -> nn.Module:
        return _Sharpen(bridge.dims, bridge.in_channels, 1.0 if self.mode == "identity_plus" else 0.0)


class _Sharpen(nn.Module):
    """A depthwise convolution with a fixed kernel: -1 everywhere, 3^d - 1 (+ identity) in the centre."""

    kernel: Tensor

    def __init__(self, dims: int, channels: int, identity: float) -> None:
        super().__init__()
        kernel = torch.full((3,) * dims, -1.0)
        kernel[(1,) * dims] = 3.0**dims - 1.0 + identity
        self.dims, self.channels = dims, channels
        self.register_buffer(
            "kernel", kernel[None, None].repeat(channels, *(1,) * (dims + 1)), persistent=False
        )

    def forward(self, x: Tensor) -> Tensor:
        convolve = F.conv2d if self.dims == 2 else F.conv3d
        return convolve(x, self.kernel.to(x.dtype), padding=1, groups=self.channels)


register_model(
    "sharp_unet",
    UNet,
    Card(
        paper="Sharp U-Net",
        source="Sharp U-Net (2021), section 4.2",
        parameters=7.8e6,
        counted=(3, "trainable"),
        note="the kernels are fixed: 4,320 weights in buffers, not counted; K*I as in the authors' code",
    ),
    skip="sharp",
)
register_model(
    "wide_sharp_unet",
    UNet,
    Card(
        paper="Sharp U-Net",
        source="Sharp U-Net (2021), section 4.5",
        parameters=9.1e6,
        counted=(3, "trainable"),
        note="the wide U-Net with sharp skips; 4,725 fixed weights not counted",
    ),
    widths=(35, 70, 140, 280, 560),
    up_widths=(256, 128, 64, 32),
    skip="sharp",
)

"""Sharp U-Net: a fixed sharpening filter on every bridge.

Zunair, Ben Hamza: Sharp U-Net: depthwise convolutional network for biomedical image segmentation.
Computers in Biology and Medicine 136:104699 (2021), doi:10.1016/j.compbiomed.2021.104699.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from isthmus.networks.blocks.base import Bridge, Skip, register_skip
from isthmus.networks.blocks.layers import max_pool
from isthmus.networks.blocks.plain import Plain
from isthmus.networks.checks import require_name
from isthmus.networks.encoders.registry import register_encoder
from isthmus.networks.encoders.vgg import VGG16
from isthmus.networks.kernels.checkpointing import checkpointed
from isthmus.networks.kernels.symmetric_filter import filter_channels
from isthmus.networks.models.unet import UNet
from isthmus.networks.registry import Card, register_model

_MODES = ("laplacian", "identity_plus")


@register_skip("sharp")
@dataclass(frozen=True)
class Sharp(Skip):
    """Each channel convolved with the Laplacian of all neighbours (equation 1): centre 8 (3D: 26), else -1.

    With ``mode="laplacian"`` the result is K*I, as in the authors' code, which made the results of the paper; with
    ``"identity_plus"`` it is I + K*I, as in equation 2. The padding is zero, so a constant region gives a response at
    the border of the image.
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
        kernels = kernel[None, None].repeat(channels, *(1,) * (dims + 1))
        self.register_buffer("kernel", kernels, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return filter_channels(x, self.kernel)


@register_encoder("vgg16_centre")
class CentredVGG16(VGG16):
    """VGG-16 as in the paper's "TernausNet-16", which is the U-Net of segmentation_models 1.0.

    There is no tap at full resolution. A pooling follows the last group, and after it two convolutions of 512 channels
    with batch normalisation, for which no file holds weights.
    """

    added = ("centre.",)

    def __init__(self, spatial_dims: int = 2, in_channels: int = 3) -> None:
        super().__init__(spatial_dims, in_channels)
        last = self.channels[-1]
        self.channels, self.strides = (*self.channels[1:], last), (*self.strides[1:], 32)
        self.centre = nn.Sequential(
            max_pool(spatial_dims), Plain(norm="batch_keras").build(spatial_dims, last, last)
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        taps = super().forward(x)[1:]
        return [*taps, checkpointed(self, self.centre, taps[-1])]


_KERNEL = (
    "K*I as in the authors' code, although equation 2 says I + K*I (mode='identity_plus' of the skip)",
    "zero padding, so a constant region gives a response at the border of the image",
    "four decoder levels as in the authors' code, although the text counts five blocks",
    "in 3D the kernel of all 26 neighbours; the paper leaves 3D to future work",
)

register_model(
    "sharp_unet",
    UNet,
    Card(
        paper="Sharp U-Net",
        source="Sharp U-Net (2021), section 4.2",
        parameters=7.8e6,
        counted=(3, "trainable"),
        note="the kernels are fixed; their 4,320 weights are not counted",
        decisions=_KERNEL,
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
        note="the wide U-Net with sharp skips; 4,725 fixed weights are not counted",
        decisions=_KERNEL,
    ),
    widths=(35, 70, 140, 280, 560),
    up_widths=(256, 128, 64, 32),
    skip="sharp",
)

_DECODER: dict[str, Any] = {
    "block": {"name": "plain", "norm": "batch_keras"},
    "up": "nearest",
    "head": "conv3",
    "widths": (16, 32, 64, 128, 256),
}
_WEIGHTS = "the paper starts from ImageNet weights (encoder_weights); the fixed kernels of sharp skips are not counted"
_VGG16 = Card(
    paper="Sharp U-Net",
    source="Sharp U-Net (2021), section 4.2, where it is called TernausNet-16",
    parameters=23.7e6,
    counted=(3, "trainable"),
    note=f"the U-Net of segmentation_models on VGG-16; 'ternausnet16' is the original network; {_WEIGHTS}",
)
_RESNET50 = Card(
    paper="Sharp U-Net",
    source="Sharp U-Net (2021), section 4.2",
    parameters=32.5e6,
    counted=(3, "trainable"),
    note=f"the same decoder on ResNet-50; the 32.7M of section 4.5 must be a misprint; {_WEIGHTS}",
)
_PREACTIVATION = (
    "ResNet-50 as in torchvision: normalisation and ReLU follow each convolution. The one that was run is the "
    "pre-activation form of the package image-classifiers, where they precede it, with 32,513,556 trainable parameters "
    "(ours: 32,521,105)"
)
for _prefix, _skip, _decided in (("", "identity", ()), ("sharp_", "sharp", _KERNEL[:2])):
    register_model(
        f"{_prefix}unet_vgg16",
        UNet,
        replace(_VGG16, decisions=_decided),
        encoder="vgg16_centre",
        skip=_skip,
        **_DECODER,
    )
    register_model(
        f"{_prefix}unet_resnet50",
        UNet,
        replace(_RESNET50, decisions=(_PREACTIVATION, *_decided)),
        encoder="resnet50",
        skip=_skip,
        **_DECODER,
    )

"""TernausNet-16: VGG-16 with a decoder that narrows before it enlarges.

Iglovikov, Shvets: TernausNet: U-Net with VGG11 encoder pre-trained on ImageNet for image segmentation.
arXiv:1801.05746 (2018). The 16-layer form is that of the authors' code. Sharp U-Net lists it as a baseline but ran
another network, here ``unet_vgg16``.
"""

from __future__ import annotations

from pathlib import Path
from typing import cast

from torch import Tensor, nn

from isthmus.networks.base import Network
from isthmus.networks.blocks.layers import conv, max_pool, smooth_up_conv
from isthmus.networks.blocks.upsampling import upsample_by_two
from isthmus.networks.checks import require_flag, require_whole
from isthmus.networks.encoders.registry import create_encoder
from isthmus.networks.kernels.checkpointing import checkpointed
from isthmus.networks.kernels.concatenation import concatenate
from isthmus.networks.registry import Card, register_model


class TernausNet16(Network):
    """VGG-16, a centre below its last pooling, and five levels that each read a tap of the encoder.

    A level concatenates what comes up and the tap, doubles the size by linear interpolation, and has two 3x3
    convolutions with ReLU; with ``deconv`` it has a 3x3 convolution with ReLU and a transposed convolution of kernel 4
    with ReLU. At full resolution follow a 3x3 convolution with ReLU and a 1x1 convolution to the classes.

    Args:
        spatial_dims: 2 or 3 (with random weights).
        in_channels, classes: channels of the image, maps of logits.
        base: the number of filters in the authors' code; levels are 8, 8, 8, 2, 1 and 1 times as wide.
        deconv: whether there are transposed convolutions instead of interpolation.
        encoder_weights: file or URL of the weights of VGG-16 (`isthmus.networks.load_encoder_weights`), or None.
        checkpoint: whether levels are computed again in the backward pass of training instead of kept in memory.

    Shapes:
        ``(N, in_channels, *spatial)`` to logits ``(N, classes, *spatial)``; every side is a multiple of 32.

    >>> import torch
    >>> TernausNet16(in_channels=3, base=2)(torch.zeros(1, 3, 32, 32)).shape
    torch.Size([1, 1, 32, 32])
    """

    def __init__(
        self,
        *,
        spatial_dims: int = 2,
        in_channels: int = 1,
        classes: int = 1,
        base: int = 32,
        deconv: bool = False,
        encoder_weights: Path | str | None = None,
        checkpoint: bool = False,
    ) -> None:
        super().__init__(spatial_dims, in_channels, classes, divisor=32, checkpoint=checkpoint)
        require_whole("base", base, 1)
        require_flag("deconv", deconv)
        self.encoder = create_encoder(
            "vgg16", in_channels=in_channels, weights=encoder_weights, spatial_dims=spatial_dims
        )
        self.encoder.checkpoint = checkpoint
        self.pool = max_pool(spatial_dims)
        # channels before an enlargement and after it, from the centre up
        inner, outer = [base * n for n in (16, 16, 16, 8, 4)], [base * n for n in (8, 8, 8, 2, 1)]
        taps = self.encoder.channels
        given = [taps[-1], *(up + tap for up, tap in zip(outer, taps[:0:-1], strict=False))]
        make = _deconv if deconv else _interpolate
        self.ups = nn.ModuleList(
            make(spatial_dims, *channels) for channels in zip(given, inner, outer, strict=True)
        )
        self.last = nn.Sequential(conv(spatial_dims, taps[0] + base, base), nn.ReLU(inplace=True))
        self.head = conv(spatial_dims, base, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.accepted(x)
        taps = self.encoder(x)
        x = checkpointed(self, self._centre, taps[-1])
        for up in self.ups[1:]:
            x = checkpointed(self, _join, up, x, taps.pop())
        return cast(Tensor, self.head(checkpointed(self, _join, self.last, x, taps.pop())))

    def _centre(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.ups[0](self.pool(x)))


def _join(part: nn.Module, x: Tensor, tap: Tensor) -> Tensor:
    return cast(Tensor, part(concatenate([x, tap])))


def _interpolate(dims: int, in_channels: int, inner: int, outer: int) -> nn.Sequential:
    return nn.Sequential(
        upsample_by_two(dims),
        conv(dims, in_channels, inner),
        nn.ReLU(inplace=True),
        conv(dims, inner, outer),
        nn.ReLU(inplace=True),
    )


def _deconv(dims: int, in_channels: int, inner: int, outer: int) -> nn.Sequential:
    return nn.Sequential(
        conv(dims, in_channels, inner),
        nn.ReLU(inplace=True),
        smooth_up_conv(dims, inner, outer),
        nn.ReLU(inplace=True),
    )


register_model(
    "ternausnet16",
    TernausNet16,
    Card(
        paper="Iglovikov, Shvets 2018 (named in Sharp U-Net)",
        source="the authors' code; section 4.2 of Sharp U-Net (2021) prints the 23.7M of 'unet_vgg16' for it",
        note="interpolation; deconv=True has transposed convolutions and 32,202,337 parameters",
    ),
)

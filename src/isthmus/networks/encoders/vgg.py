"""VGG-16 without its classifier.

Simonyan, Zisserman: Very deep convolutional networks for large-scale image recognition. arXiv:1409.1556.
"""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn

from isthmus.networks.blocks.layers import conv, max_pool, norm
from isthmus.networks.encoders.base import Encoder
from isthmus.networks.encoders.registry import register_encoder
from isthmus.networks.kernels.checkpointing import checkpointed


@register_encoder("vgg16")
class VGG16(Encoder):
    """Thirteen 3x3 convolutions in five groups; the taps are the outputs of the groups, before each pooling."""

    first_conv, classifier = "features.0", "classifier."
    groups = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))  # width, convolutions

    def __init__(self, spatial_dims: int = 2, in_channels: int = 3, *, batch_norm: bool = False) -> None:
        super().__init__(spatial_dims, in_channels, [width for width, _ in self.groups], (1, 2, 4, 8, 16))
        layers: list[nn.Module] = []
        self.ends: list[int] = []  # of the groups, as indices of layers
        channels = in_channels
        for group, (width, convs) in enumerate(self.groups):
            if group:
                layers.append(max_pool(spatial_dims))
            for _ in range(convs):
                layers.append(conv(spatial_dims, channels, width))
                if batch_norm:
                    layers.append(norm(spatial_dims, width, "batch"))
                layers.append(nn.ReLU(inplace=True))
                channels = width
            self.ends.append(len(layers))
        self.features = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> list[Tensor]:
        taps: list[Tensor] = []
        for start, end in zip((0, *self.ends), self.ends, strict=False):
            taps.append(checkpointed(self, self._group, taps[-1] if taps else x, start, end))
        return taps

    def _group(self, x: Tensor, start: int, end: int) -> Tensor:
        for index in range(start, end):
            x = self.features[index](x)
        return x


register_encoder("vgg16_bn")(partial(VGG16, batch_norm=True))

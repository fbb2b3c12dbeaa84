"""DenseNet-121 without its classifier.

Huang et al.: Densely connected convolutional networks. CVPR 2017, doi:10.1109/CVPR.2017.243.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn

from isthmus.networks.blocks.layers import avg_pool, conv, max_pool, norm
from isthmus.networks.encoders.base import Encoder
from isthmus.networks.encoders.registry import register_encoder
from isthmus.networks.kernels.checkpointing import checkpointed
from isthmus.networks.kernels.concatenation import concatenate


@register_encoder("densenet121")
class DenseNet121(Encoder):
    """Dense blocks of 6, 12, 24 and 16 layers that each add 32 channels.

    The taps are the stem before its pooling, each dense block before the transition that follows it, and the last block
    after its normalisation and ReLU.
    """

    first_conv, classifier = "features.conv0", "classifier."
    growth, blocks = 32, (6, 12, 24, 16)
    ends_in_relu = True

    def __init__(self, spatial_dims: int = 2, in_channels: int = 3) -> None:
        base = 2 * self.growth
        super().__init__(
            spatial_dims, in_channels, [base * times for times in (1, 4, 8, 16, 16)], (2, 4, 8, 16, 32)
        )
        stem: list[tuple[str, nn.Module]] = [
            ("conv0", conv(spatial_dims, in_channels, base, 7, stride=2, bias=False)),
            ("norm0", norm(spatial_dims, base, "batch")),
            ("relu0", nn.ReLU(inplace=True)),
            ("pool0", max_pool(spatial_dims, 3)),
        ]
        self.features = nn.Sequential(OrderedDict(stem))
        channels = base
        for index, layers in enumerate(self.blocks, start=1):
            dense: OrderedDict[str, nn.Module] = OrderedDict(
                (f"denselayer{i + 1}", _DenseLayer(spatial_dims, channels + i * self.growth, self.growth))
                for i in range(layers)
            )
            self.features.add_module(f"denseblock{index}", nn.Sequential(dense))
            channels += layers * self.growth
            if index < len(self.blocks):
                self.features.add_module(f"transition{index}", _transition(spatial_dims, channels))
                channels //= 2
        self.features.add_module("norm5", norm(spatial_dims, channels, "batch"))

    def forward(self, x: Tensor) -> list[Tensor]:
        taps = []
        for name, layer in self.features.named_children():
            if name == "pool0" or name.startswith("transition"):
                taps.append(x)
            x = checkpointed(self, layer, x) if name.startswith("denseblock") else layer(x)
        return [*taps, torch.relu_(x) if self.ends_in_relu else x]


@register_encoder("densenet121_norm5")
class DenseNet121Norm5(DenseNet121):
    """The same without the last ReLU, as the framework of HMEDN's nuclei networks taps it."""

    ends_in_relu = False


class _DenseLayer(nn.Module):
    """BN, ReLU, a 1x1 convolution to 4 * growth, BN, ReLU, a 3x3 convolution to growth; appended to the input."""

    def __init__(self, dims: int, in_channels: int, growth: int) -> None:
        super().__init__()
        self.norm1 = norm(dims, in_channels, "batch")
        self.conv1 = conv(dims, in_channels, 4 * growth, 1, bias=False)
        self.norm2 = norm(dims, 4 * growth, "batch")
        self.conv2 = conv(dims, 4 * growth, growth, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv1(torch.relu_(self.norm1(x)))
        return concatenate([x, self.conv2(torch.relu_(self.norm2(y)))])


def _transition(dims: int, channels: int) -> nn.Sequential:
    return nn.Sequential(
        OrderedDict(
            norm=norm(dims, channels, "batch"),
            relu=nn.ReLU(inplace=True),
            conv=conv(dims, channels, channels // 2, 1, bias=False),
            pool=avg_pool(dims),
        )
    )

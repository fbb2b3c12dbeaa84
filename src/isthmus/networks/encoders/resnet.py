"""ResNet-34, -50 and -101 without their classifiers.

He et al.: Deep residual learning for image recognition. CVPR 2016, doi:10.1109/CVPR.2016.90. The stride is on the 3x3
convolution of a bottleneck, as in torchvision.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from torch import Tensor, nn
from torch.nn import functional as F

from isthmus.networks.blocks.layers import conv, max_pool, norm
from isthmus.networks.encoders.base import Encoder
from isthmus.networks.encoders.registry import register_encoder
from isthmus.networks.kernels.checkpointing import checkpointed


class ResNet(Encoder):
    """A 7x7 stem at half resolution (the first tap), a pooling, and four layers of residual blocks (a tap each)."""

    first_conv, classifier = "conv1", "fc."
    base = 64  # channels of the stem and of the first layer

    def __init__(
        self, spatial_dims: int = 2, in_channels: int = 3, *, depths: Sequence[int], bottleneck: bool
    ) -> None:
        expansion = 4 if bottleneck else 1
        widths = [self.base * 2**layer for layer in range(4)]
        taps = (self.base, *(expansion * width for width in widths))
        super().__init__(spatial_dims, in_channels, taps, (2, 4, 8, 16, 32))
        self.conv1 = conv(spatial_dims, in_channels, self.base, 7, stride=2, bias=False)
        self.bn1 = norm(spatial_dims, self.base, "batch")
        self.maxpool = max_pool(spatial_dims, 3)
        channels = self.base
        for index, (width, blocks) in enumerate(zip(widths, depths, strict=True), start=1):
            layer = []
            for block in range(blocks):
                stride = 2 if index > 1 and block == 0 else 1
                make = _Bottleneck if bottleneck else _Basic
                layer.append(make(spatial_dims, channels, width, expansion * width, stride))
                channels = expansion * width
            self.add_module(f"layer{index}", nn.Sequential(*layer))

    def forward(self, x: Tensor) -> list[Tensor]:
        taps = [F.relu(self.bn1(self.conv1(x)), inplace=True)]
        x = self.maxpool(taps[0])
        for index in range(1, 5):
            x = checkpointed(self, self.get_submodule(f"layer{index}"), x)
            taps.append(x)
        return taps


class _Basic(nn.Module):
    """Two 3x3 convolutions plus the input."""

    def __init__(self, dims: int, in_channels: int, width: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = conv(dims, in_channels, width, stride=stride, bias=False)
        self.bn1 = norm(dims, width, "batch")
        self.conv2 = conv(dims, width, out_channels, bias=False)
        self.bn2 = norm(dims, out_channels, "batch")
        self.downsample = _downsample(dims, in_channels, out_channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        return F.relu(self.bn2(self.conv2(y)) + self.downsample(x), inplace=True)


class _Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions plus the input."""

    def __init__(self, dims: int, in_channels: int, width: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = conv(dims, in_channels, width, 1, bias=False)
        self.bn1 = norm(dims, width, "batch")
        self.conv2 = conv(dims, width, width, stride=stride, bias=False)
        self.bn2 = norm(dims, width, "batch")
        self.conv3 = conv(dims, width, out_channels, 1, bias=False)
        self.bn3 = norm(dims, out_channels, "batch")
        self.downsample = _downsample(dims, in_channels, out_channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        y = F.relu(self.bn2(self.conv2(y)), inplace=True)
        return F.relu(self.bn3(self.conv3(y)) + self.downsample(x), inplace=True)


def _downsample(dims: int, in_channels: int, out_channels: int, stride: int) -> nn.Module:
    if stride == 1 and in_channels == out_channels:
        return nn.Identity()
    return nn.Sequential(
        conv(dims, in_channels, out_channels, 1, stride=stride, bias=False), norm(dims, out_channels, "batch")
    )


for _name, _depths, _bottleneck in (
    ("resnet34", (3, 4, 6, 3), False),
    ("resnet50", (3, 4, 6, 3), True),
    ("resnet101", (3, 4, 23, 3), True),
):
    register_encoder(_name)(partial(ResNet, depths=_depths, bottleneck=_bottleneck))

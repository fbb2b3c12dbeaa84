"""Encoders that can be pre-trained: VGG-16, ResNet-34, -50, -101 and DenseNet-121, named as in torchvision.

A network takes their features at several resolutions (taps). What only classifies is not built. Weights come
from a file, see `isthmus.networks.encoders.weights`; without one they are random.

Simonyan, Zisserman: Very deep convolutional networks for large-scale image recognition. arXiv:1409.1556.
He et al.: Deep residual learning for image recognition. CVPR 2016, doi:10.1109/CVPR.2016.90 (the stride is on
the 3x3 convolution of a bottleneck, as torchvision has it).
Huang et al.: Densely connected convolutional networks. CVPR 2017, doi:10.1109/CVPR.2017.243.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isthmus.errors import IsthmusError, nearest
from isthmus.networks.blocks.layers import avg_pool, conv, max_pool, norm
from isthmus.networks.checks import require_dims, require_whole
from isthmus.networks.encoders.weights import load_encoder_weights
from isthmus.networks.kernels.checkpointing import checkpointed
from isthmus.networks.kernels.concatenation import concatenate


class Encoder(nn.Module):
    """Base of all encoders: an image to its taps.

    Attributes:
        channels: of each tap, fine to coarse.
        strides: of each tap: how many pixels of the image one of its pixels stands for, along each side.
        checkpoint: in training, compute groups of layers again in the backward pass (`checkpointed`).
        loaded: names of the pre-trained tensors; `isthmus.networks.initialise` leaves them as they are.

    Shapes:
        ``(N, in_channels, *spatial)`` to a list of ``(N, channels[i], *(s / strides[i] for s in spatial))``;
        every side a multiple of ``strides[-1]``.
    """

    first_conv: ClassVar[str]  # name of the convolution that reads the image
    classifier: ClassVar[str]  # what the names of the classifier's tensors begin with in torchvision's files
    added: ClassVar[tuple[str, ...]] = ()  # what the names of tensors begin with that no such file holds

    def __init__(
        self, spatial_dims: int, in_channels: int, channels: Sequence[int], strides: Sequence[int]
    ) -> None:
        super().__init__()
        require_dims(spatial_dims)
        require_whole("in_channels", in_channels, 1)
        self.spatial_dims, self.in_channels = spatial_dims, in_channels
        self.channels, self.strides = tuple(channels), tuple(strides)
        self.loaded: frozenset[str] = frozenset()
        self.checkpoint = False

    def forward(self, x: Tensor) -> list[Tensor]:
        raise NotImplementedError

    def pretrained(self) -> set[nn.Module]:
        """The layers whose weights were loaded from a file."""
        return {self.get_submodule(name.rpartition(".")[0]) for name in self.loaded}


class VGG16(Encoder):
    """Thirteen 3x3 convolutions in five groups; a tap before each pooling, and the last group's output."""

    first_conv, classifier = "features.0", "classifier."
    groups = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))  # width, convolutions

    def __init__(self, spatial_dims: int = 2, in_channels: int = 3, *, batch_norm: bool = False) -> None:
        super().__init__(spatial_dims, in_channels, [width for width, _ in self.groups], (1, 2, 4, 8, 16))
        layers: list[nn.Module] = []
        self.ends: list[int] = []  # of the groups, in the list of layers
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


class ResNet(Encoder):
    """A 7x7 stem at half resolution (first tap), a pooling, four layers of residual blocks (a tap each)."""

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


class DenseNet121(Encoder):
    """Dense blocks of 6, 12, 24 and 16 layers that each add 32 channels.

    Taps: the stem before its pooling, each dense block before the transition that follows it, and the last
    block after its normalisation and ReLU.
    """

    first_conv, classifier = "features.conv0", "classifier."
    growth, blocks = 32, (6, 12, 24, 16)

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
        return [*taps, torch.relu_(x)]


class _DenseLayer(nn.Module):
    """BN, ReLU, 1x1 to four times the growth, BN, ReLU, 3x3 to the growth; appended to its input."""

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


Make = Callable[[int, int], Encoder]  # spatial_dims, in_channels
ENCODERS: dict[str, Make] = {
    "vgg16": VGG16,
    "vgg16_bn": lambda dims, channels: VGG16(dims, channels, batch_norm=True),
    "resnet34": lambda dims, channels: ResNet(dims, channels, depths=(3, 4, 6, 3), bottleneck=False),
    "resnet50": lambda dims, channels: ResNet(dims, channels, depths=(3, 4, 6, 3), bottleneck=True),
    "resnet101": lambda dims, channels: ResNet(dims, channels, depths=(3, 4, 23, 3), bottleneck=True),
    "densenet121": DenseNet121,
}


def register_encoder(name: str) -> Callable[[type[Encoder]], type[Encoder]]:
    """Give an encoder, made with ``(spatial_dims, in_channels)``, the name by which ``encoder=`` finds it."""

    def register(encoder: type[Encoder]) -> type[Encoder]:
        ENCODERS[name] = cast(Make, encoder)
        return encoder

    return register


def create_encoder(
    name: str, *, in_channels: int = 3, weights: Path | str | None = None, spatial_dims: int = 2
) -> Encoder:
    """An encoder by name.

    Args:
        name: ``vgg16``, ``vgg16_bn``, ``resnet34``, ``resnet50``, ``resnet101`` or ``densenet121``.
        in_channels: of the image; pre-trained filters of the first convolution are shared out over them
            (`isthmus.networks.encoders.weights.adapt_filters`).
        weights: file or URL of pre-trained weights (see `isthmus.networks.load_encoder_weights`), or None.
        spatial_dims: 2, or 3 for the same layout in 3D, which has no pre-trained weights.

    Raises:
        IsthmusError: unknown name, pre-trained weights in 3D, weights that are missing or do not fit.

    >>> encoder = create_encoder("resnet34", in_channels=1)
    >>> [tuple(tap.shape) for tap in encoder(torch.zeros(1, 1, 64, 32))][-1]
    (1, 512, 2, 1)
    >>> encoder.channels, encoder.strides
    ((64, 64, 128, 256, 512), (2, 4, 8, 16, 32))
    """
    if not isinstance(name, str) or name not in ENCODERS:
        raise IsthmusError(f"unknown encoder {name!r}: {nearest(str(name), ENCODERS)}")
    require_dims(spatial_dims)
    if weights is not None and spatial_dims == 3:
        raise IsthmusError(f"the encoder '{name}' has pre-trained weights in 2D only; in 3D leave them out")
    encoder = ENCODERS[name](spatial_dims, in_channels)
    if weights is not None:
        load_encoder_weights(encoder, weights)
    return encoder

"""DenseSeg: a densely connected network whose blocks are all enlarged to full size and read together.

Bui, Shin, Moon: 3D densely convolutional networks for volumetric segmentation. arXiv:1709.03199 (2017). The
layers are those of the network that its authors released.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from isthmus.errors import IsthmusError
from isthmus.networks.base import Network
from isthmus.networks.blocks.layers import conv, norm
from isthmus.networks.blocks.upsampling import LinearUp
from isthmus.networks.checks import require_name, require_share, require_whole, whole_numbers
from isthmus.networks.kernels.checkpointing import checkpointed
from isthmus.networks.kernels.concatenation import concatenate
from isthmus.networks.registry import Card, register_model

KERNELS = ("class", "channel")


class DenseSeg(Network):
    """Three convolutions at full size, dense blocks at 1/2, 1/4, …, and a 1x1 convolution that reads all of them.

    The channels of each block are added up in as many groups as there are classes. Each group is enlarged by a
    transposed convolution that starts as linear interpolation.

    Args:
        spatial_dims: 2 or 3.
        in_channels, classes: channels of the image, maps of logits.
        features: channels of the first convolutions.
        growth: channels that each layer of a dense block adds.
        layers: numbers of layers of the dense blocks.
        dropout: rate of the dropout after each layer of a dense block.
        kernels: ``"class"`` for one kernel of the transposed convolutions for each class, or ``"channel"`` for one for
            each channel, which is a grouped convolution as the authors' framework stores it (then the number of
            channels must be a multiple of ``classes``).
        checkpoint: whether parts are computed again in the backward pass of training instead of kept in memory.

    Shapes:
        ``(N, in_channels, *spatial)`` to logits ``(N, classes, *spatial)``; every side is a multiple of
        ``2 ** len(layers)``.

    >>> network = DenseSeg(spatial_dims=3, in_channels=2, classes=3, features=4, growth=2, layers=(1, 2))
    >>> network(torch.zeros(1, 2, 4, 8, 8)).shape
    torch.Size([1, 3, 4, 8, 8])
    """

    def __init__(
        self,
        *,
        spatial_dims: int = 2,
        in_channels: int = 1,
        classes: int = 1,
        features: int = 32,
        growth: int = 16,
        layers: Sequence[int] = (4, 4, 4, 4),
        dropout: float = 0.2,
        kernels: str = "class",
        checkpoint: bool = False,
    ) -> None:
        layers = whole_numbers("layers", layers)
        super().__init__(spatial_dims, in_channels, classes, divisor=2 ** len(layers), checkpoint=checkpoint)
        require_whole("features", features, 1)
        require_whole("growth", growth, 1)
        require_share("dropout of DenseSeg", dropout)
        require_name("kernels of DenseSeg", kernels, KERNELS)

        dims = spatial_dims
        self.stem = nn.Sequential(
            conv(dims, in_channels, features),
            *_norm_relu_conv(dims, features, features, 3),
            *_norm_relu_conv(dims, features, features, 3),
        )
        self.downs, self.blocks, self.ups = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        channels = features
        for i, count in enumerate(layers):
            narrow = channels if i == 0 else max(1, channels // 2)
            self.downs.append(_down(dims, channels, narrow, squeeze=i > 0))
            self.blocks.append(
                nn.Sequential(*(_Layer(dims, narrow + n * growth, growth, dropout) for n in range(count)))
            )
            channels = narrow + count * growth
            self.ups.append(_GroupUp(dims, channels, classes, 2 ** (i + 1), kernels))
        self.head = nn.Sequential(
            norm(dims, features + classes * len(layers), "batch"),
            nn.ReLU(inplace=True),
            conv(dims, features + classes * len(layers), classes, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.accepted(x)
        x = self.stem(x)
        seen = [x]
        for down, block, up in zip(self.downs, self.blocks, self.ups, strict=True):
            x = checkpointed(self, block, down(x))
            seen.append(up(x))
        logits: Tensor = self.head(concatenate(seen))
        return logits


def _norm_relu_conv(
    dims: int, in_channels: int, channels: int, kernel: int, stride: int = 1
) -> list[nn.Module]:
    return [
        norm(dims, in_channels, "batch"),
        nn.ReLU(inplace=True),
        conv(dims, in_channels, channels, kernel, stride=stride, bias=False),
    ]


def _down(dims: int, in_channels: int, channels: int, *, squeeze: bool) -> nn.Sequential:
    """Makes a convolution of stride 2 that halves the size; with ``squeeze`` it gets fewer channels first."""
    layers = _norm_relu_conv(dims, in_channels, channels, 1) if squeeze else []
    return nn.Sequential(*layers, *_norm_relu_conv(dims, channels, channels, 2, stride=2))


class _Layer(nn.Module):
    """BN-ReLU-1x1 to 4 * growth, BN-ReLU-3x3 to growth, and dropout; concatenated to the input."""

    def __init__(self, dims: int, in_channels: int, growth: int, dropout: float) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *_norm_relu_conv(dims, in_channels, 4 * growth, 1),
            *_norm_relu_conv(dims, 4 * growth, growth, 3),
            nn.Dropout(dropout) if dropout else nn.Identity(),
        )

    def forward(self, x: Tensor) -> Tensor:
        return concatenate([x, self.body(x)])


class _GroupUp(nn.Module):
    """A grouped transposed convolution from channels to one map for each class, at full size."""

    def __init__(self, dims: int, channels: int, classes: int, factor: int, kernels: str) -> None:
        super().__init__()
        self.before = kernels == "class"
        if classes > channels:
            raise IsthmusError(f"DenseSeg cannot divide {channels} channels among {classes} classes")
        if not self.before and channels % classes:
            raise IsthmusError(
                f"kernels='channel' needs blocks with a multiple of {classes} channels, one for each class, found "
                f"{channels}; use kernels='class'"
            )
        self.classes = classes
        maps = classes if self.before else channels
        self.up = LinearUp(dims, maps, factor, factor + 2, learned=True)

    def forward(self, x: Tensor) -> Tensor:
        if self.before:
            y: Tensor = self.up(self._add(x))
            return y
        return self._add(self.up(x))

    def _add(self, x: Tensor) -> Tensor:
        groups = torch.tensor_split(x, self.classes, dim=1)
        return concatenate([group.sum(dim=1, keepdim=True) for group in groups])


register_model(
    "denseseg",
    DenseSeg,
    Card(
        paper="HMEDN (comparison): Bui et al. 2017",
        source="HMEDN (2020), tables V and VI",
        parameters=1.26e6,
        counted=(5, "trainable", 4),
        parameters_3d=1.26e6,
        counted_3d=(4, "trainable", 4),
        note="the network that its authors released, layer by layer: normalisation, ReLU, convolution",
        difference=(
            "not matched: the paper prints 1.26M for both 2D and 3D, which no single layout gives; ours has "
            "308,204 and 708,796 (364,044 and 1,553,852 with kernels='channel')"
        ),
        decisions=(
            "one up-sampling kernel for each class, which the channels of its group share; the authors' "
            "framework stores one for each channel, equal at the start (kernels='channel')",
        ),
    ),
    tiny={"features": 8, "growth": 4, "layers": (1, 2), "dropout": 0.0},
)

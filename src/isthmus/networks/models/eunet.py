"""E-UNet: the residual 3D U-Net with deep supervision of the BraTS 2017 challenge.

Isensee, Kickingereder, Wick, Bendszus, Maier-Hein: Brain tumor segmentation and radiomics survival
prediction: contribution to the BRATS 2017 challenge. BrainLes 2017, doi:10.1007/978-3-319-75238-9_25. The layers
are as in the framework that HMEDN follows.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from isthmus.errors import IsthmusError
from isthmus.networks.base import Network
from isthmus.networks.blocks.layers import conv, norm
from isthmus.networks.blocks.upsampling import upsample
from isthmus.networks.checks import require_share, whole_numbers
from isthmus.networks.kernels.checkpointing import checkpointed
from isthmus.networks.kernels.concatenation import concatenate
from isthmus.networks.registry import Card, register_model

_SLOPE = 0.3  # of the leaky ReLU, the default of the framework the network was written in
_HEADS = 3  # decoder levels whose segmentations are added up


class EUNet(Network):
    """Context modules on the way down, localisation modules on the way up, and the sum of three segmentations.

    On the way down, a 3x3x3 convolution (of stride 2 from the second level on) is added to the output of a context
    module (convolution, dropout, convolution) that reads it. On the way up there are nearest-neighbour enlargement,
    convolution, concatenation, convolution, and a 1x1x1 convolution. Every convolution is followed by instance
    normalisation and a leaky ReLU of slope 0.3.

    Args:
        spatial_dims: 3.
        in_channels, classes: channels of the image, maps of logits.
        widths: channels of the levels from full resolution down.
        dropout: rate at which a context module drops whole channels.
        checkpoint: whether parts are computed again in the backward pass of training instead of kept in memory.

    Shapes:
        ``(N, in_channels, D, H, W)`` to logits ``(N, classes, D, H, W)``; every side is a multiple of
        ``2 ** (len(widths) - 1)``, and more than one voxel is left at the bottom.

    >>> import torch
    >>> EUNet(in_channels=2, classes=3, widths=(2, 4))(torch.zeros(1, 2, 4, 6, 2)).shape
    torch.Size([1, 3, 4, 6, 2])
    """

    only = (3,)

    def __init__(
        self,
        *,
        spatial_dims: int = 3,
        in_channels: int = 1,
        classes: int = 1,
        widths: Sequence[int] = (16, 32, 64, 128, 256),
        dropout: float = 0.3,
        checkpoint: bool = False,
    ) -> None:
        widths = whole_numbers("widths", widths, 2)
        super().__init__(
            spatial_dims, in_channels, classes, divisor=2 ** (len(widths) - 1), checkpoint=checkpoint
        )
        require_share("dropout of E-UNet", dropout)
        self.downs = nn.ModuleList(
            _unit(given, width, stride=2 if level else 1)
            for level, (given, width) in enumerate(zip((in_channels, *widths[:-1]), widths, strict=True))
        )
        self.contexts = nn.ModuleList(
            nn.Sequential(_unit(width, width), nn.Dropout3d(dropout), _unit(width, width)) for width in widths
        )
        upward = list(zip(widths[:0:-1], widths[-2::-1], strict=True))
        self.ups = nn.ModuleList(_unit(below, width) for below, width in upward)
        self.localise = nn.ModuleList(
            nn.Sequential(_unit(2 * width, width), _unit(width, width, 1)) for _, width in upward
        )
        self.heads = nn.ModuleList(conv(3, width, classes, 1) for _, width in upward[-_HEADS:])

    def forward(self, x: Tensor) -> Tensor:
        x = self.accepted(x)
        if self.training and all(side == self.divisor for side in x.shape[2:]):
            raise IsthmusError(
                f"an image of {self.divisor} voxels per side leaves one voxel at the bottom of E-UNet, which "
                "cannot be normalised; use a larger image or fewer widths"
            )
        bridges: list[Tensor] = []
        for down, context in zip(self.downs, self.contexts, strict=True):
            x = down(x)
            x = x + checkpointed(self, context, x)
            bridges.append(x)
        bridges.pop()
        silent = len(self.ups) - len(self.heads)
        segmentations = []
        for i, (up, localise) in enumerate(zip(self.ups, self.localise, strict=True)):
            here = up(upsample(x, 2, "nearest"))
            x = checkpointed(self, localise, concatenate([bridges.pop(), here]))
            if i >= silent:
                segmentations.append(self.heads[i - silent](x))
        logits: Tensor = segmentations[0]
        for finer in segmentations[1:]:
            logits = upsample(logits, 2, "nearest") + finer
        return logits


def _unit(in_channels: int, channels: int, kernel: int = 3, *, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        conv(3, in_channels, channels, kernel, stride=stride),
        norm(3, channels, "instance"),
        nn.LeakyReLU(_SLOPE, inplace=True),
    )


register_model(
    "eunet",
    EUNet,
    Card(
        paper="HMEDN (comparison): Isensee et al. 2017",
        source="HMEDN (2020), table VI",
        parameters_3d=8.27e6,
        counted_3d=(4, "trainable", 3),
        note="16 to 256 channels; skip and up-sampled maps are concatenated in this order",
        decisions=(
            "convolutions of stride 2 are padded by one voxel on both sides; on even sides Keras, in which it was run, "
            "pads the far side alone, so that its coarser voxels lie one voxel further on",
            "instance normalisation divides by sqrt(variance + 1e-5); that of keras-contrib, with which it was run, by "
            "the standard deviation + 1e-3",
        ),
    ),
    tiny={"widths": (3, 4, 5), "dropout": 0.0},
)

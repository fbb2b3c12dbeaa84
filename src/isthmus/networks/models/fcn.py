"""FCN-8s: scores from VGG-16 at 1/8, 1/16 and 1/32 of the size, enlarged by interpolation.

Long, Shelhamer, Darrell: Fully convolutional networks for semantic segmentation. CVPR 2015,
doi:10.1109/CVPR.2015.7298965.
"""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from isthmus.networks.base import Network
from isthmus.networks.blocks.layers import conv, max_pool
from isthmus.networks.blocks.upsampling import LinearUp
from isthmus.networks.checks import require_flag, require_share, require_whole
from isthmus.networks.encoders.registry import create_encoder
from isthmus.networks.registry import Card, register_model


class FCN8s(Network):
    """Scores of the last three poolings of VGG-16, enlarged and added from the coarsest on, then enlarged eightfold.

    Args:
        spatial_dims: 2.
        in_channels, classes: channels of the image, maps of logits.
        fc: whether the fully connected layers of VGG-16 follow the last pooling, as a 7x7 and a 1x1 convolution.
        fc_width: number of channels of these.
        dropout: rate of the dropout after each of them.
        encoder_weights: file or URL of pre-trained weights of VGG-16, see `create_encoder`.
        checkpoint: whether parts are computed again in the backward pass of training instead of kept in memory.

    Shapes:
        ``(N, in_channels, H, W)`` to logits ``(N, classes, H, W)``; H and W multiples of 32.

    >>> import torch
    >>> FCN8s(classes=3)(torch.zeros(1, 1, 32, 64)).shape
    torch.Size([1, 3, 32, 64])
    """

    only = (2,)

    def __init__(
        self,
        *,
        spatial_dims: int = 2,
        in_channels: int = 1,
        classes: int = 1,
        fc: bool = False,
        fc_width: int = 4096,
        dropout: float = 0.5,
        encoder_weights: Path | str | None = None,
        checkpoint: bool = False,
    ) -> None:
        super().__init__(spatial_dims, in_channels, classes, divisor=32, checkpoint=checkpoint)
        require_flag("fc", fc)
        require_whole("fc_width", fc_width, 1)
        require_share("dropout of FCN-8s", dropout)
        self.encoder = create_encoder("vgg16", in_channels=in_channels, weights=encoder_weights)
        self.encoder.checkpoint = checkpoint
        third, fourth, fifth = self.encoder.channels[2:]
        self.pool = max_pool(2)
        self.fc = (
            nn.Sequential(*_fc(fifth, fc_width, 7, dropout), *_fc(fc_width, fc_width, 1, dropout))
            if fc
            else None
        )
        self.score5 = conv(2, fc_width if fc else fifth, classes, 1)
        self.score4 = conv(2, fourth, classes, 1)
        self.score3 = conv(2, third, classes, 1)
        self.up2, self.up8 = LinearUp(2, classes, 2, 4), LinearUp(2, classes, 8, 16)

    def forward(self, x: Tensor) -> Tensor:
        x = self.accepted(x)
        third, fourth, fifth = (self.pool(tap) for tap in self.encoder(x)[2:])
        if self.fc is not None:
            fifth = self.fc(fifth)
        scores = self.up2(self.score5(fifth)) + self.score4(fourth)
        logits: Tensor = self.up8(self.up2(scores) + self.score3(third))
        return logits


def _fc(in_channels: int, channels: int, kernel: int, dropout: float) -> tuple[nn.Module, ...]:
    return conv(2, in_channels, channels, kernel), nn.ReLU(inplace=True), nn.Dropout(dropout)


_DECISIONS = (
    "zero padding keeps the size, while the authors' code pads the image by 100 pixels and crops the result",
    "the interpolation is fixed, as the authors' code trains it with a rate of zero",
)
register_model(
    "fcn8s",
    FCN8s,
    Card(
        paper="HMEDN (comparison): Long et al. 2015",
        source="HMEDN (2020), table V",
        parameters=14.72e6,
        counted=(5, "trainable", 4),
        note="the convolutions of VGG-16 alone, as the printed count leaves no room for the fully connected layers",
        decisions=_DECISIONS,
    ),
)
register_model(
    "fcn8s_fc",
    FCN8s,
    Card(
        paper="Long et al. 2015",
        source="section 4",
        note="with the fully connected layers, as first published",
        decisions=_DECISIONS,
    ),
    tiny={"fc_width": 3, "dropout": 0.0},
    fc=True,
)

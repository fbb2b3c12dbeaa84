"""DCAN: objects and their contours, each from three depths of one encoder.

Chen, Qi, Yu, Dou, Qin, Heng: DCAN: deep contour-aware networks for object instance segmentation from
histology images. Medical Image Analysis 36:135-146 (2017), doi:10.1016/j.media.2016.11.004.
"""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from isthmus.networks.base import Network
from isthmus.networks.blocks.layers import conv, max_pool
from isthmus.networks.blocks.upsampling import upsample
from isthmus.networks.checks import require_share, require_whole
from isthmus.networks.encoders.registry import create_encoder
from isthmus.networks.registry import Card, register_model

FACTORS = (8, 16, 32)


class DCAN(Network):
    """VGG-16 and two wider convolutions; for objects and contours, scores at three depths, enlarged and added.

    Args:
        spatial_dims: 2.
        in_channels: number of channels of the image.
        classes: number of maps of object logits; there is one map of contours for all classes.
        width: channels of the two convolutions after the last pooling.
        dropout: rate of the dropout after each of these.
        encoder_weights: file or URL of pre-trained weights of VGG-16, see `create_encoder`.
        checkpoint: whether parts are computed again in the backward pass of training instead of kept in memory.

    Shapes:
        ``(N, in_channels, H, W)``, where H and W are multiples of 32, to a dict of logits: ``"logits"``
        ``(N, classes, H, W)`` and ``"contour"`` ``(N, 1, H, W)``. In training also the summands of each depth:
        ``"auxiliary_8"``, ``"auxiliary_16"``, ``"auxiliary_32"``, ``"contour_auxiliary_8"``,
        ``"contour_auxiliary_16"`` and ``"contour_auxiliary_32"``.

    >>> import torch
    >>> heads = DCAN(classes=3, width=4).eval()(torch.zeros(1, 1, 32, 64))
    >>> {name: tuple(head.shape) for name, head in heads.items()}
    {'logits': (1, 3, 32, 64), 'contour': (1, 1, 32, 64)}
    """

    only = (2,)

    def __init__(
        self,
        *,
        spatial_dims: int = 2,
        in_channels: int = 1,
        classes: int = 1,
        width: int = 1024,
        dropout: float = 0.5,
        encoder_weights: Path | str | None = None,
        checkpoint: bool = False,
    ) -> None:
        super().__init__(spatial_dims, in_channels, classes, divisor=32, checkpoint=checkpoint)
        require_whole("width", width, 1)
        require_share("dropout of DCAN", dropout)
        self.encoder = create_encoder("vgg16", in_channels=in_channels, weights=encoder_weights)
        self.encoder.checkpoint = checkpoint
        fourth, fifth = self.encoder.channels[3:]
        self.last = nn.Sequential(
            max_pool(2),
            *(conv(2, fifth, width, 3), nn.ReLU(inplace=True), nn.Dropout(dropout)),
            *(conv(2, width, width, 1), nn.ReLU(inplace=True), nn.Dropout(dropout)),
        )
        given = (fourth, fifth, width)
        self.objects = nn.ModuleList(conv(2, channels, classes, 1) for channels in given)
        self.contours = nn.ModuleList(conv(2, channels, 1, 1) for channels in given)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        x = self.accepted(x)
        fourth, fifth = self.encoder(x)[3:]
        depths = (fourth, fifth, self.last(fifth))
        heads: dict[str, Tensor] = {}
        more: dict[str, Tensor] = {}
        for head, prefix, scores in (("logits", "", self.objects), ("contour", "contour_", self.contours)):
            maps = [
                upsample(score(depth), factor)
                for score, depth, factor in zip(scores, depths, FACTORS, strict=True)
            ]
            heads[head] = maps[0] + maps[1] + maps[2]
            more |= {f"{prefix}auxiliary_{factor}": m for factor, m in zip(FACTORS, maps, strict=True)}
        return heads | more if self.training else heads


register_model(
    "dcan",
    DCAN,
    Card(
        paper="HMEDN (comparison): Chen et al. 2017",
        source="HMEDN (2020), tables V and VII",
        parameters=21.06e6,
        counted=(3, "trainable", 1),
        note="VGG-16, a 3x3 and a 1x1 convolution of 1024 channels, and scores by 1x1 convolutions",
        difference=(
            "not matched: ours has 20,488,006, and the nuclei framework that HMEDN follows 11,060,302 (single "
            "convolutions, learned enlargement); 21.06 may be a misprint for 11.06"
        ),
        decisions=("the scores are enlarged by linear interpolation, without weights",),
    ),
    tiny={"width": 4, "dropout": 0.0},
)

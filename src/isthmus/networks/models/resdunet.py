"""ResDUnet, a reconstruction: residual blocks with squeeze and excitation, cascaded dilations on the bridges.

Amer, Ye, Zolgharni, Janan: ResDUnet: residual dilated UNet for left ventricle segmentation from
echocardiographic images. EMBC 2020, 2019-2022; a baseline of MILDNet. No code is public, and only the abstract was
available: a U-Net of residual blocks, each with a squeeze-and-excitation unit, and with cascaded dilated convolutions
on its skips. Rates, reduction and wiring are ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from isthmus.networks.blocks.base import Block, Bridge, Skip, register_block, register_skip
from isthmus.networks.blocks.layers import conv
from isthmus.networks.blocks.plain import ResidualPair
from isthmus.networks.checks import require_whole, require_wholes
from isthmus.networks.models.unet import UNet
from isthmus.networks.registry import Card, register_model


@register_block("residual_se")
@dataclass(frozen=True)
class ResidualSE(Block):
    """The residual block with squeeze and excitation before the addition.

    Hu, Shen, Sun: Squeeze-and-excitation networks. CVPR 2018, doi:10.1109/CVPR.2018.00745. Each channel is
    scaled by sigmoid(W2 relu(W1 m)), where m are the means of all channels over the image, and W1 maps them to
    1/``reduction`` of the channels.
    """

    norm: str = "batch"
    activation: str = "relu"
    reduction: int = 16

    def __post_init__(self) -> None:
        require_whole("reduction of the residual_se block", self.reduction, 1)

    def build(self, dims: int, in_channels: int, width: int) -> nn.Module:
        gate = SqueezeExcitation(dims, width, self.reduction)
        return ResidualPair(dims, in_channels, width, self.norm, self.activation, gate)


class SqueezeExcitation(nn.Module):
    """The unit of `ResidualSE`, on any number of channels."""

    def __init__(self, dims: int, channels: int, reduction: int) -> None:
        super().__init__()
        hidden = max(1, channels // reduction)
        self.squeeze = conv(dims, channels, hidden, 1)
        self.excite = conv(dims, hidden, channels, 1)
        self.axes = tuple(range(2, 2 + dims))

    def forward(self, x: Tensor) -> Tensor:
        mean = x.mean(self.axes, keepdim=True)
        return x * torch.sigmoid(self.excite(torch.relu_(self.squeeze(mean))))


@register_skip("cascade")
@dataclass(frozen=True)
class Cascade(Skip):
    """3x3 convolutions of the ``dilations`` one after another, each with ReLU, summed with the input.

    As in D-LinkNet (Zhou, Zhang, Wu: CVPR workshops 2018, doi:10.1109/CVPRW.2018.00034).
    """

    dilations: tuple[int, ...] = (1, 2, 4, 8)

    def __post_init__(self) -> None:
        require_wholes("dilations of the cascade", self.dilations)

    def build(self, bridge: Bridge) -> nn.Module:
        return _Cascade(bridge.dims, bridge.in_channels, self.dilations)


class _Cascade(nn.Module):
    def __init__(self, dims: int, channels: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.convs = nn.ModuleList(conv(dims, channels, channels, dilation=d) for d in dilations)

    def forward(self, x: Tensor) -> Tensor:
        total = x
        for step in self.convs:
            x = torch.relu_(cast(Tensor, step(x)))
            total = total + x
        return total


register_model(
    "resdunet",
    UNet,
    Card(
        paper="MILDNet (baseline)",
        source="MILDNet (2021), Methods; Amer et al., EMBC 2020",
        note="a reconstruction: no code is public, and the abstract only names the parts",
        decisions=(
            "block: the residual pair of 'residual_unet' with squeeze and excitation (reduction 16) before "
            "the addition",
            "bridge: four 3x3 convolutions of dilation 1, 2, 4 and 8 in a row, each with ReLU, all summed with "
            "their input",
            "widths 32 to 512, as in all networks that MILDNet compares",
        ),
    ),
    block="residual_se",
    skip="cascade",
)

"""MILDNet: multi-level dilated residual blocks on the levels, multi-level residual blocks on the bridges.

Gudhe et al.: Multi-level dilated residual network for biomedical image segmentation. Scientific Reports
11:14105 (2021), doi:10.1038/s41598-021-93169-w. The authors' code is not public. What the text
leaves open, and how it was decided, is stated with each part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from isthmus.networks.blocks.base import Block, Bridge, Skip, register_block, register_skip
from isthmus.networks.blocks.layers import conv, norm
from isthmus.networks.checks import require_flag, require_name, require_whole, require_wholes
from isthmus.networks.kernels.concatenation import concatenate
from isthmus.networks.kernels.saved_activations import norm_relu, relu_
from isthmus.networks.kernels.summed_convolutions import norm_relu_sum
from isthmus.networks.models.unet import UNet
from isthmus.networks.registry import Card, register_model


@register_block("mldr")
@dataclass(frozen=True)
class MLDR(Block):
    """Multi-level dilated residual block (Methods, figure 2).

    A level is BN, ReLU, and 3x3 convolutions of the ``dilations`` in parallel, which are merged; then the level's input
    is added, and a ReLU follows. After ``levels`` of them the block's input is added, and a ReLU follows (equation 1).
    Inputs pass a 1x1 convolution if the widths differ.

    The paper leaves open whether the branches are summed (as here, since F of equation 1 is one mapping of the block's
    width) or concatenated and fused (``merge="concat"``), and whether a ReLU follows each addition
    (``post_activation``).
    """

    levels: int = 2
    dilations: tuple[int, ...] = (1, 3, 5)
    merge: str = "sum"
    post_activation: bool = True

    def __post_init__(self) -> None:
        require_whole("levels of the MLDR block", self.levels, 1, 8)
        require_wholes("dilations of the MLDR block", self.dilations)
        require_name("merge of the MLDR block", self.merge, ("sum", "concat"))
        require_flag("post_activation of the MLDR block", self.post_activation)

    def build(self, dims: int, in_channels: int, width: int) -> nn.Module:
        chain = [
            _DilatedLevel(dims, in_channels if level == 0 else width, width, self, level == self.levels - 1)
            for level in range(self.levels)
        ]
        return _Outer(dims, in_channels, width, chain, self.post_activation)


@register_skip("mlr")
@dataclass(frozen=True)
class MLR(Skip):
    """Multi-level residual block (Methods, figure 3).

    A level is BN, ReLU and two 3x3 convolutions; then the level's input is added, and a ReLU follows. After ``levels``
    of them the skip's input is added, and a ReLU follows. There is no activation between the two convolutions, as the
    paper names BN and ReLU once per level.
    """

    levels: int = 2
    post_activation: bool = True

    def __post_init__(self) -> None:
        require_whole("levels of the MLR skip", self.levels, 1, 8)
        require_flag("post_activation of the MLR skip", self.post_activation)

    def build(self, bridge: Bridge) -> nn.Module:
        dims, channels = bridge.dims, bridge.in_channels
        chain = [
            _PlainLevel(dims, channels, self.post_activation, level == self.levels - 1)
            for level in range(self.levels)
        ]
        return _Outer(dims, channels, channels, chain, self.post_activation, saved_anyway=False)


def _shortcut(dims: int, in_channels: int, width: int) -> nn.Module:
    return nn.Identity() if in_channels == width else conv(dims, in_channels, width, 1)


class _DilatedLevel(nn.Module):
    def __init__(self, dims: int, in_channels: int, width: int, part: MLDR, last: bool) -> None:
        super().__init__()
        self.norm = norm(dims, in_channels, "batch")
        self.branches = nn.ModuleList(conv(dims, in_channels, width, dilation=d) for d in part.dilations)
        self.fuse = conv(dims, width * len(part.dilations), width, 1) if part.merge == "concat" else None
        self.shortcut = _shortcut(dims, in_channels, width)
        self.post_activation = part.post_activation
        self.saved_anyway = not last  # by the next level's normalisation

    def forward(self, x: Tensor) -> Tensor:
        shortcut = self.shortcut(
            x
        )  # first, so that its gradient comes last and does not wait for the branches'
        relu, saved_anyway = self.post_activation, self.saved_anyway
        if self.fuse is None:
            branches = list(self.branches)
            return norm_relu_sum(self.norm, branches, x, shortcut, relu=relu, saved_anyway=saved_anyway)
        with norm_relu(self.norm, x) as y:
            scales = [branch(y) for branch in self.branches]
        merged: Tensor = self.fuse(concatenate(scales))
        merged += shortcut  # in place, as no convolution needs its own output again
        return relu_(merged, saved_anyway=saved_anyway) if relu else merged


class _PlainLevel(nn.Module):
    def __init__(self, dims: int, channels: int, post_activation: bool, last: bool) -> None:
        super().__init__()
        self.norm = norm(dims, channels, "batch")
        self.convs = nn.Sequential(conv(dims, channels, channels), conv(dims, channels, channels))
        self.post_activation = post_activation
        self.saved_anyway = not last

    def forward(self, x: Tensor) -> Tensor:
        with norm_relu(self.norm, x) as rectified:
            first = self.convs[0](rectified)
        y: Tensor = self.convs[1](first)
        y += x  # in place, as above
        return relu_(y, saved_anyway=self.saved_anyway) if self.post_activation else y


class _Outer(nn.Module):
    """The residual around all levels (residual of residual: Zhang et al., doi:10.1109/TCSVT.2017.2654543)."""

    def __init__(
        self,
        dims: int,
        in_channels: int,
        width: int,
        levels: Sequence[nn.Module],
        post_activation: bool,
        saved_anyway: bool = True,
    ) -> None:
        super().__init__()
        self.levels = nn.Sequential(*levels)
        self.shortcut = _shortcut(dims, in_channels, width)
        self.post_activation, self.saved_anyway = post_activation, saved_anyway

    def forward(self, x: Tensor) -> Tensor:
        shortcut = self.shortcut(x)  # first, as above
        y: Tensor = self.levels(x) + shortcut
        return relu_(y, saved_anyway=self.saved_anyway) if self.post_activation else y


_PAPER = "MILDNet"
_MLDR = (
    "the branches of a level are summed, as F of equation 1 is one mapping (merge='concat' fuses them instead)",
    "the branches of a level share BN and ReLU; a ReLU follows each addition (equation 1)",
    "a shortcut is the identity if the widths agree, else a 1x1 convolution",
    "widths 32 to 512, two levels, dilations 1, 3 and 5; the bottom has the block too",
)
_MLR = ("two convolutions on each level of a bridge, as wide as the bridge, without a ReLU between them",)

register_model(
    "mildnet",
    UNet,
    Card(
        paper=_PAPER,
        source="MILDNet (2021), figure 4, table 5",
        note="built from the text; the wiring is in figures only, and the code is not public",
        decisions=_MLDR + _MLR,
    ),
    block="mldr",
    skip="mlr",
)
register_model(
    "mildnet_no_mlr",
    UNet,
    Card(
        paper=_PAPER,
        source="MILDNet (2021), table 4",
        note="MILDNet with plain bridges, for the paper's ablation",
        decisions=_MLDR,
    ),
    block="mldr",
)
register_model(
    "unet_mlr",
    UNet,
    Card(
        paper=_PAPER,
        source="MILDNet (2021), table 4",
        note="the U-Net with MLR on its bridges, for the paper's ablation",
        decisions=_MLR,
    ),
    skip="mlr",
)

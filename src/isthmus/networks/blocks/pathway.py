"""The residual dilated block, for a level of any U-Net, and the high-resolution pathway, for a bridge.

Zhou, Nie, Adeli, Yin, Lian, Shen: High-resolution encoder-decoder networks for low-contrast medical image
segmentation. IEEE Transactions on Image Processing 29:461-475 (2020), doi:10.1109/TIP.2019.2919937. The block
follows Li et al., IPMI 2017, doi:10.1007/978-3-319-59050-9_28.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from isthmus.errors import IsthmusError
from isthmus.networks.blocks.base import SKIPS, Block, Bridge, Skip, register_block, register_skip, resolve
from isthmus.networks.blocks.dense import conv_unit
from isthmus.networks.checks import require_name, require_whole, require_wholes
from isthmus.networks.kernels.concatenation import concatenate

DENSE = ("last", "full")
DILATIONS = (1, 1, 1, 3, 3, 3, 5, 5, 5)


class ResidualDilated(nn.Module):
    """Two 3x3 convolutions of one dilation, plus the input, by a 1x1 convolution if the widths differ."""

    def __init__(self, dims: int, in_channels: int, width: int, dilation: int, norm: str = "batch") -> None:
        super().__init__()
        self.body = nn.Sequential(
            *conv_unit(dims, in_channels, width, dilation=dilation, norm=norm),
            *conv_unit(dims, width, width, dilation=dilation, norm=norm, activation=None),
        )
        same = in_channels == width
        self.shortcut = (
            nn.Identity() if same else conv_unit(dims, in_channels, width, 1, norm=norm, activation=None)
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu_(self.body(x) + self.shortcut(x))


@register_block("residual_dilated")
@dataclass(frozen=True)
class ResidualDilatedBlock(Block):
    """A chain of residual dilated blocks (section III-B), one for each dilation.

    ``UNet(block="residual_dilated", dilations=(1, 3, 5))`` puts three of them on every level.
    """

    dilations: tuple[int, ...] = (1,)
    norm: str = "batch"

    def __post_init__(self) -> None:
        require_wholes("dilations of the residual dilated block", self.dilations)

    def build(self, dims: int, in_channels: int, width: int) -> nn.Module:
        given = (in_channels, *(width,) * (len(self.dilations) - 1))
        return nn.Sequential(
            *(
                ResidualDilated(dims, g, width, d, self.norm)
                for g, d in zip(given, self.dilations, strict=True)
            )
        )


class Pathway(nn.Module):
    """Residual dilated blocks at one resolution, fused to ``width`` maps.

    A 1x1 convolution to ``width`` comes first if the input has another width, then the blocks, then a 1x1 convolution
    that reads the input of the pathway and all blocks. With ``dense="last"`` a block reads the block before it, with
    ``"full"`` everything before it.

    Shapes:
        ``(N, in_channels, *spatial)`` to ``(N, width, *spatial)``.
    """

    def __init__(
        self,
        dims: int,
        in_channels: int,
        width: int,
        dilations: Sequence[int],
        dense: str,
        norm: str = "batch",
    ) -> None:
        super().__init__()
        self.full = dense == "full"
        self.enter = (
            nn.Identity() if in_channels == width else conv_unit(dims, in_channels, width, 1, norm=norm)
        )
        self.blocks = nn.ModuleList(
            ResidualDilated(dims, width * (i + 1) if self.full else width, width, d, norm)
            for i, d in enumerate(dilations)
        )
        self.fuse = conv_unit(dims, width * (len(dilations) + 1), width, 1, norm=norm)

    def forward(self, x: Tensor) -> Tensor:
        steps = [self.enter(x)]
        for block in self.blocks:
            steps.append(block(concatenate(steps) if self.full else steps[-1]))
        y: Tensor = self.fuse(concatenate(steps))
        return y


@register_skip("high_resolution")
@dataclass(frozen=True)
class HighResolution(Skip):
    """The high-resolution pathway, concatenated to a plain skip (section III-B, figure 2).

    Attributes:
        level: the bridge that gets the pathway, 1 at full resolution as in the paper; None for every bridge.
        width: the paper's L; None for the width of the level.
        dilations: dilations of the blocks, which have two convolutions each.
        dense: ``"last"`` links all blocks to the end, as the paper's text and 2D counts say; ``"full"`` links them to
            all later ones, which is closer to its 3D counts.
        norm: normalisation by name.
        beside: the skip that is concatenated to the pathway, and stands alone on the other levels: a name, a mapping
            or a part.

    >>> bridge = Bridge(dims=2, in_channels=64, width=64, level=2, pools_below=3)
    >>> HighResolution(width=32).out_channels(bridge)
    96
    """

    level: int | None = None
    width: int | None = None
    dilations: tuple[int, ...] = DILATIONS
    dense: str = "last"
    norm: str = "batch"
    beside: str | Mapping[str, Any] | Skip = "identity"

    def __post_init__(self) -> None:
        require_wholes("dilations of the pathway", self.dilations)
        require_name("dense of the pathway", self.dense, DENSE)
        for name, value in (("level", self.level), ("width", self.width)):
            if value is not None:
                require_whole(f"{name} of the pathway", value, 1)

    @property
    def plain(self) -> Skip:
        """The skip beside the pathway."""
        return resolve(self.beside, SKIPS, {})

    def on(self, bridge: Bridge) -> bool:
        """Returns whether the pathway stands on this bridge."""
        return self.level is None or self.level == bridge.level

    def pathway(self, dims: int, in_channels: int, width: int) -> Pathway:
        """Makes the pathway alone, from the features of a level of this width."""
        return Pathway(dims, in_channels, self.width or width, self.dilations, self.dense, self.norm)

    def check(self, bridges: Sequence[Bridge]) -> None:
        self.plain.check(bridges)
        if not any(map(self.on, bridges)):
            levels = ", ".join(str(level) for level in sorted(bridge.level for bridge in bridges))
            raise IsthmusError(f"no bridge on level {self.level} for the pathway (there are: {levels})")

    def out_channels(self, bridge: Bridge) -> int:
        beside = self.plain.out_channels(bridge)
        return beside + (self.width or bridge.width) if self.on(bridge) else beside

    def build(self, bridge: Bridge) -> nn.Module:
        plain = self.plain.build(bridge)
        if not self.on(bridge):
            return plain
        return _Beside(plain, self.pathway(bridge.dims, bridge.in_channels, bridge.width))


class _Beside(nn.Module):
    def __init__(self, plain: nn.Module, pathway: Pathway) -> None:
        super().__init__()
        self.plain, self.pathway = plain, pathway

    def forward(self, x: Tensor) -> Tensor:
        return concatenate([self.plain(x), self.pathway(x)])

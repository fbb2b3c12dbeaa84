"""U-Net and MILDNet as a textbook writes them, nothing done for speed: what the benchmarks divide by."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

NETWORKS = ("unet", "mildnet")


def pair(channels: int, width: int) -> nn.Module:
    """Returns two 3x3 convolutions with ReLU."""
    return nn.Sequential(
        nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1), nn.ReLU()
    )


class DilatedLevel(nn.Module):
    """BN, ReLU, three dilated convolutions summed, shortcut, ReLU."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)
        self.branches = nn.ModuleList(nn.Conv2d(channels, width, 3, padding=d, dilation=d) for d in (1, 3, 5))
        self.shortcut = nn.Identity() if channels == width else nn.Conv2d(channels, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.norm(x))
        return torch.relu(sum(branch(y) for branch in self.branches) + self.shortcut(x))


class PlainLevel(nn.Module):
    """BN, ReLU, two convolutions, plus the input, ReLU."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)
        self.convs = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1), nn.Conv2d(channels, channels, 3, padding=1)
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.convs(torch.relu(self.norm(x))) + x)


class Outer(nn.Module):
    """Levels in a row and the residual around them."""

    def __init__(self, channels: int, width: int, *levels: nn.Module) -> None:
        super().__init__()
        self.levels = nn.Sequential(*levels)
        self.shortcut = nn.Identity() if channels == width else nn.Conv2d(channels, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.levels(x) + self.shortcut(x))


def mldr(channels: int, width: int) -> nn.Module:
    """Returns MILDNet's block."""
    return Outer(channels, width, DilatedLevel(channels, width), DilatedLevel(width, width))


def mlr(channels: int) -> nn.Module:
    """Returns MILDNet's skip."""
    return Outer(channels, channels, PlainLevel(channels), PlainLevel(channels))


class PlainNet(nn.Module):
    """A U-Net of the given block and skip."""

    def __init__(
        self, name: str, channels: int = 1, widths: tuple[int, ...] = (32, 64, 128, 256, 512)
    ) -> None:
        super().__init__()
        block, skip = {"unet": (pair, nn.Identity), "mildnet": (mldr, mlr)}[name]
        self.encoder = nn.ModuleList(
            block(c, w) for c, w in zip((channels, *widths[:-1]), widths, strict=True)
        )
        self.pool = nn.MaxPool2d(2)
        up = widths[::-1]
        self.ups = nn.ModuleList(nn.ConvTranspose2d(a, b, 2, stride=2) for a, b in pairwise(up))
        self.skips = nn.ModuleList(skip(w) for w in up[1:])
        self.decoder = nn.ModuleList(block(2 * w, w) for w in up[1:])
        self.head = nn.Conv2d(widths[0], 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        kept = []
        for level, block in enumerate(self.encoder):
            x = block(self.pool(x) if level else x)
            kept.append(x)
        kept.pop()
        for up, skip, block in zip(self.ups, self.skips, self.decoder, strict=True):
            x = block(torch.cat([up(x), skip(kept.pop())], dim=1))
        return self.head(x)

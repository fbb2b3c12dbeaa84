"""Chooses the tiles into which an image is cut, and how many of them go through the network together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, prod

from isthmus.inference.tiling.tiles import Tiling, blended, cropped, on_grid, room_for

WHOLE = {2: 1024, 3: 128}
"""Images with sides up to this go through in one piece, unless the network was trained on patches."""

ROOM = 2**22
"""The most pixels that go through the network at once, unless a single patch has more."""


@dataclass(frozen=True)
class Cutter:
    """Cuts images into tiles for one network.

    Attributes:
        patch: sides of the patches that the network was trained on; None: whole images.
        divisor: every side of a batch must be a multiple of it.
        batch: images in a batch in training.
        overlap: overlap of tiles that are averaged, as a share of their side.
    """

    patch: Sequence[int] | None
    divisor: int
    batch: int
    overlap: float

    def sides(self, axes: int) -> list[int]:
        """Returns the sides of a tile that is processed separately: the patch, or `WHOLE` without patches."""
        return [on_grid(side, self.divisor) for side in self.patch or [WHOLE[axes]] * axes]

    def side_by_side(self, size: Sequence[int]) -> Tiling:
        """Returns tiles that overlap no more than the grid of the divisor demands."""
        sides = [
            on_grid(ceil(length / ceil(length / most)), self.divisor)
            for length, most in zip(size, self.sides(len(size)), strict=True)
        ]
        return blended(size, sides, self.divisor, self.patch, 0.0)

    def tiling(self, size: Sequence[int], margin: int | None) -> Tiling:
        """Returns the tiles of an image on the network's grid.

        An image no larger than a tile goes through in one piece. A larger one is cut into cropped tiles where these
        give the network's answer on the whole image and cost no more than averaging overlapping tiles; otherwise
        overlapping tiles are averaged.

        Args:
            size: size of the image.
            margin: how far from a cut side the network notices it; None: everywhere.
        """
        tiling = blended(size, self.sides(len(size)), self.divisor, self.patch, self.overlap)
        if not tiling.overlaps or margin is None:
            return tiling
        sides = room_for(size, self.divisor, margin, WHOLE[len(size)], ROOM)
        return tiling if sides is None else cropped(size, sides, self.divisor, margin, self.patch)

    def batch_size(self, tiling: Tiling) -> int:
        """Returns how many tiles go through the network together."""
        pixels = min(ROOM, self.batch * prod(self.sides(len(tiling.shape))))
        return max(1, pixels // prod(tiling.shape))

"""Into which tiles an image is cut, and how many of them go through the network together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, prod

from isthmus.inference.tiling.tiles import Tiling, blended, cropped, on_grid, room_for

WHOLE = {
    2: 1024,
    3: 128,
}  # images up to this side go through at once, unless the network learned from patches
ROOM = 2**22  # pixels that go through the network at once, at most, where not one patch alone has more


@dataclass(frozen=True)
class Plan:
    """For images of one network.

    Attributes:
        patch: sides of what it was trained on; None: whole images.
        divisor: what every side of a batch must divide by.
        batch: images of a batch in training.
        overlap: of tiles that are averaged, as a share of their side.
    """

    patch: Sequence[int] | None
    divisor: int
    batch: int
    overlap: float

    def tile(self, axes: int) -> list[int]:
        """Sides of a tile that is seen by itself: a patch, or `WHOLE` without patches."""
        return [on_grid(side, self.divisor) for side in self.patch or [WHOLE[axes]] * axes]

    def apart(self, size: Sequence[int]) -> Tiling:
        """Tiles that overlap by no more than being on the grid needs."""
        tile = self.tile(len(size))
        sides = [
            on_grid(ceil(length / ceil(length / most)), self.divisor)
            for length, most in zip(size, tile, strict=True)
        ]
        return blended(size, sides, self.divisor, self.patch, 0.0)

    def tiling(self, size: Sequence[int], seen: int | None) -> Tiling:
        """The tiles of an image on the network's grid.

        An image no larger than a tile goes through by itself. Larger ones in tiles that are cropped wherever this
        gives the network's answer on the whole image and no more is computed than by averaging tiles that overlap,
        which is done for all the others.

        Args:
            seen: how far from a cut side the network notices it; None: everywhere.
        """
        tiling = blended(size, self.tile(len(size)), self.divisor, self.patch, self.overlap)
        if not tiling.overlaps or seen is None:
            return tiling
        sides = room_for(size, self.divisor, seen, WHOLE[len(size)], ROOM)
        return tiling if sides is None else cropped(size, sides, self.divisor, seen, self.patch)

    def together(self, tiling: Tiling) -> int:
        """How many tiles go through together."""
        pixels = min(ROOM, self.batch * prod(self.tile(len(tiling.shape))))
        return max(1, pixels // prod(tiling.shape))

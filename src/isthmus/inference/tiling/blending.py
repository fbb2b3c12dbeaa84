"""Blends overlapping tiles: sums their logits, each with the weights that `tiles.blended` gives it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from isthmus.inference.tiling.tiles import Floats, Tiling


class WeightedSums:
    """Weighted sums of the logits of overlapping tiles, for the rows that the current row of tiles covers."""

    def __init__(self, tiling: Tiling) -> None:
        self.tiling = tiling
        self.sums: Floats | None = None
        self.start = 0  # the first row of the image that the sums cover

    def add(self, corner: Sequence[int], logits: Floats) -> Floats:
        """Adds a tile, in the order of the tiles of an image, and returns a copy of what is finished with it."""
        rows, *others = self.tiling.axes
        if self.sums is None:
            self.sums = np.zeros((len(logits), rows.side, *(axis.padded for axis in others)), np.float32)
        start = rows.starts[corner[0]]
        if not any(corner):  # the first tile of the next image
            self.sums.fill(0)
        elif start > self.start:
            left = rows.side - (start - self.start)
            for each in self.sums:  # one by one, as moving overlapping memory makes a copy of it
                each[:left] = each[rows.side - left :]
                each[left:] = 0
        self.start = start
        weighted = logits
        for number, (axis, tile) in enumerate(zip(self.tiling.axes, corner, strict=True), start=1):
            if axis.weights is not None and len(axis.starts) > 1:
                weight = axis.weights[tile]
                weighted = weighted * weight.reshape(-1, *[1] * (logits.ndim - 1 - number))
        covered = [
            slice(axis.starts[tile], axis.starts[tile] + axis.side)
            for axis, tile in zip(others, corner[1:], strict=True)
        ]
        self.sums[(slice(None), slice(None), *covered)] += weighted
        first, *rest = self.tiling.done(corner)
        inside = slice(first.start - start, first.stop - start)
        return self.sums[(slice(None), inside, *rest)].copy()

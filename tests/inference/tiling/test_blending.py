"""Overlapping tiles are blended by their weights."""

from __future__ import annotations

import numpy as np

from isthmus.inference.tiling.blending import WeightedSums
from isthmus.inference.tiling.tiles import blended


def test_two_tiles_are_summed_with_weights_that_add_up_to_one() -> None:
    tiling = blended((6, 4), (4, 4), 1)
    sums, weights = WeightedSums(tiling), tiling.axes[0].weights
    assert tiling.axes[0].starts == (0, 2)
    assert weights is not None
    first = sums.add((0, 0), np.full((1, 4, 4), 1, np.float32))  # rows 0 and 1, which no other tile covers
    second = sums.add((1, 0), np.full((1, 4, 4), 3, np.float32))
    assert first[0, :, 0].tolist() == [1, 1]
    both = weights[0][2:] * 1 + weights[1][:2] * 3
    np.testing.assert_allclose(second[0, :, 0], [*both, 3, 3], rtol=1e-6)
    np.testing.assert_allclose(weights[0][2:] + weights[1][:2], 1, rtol=1e-6)

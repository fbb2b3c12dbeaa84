"""Changes to images do what their names say."""

from __future__ import annotations

import numpy as np

from benchmarks.unlike_images import changes


def test_changes() -> None:
    image = np.array([[[0, 10], [20, 30]]], np.uint8)
    assert changes.half(image).tolist() == [[[0, 5], [10, 15]]]
    assert changes.inverted(image).tolist() == [[[255, 245], [235, 225]]]
    assert changes.scaled(2.0)(image).shape == (1, 4, 4)
    assert changes.scaled(0.5)(image).tolist() == [[[15]]]
    assert changes.half(image.astype(np.int16) - 5).size == 0
    assert changes.reversed_channels(image).size == 0

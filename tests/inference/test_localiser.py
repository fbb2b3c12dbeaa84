"""The window around what the first network finds, and maps that return to their place."""

from __future__ import annotations

import numpy as np

from isthmus.inference.localiser import box_around, paste


def test_the_window_of_a_region() -> None:
    size = (7, 60, 80)
    found = np.zeros((7, 6, 8), bool)
    found[2:5, 1:3, 1:3] = found[6, 5, 7] = True  # a speck does not count
    window, note = box_around(found, size, (20, 20))
    assert window == (slice(0, 7), slice(10, 30), slice(10, 30))
    assert note == ""
    window, note = box_around(found, size, (16, 20))
    assert "measures 20 x 20 pixels and roi.size is 16 x 20" in note
    both = np.zeros((64, 64), bool)
    both[20:30, 15:22] = both[20:31, 38:45] = True  # two organs: the middle of both, not of the larger
    window, note = box_around(both, (64, 64), (32, 32))
    assert (window[1], note) == (slice(14, 46), "")
    window, note = box_around(np.zeros((7, 6, 8), bool), size, (20, 20))
    assert window == (slice(0, 7), slice(0, 60), slice(0, 80))
    assert "whole image" in note
    full = paste(
        np.ones((2, 2, 2), np.float32), (slice(1, 3), slice(0, 2)), (4, 3), np.array([5.0, -5.0], np.float32)
    )
    assert full[0].tolist() == [[5, 5, 5], [1, 1, 5], [1, 1, 5], [5, 5, 5]]
    assert full[1, 0].tolist() == [-5, -5, -5]

"""Sizes of pictures, and the table of looks by hand."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from benchmarks.objects import diameter


def test_masks_keep_their_numbers_and_pictures_their_shape_in_proportion() -> None:
    numbers = np.kron(np.array([[0, 7], [3, 9]], np.uint16), np.ones((4, 6), np.uint16))
    for size in diameter.SIZES:
        found = diameter.resized(numbers, size, cv2.INTER_NEAREST)
        assert found.shape == (8 * size, 12 * size)
        assert set(np.unique(found)) == {0, 3, 7, 9}


def test_the_table_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diameter, "machine_lines", lambda _: [])
    values: dict[str, Any] = {
        look: {"f1": {"a": f1, "b": 0.5}} for look, f1 in zip(diameter.LOOKS, (0.0, 1.0, 0.5), strict=True)
    }
    lines = diameter.scores_table([{"rows": [{"name": "2 times", "values": values}]}])
    assert lines[2] == "| 2 times | 2 | 0.250 | 0.750 | 0.500 |"

"""True masks of 20 x 20 squares in 64 x 64, and masks that differ from them in a known way."""

from __future__ import annotations

import numpy as np

SIDE, SIZE = 20, 64


def square(shift: int = 0, shrink: int = 0) -> np.ndarray:
    mask = np.zeros((SIZE, SIZE), np.uint8)
    mask[10 + shrink : 30 - shrink, 10 + shift + shrink : 30 + shift - shrink] = 1
    return mask


def shifted(n: int = 8) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The same square n times, and case i shifted by i + 1 pixels: Dice (20 - i - 1) / 20."""
    return {f"c{i}": square() for i in range(n)}, {f"c{i}": square(shift=i + 1) for i in range(n)}


def objects() -> np.ndarray:
    """Four objects of 6 x 6, of which 1 and 2 touch."""
    mask = np.zeros((40, 40), np.uint16)
    for number, (y, x) in enumerate(((2, 2), (2, 8), (20, 2), (20, 20)), 1):
        mask[y : y + 6, x : x + 6] = number
    return mask

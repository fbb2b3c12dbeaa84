"""Small masks on disk, for tests."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np


def save(folder: Path, **masks: object) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, mask in masks.items():
        array = np.asarray(mask)
        ending = "png" if array.dtype == np.uint8 else "tif"
        assert cv2.imwrite(str(folder / f"{name}.{ending}"), array)
    return folder


def row(*values: int) -> np.ndarray:
    """A mask of one row of pixels, repeated to three."""
    return np.array([values] * 3, np.uint8)


def four_cases(root: Path) -> tuple[Path, Path]:
    """Predicted and true masks: cases hit, missed, falsely alarmed, empty; 3 x 5 pixels."""
    nothing, left = row(0, 0, 0, 0, 0), row(255, 255, 0, 0, 0)
    truth = save(root / "truth", a=left, b=left, c=nothing, d=nothing)
    ours = save(root / "ours", a=row(255, 0, 0, 0, 0), b=nothing, c=left, d=nothing)
    return ours, truth

"""Small data sets on disk, written with other libraries than the code under test where that is possible."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from .makers import touch

WritePairs = Callable[..., Path]


def save(path: Path, pixels: NDArray[np.generic], **options: object) -> Path:
    """Write with Pillow, whatever the suffix says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path


@pytest.fixture
def pairs(tmp_path: Path) -> WritePairs:
    """`pairs(n, size, masks)`: a data set folder of n grey images and their masks (0/255 unless given)."""

    def write(
        n: int = 6, size: tuple[int, int] = (24, 20), masks: list[NDArray[np.uint8]] | None = None
    ) -> Path:
        random = np.random.default_rng(0)
        for i in range(n):
            save(tmp_path / "images" / f"im{i}.png", random.integers(0, 256, size, dtype=np.uint8))
            mask = masks[i] if masks else (random.random(size) < 0.4).astype(np.uint8) * np.uint8(255)
            save(tmp_path / "masks" / f"im{i}.png", mask)
        return tmp_path

    return write


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder of tiny images and masks in two sub-folders, for tables to name."""
    for name in ("p1/a.png", "p1/a_m.png", "p2/a.png", "p2/a_m.png", "p2/b.png", "p2/b_m.png"):
        touch(tmp_path / name)
    return tmp_path

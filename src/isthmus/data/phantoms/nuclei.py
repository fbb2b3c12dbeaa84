"""Draws crowded nuclei, each with its number: phantoms for separating objects that touch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from isthmus.data.phantoms.cells import blob, blur, expose, nucleus
from isthmus.data.rng import rng
from isthmus.errors import IsthmusError
from isthmus.io.writing import write_image, write_mask


def touching_nuclei(
    seed: int, size: int = 128, share: float = 0.35
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Returns a picture `(size, size)` of nuclei in clumps, and their numbers `(size, size)` from 1; 0 is background.

    Most nuclei are placed against another one, overlap it a little, and share a border with it in the numbers.

    Args:
        seed: the same seed, size and share give the same picture.
        size: pixels along each side, at least 32.
        share: approximate share of the picture that nuclei cover; above 0, at most 0.5.

    Raises:
        IsthmusError: the size or the share is outside its range.

    >>> image, numbers = touching_nuclei(0, 64)
    >>> image.shape, str(image.dtype), str(numbers.dtype), bool(numbers.max() > 3)
    ((64, 64), 'uint8', 'int32', True)
    """
    if size < 32 or not 0 < share <= 0.5:
        raise IsthmusError(
            f"nuclei of {size} pixels covering {share}; request at least 32 pixels and at most 0.5"
        )
    random = rng(seed, "touching nuclei")
    numbers = np.zeros((size, size), np.int32)
    light = np.zeros((size, size), np.float32)
    placed: list[tuple[float, float, float]] = []
    for _ in range(20 * round(size * size / 400)):  # tries
        if (numbers > 0).mean() >= share:
            break
        radius = random.uniform(6, 12)
        if placed and random.random() < 0.75:
            x, y, other = placed[random.integers(len(placed))]
            angle, reach = random.uniform(0, 2 * np.pi), (other + radius) * random.uniform(0.8, 0.95)
            x, y = x + reach * np.cos(angle), y + reach * np.sin(angle)
        else:
            x, y = random.uniform(0, size, 2)
        outline = blob(size, x, y, radius, random)
        covered = float((outline * (numbers > 0)).sum()) / max(1.0, float(outline.sum()))
        own = (outline > 0.5) & (numbers == 0)
        if covered > 0.15 or own.sum() < 40:
            continue
        placed.append((x, y, radius))
        numbers[own] = len(placed)
        bright = nucleus(outline * own, random.uniform(0.4, 0.9), random)
        light = np.maximum(light, blur(bright, random.uniform(0.6, 1.2)))
    return expose(light, random), numbers


def write_touching_nuclei(folder: Path, n: int, size: int = 128, seed: int = 0) -> None:
    """Writes `n` pairs `images/nuclei-000.png` (8 bits) and `masks/nuclei-000.tif` (numbers, 16 bits).

    Raises:
        IsthmusError: fewer than one picture, or a size below 32 pixels.
    """
    if n < 1:
        raise IsthmusError(f"{n} pictures of nuclei; request at least one")
    for index in range(n):
        image, numbers = touching_nuclei(int(rng(seed, "nuclei", index).integers(2**31)), size)
        write_image(folder / "images" / f"nuclei-{index:03d}.png", image[None])
        write_mask(folder / "masks" / f"nuclei-{index:03d}.tif", numbers.astype(np.uint16))

"""Finds mask values that lie only along borders, as resampling and JPEG leave them: neither classes nor objects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Borders = Mapping[int, tuple[int, int, int]]
"""Counts of pixels for each mask value: those with a smaller and a larger neighbour, all that were examined, and those
whose neighbours all have the same value."""

PLANES, SIDE = 16, 1024
"""Number of windows that are examined (slices of a volume, squares of a large image), and side of a square."""

FEWEST = 3
"""Fewer values than this between two others may be classes, such as an outline."""

LEAST = 32
"""A smaller range leaves no room for soft edges: such values are classes."""

AREA = 0.05
"""Share of the pixels of a value that must lie among pixels of the same value for the value to fill areas."""

END = 8
"""Values within this part of the range from either end belong to that end."""


def borders(mask: NDArray[Any]) -> dict[int, tuple[int, int, int]]:
    """Returns the counts of `Borders` for each value of a mask `(*spatial)` of integers, over eight neighbours.

    >>> found = borders(np.array([[0, 0, 4, 9, 9, 9]] * 3))
    >>> found[4], found[9]
    ((3, 3, 0), (0, 9, 6))
    """
    planes = mask[None] if mask.ndim == 2 else mask.reshape(-1, *mask.shape[-2:])
    height, width = planes.shape[1:]
    windows = [
        (z, y, x) for z in range(len(planes)) for y in range(0, height, SIDE) for x in range(0, width, SIDE)
    ]
    found: dict[int, tuple[int, int, int]] = {}
    for at in np.unique(np.linspace(0, len(windows) - 1, PLANES).round().astype(int)).tolist():
        z, y, x = windows[at]
        plane = planes[z, y : y + SIDE, x : x + SIDE]
        least, most = ndimage.minimum_filter(plane, 3), ndimage.maximum_filter(plane, 3)
        middle, inner = (least < plane) & (plane < most), least == most
        values, places, seen = np.unique(plane, return_inverse=True, return_counts=True)
        between, alike = (
            np.bincount(places.ravel(), weights=which.ravel(), minlength=len(values)).astype(int).tolist()
            for which in (middle, inner)
        )
        counts = zip(between, seen.tolist(), alike, strict=True)
        found = summed([found, dict(zip(values.tolist(), counts, strict=True))])
    return found


def summed(masks: Iterable[Borders]) -> dict[int, tuple[int, int, int]]:
    """Returns the sums over masks."""
    total: dict[int, tuple[int, int, int]] = {}
    for one in masks:
        for value, (between, seen, alike) in one.items():
            before = total.get(value, (0, 0, 0))
            total[value] = (before[0] + between, before[1] + seen, before[2] + alike)
    return total


def soft_top(found: Borders) -> int | None:
    """Returns the largest value of masks that hold background and foreground with soft edges; None for other masks.

    In such masks at least `FEWEST` values lie between the two ends of the range, most of their pixels have a smaller
    and a larger neighbour (of classes and objects, resampled or not, hardly a quarter have), none of these values fills
    an area, and some foreground remains.

    >>> edge = {0: (0, 500, 400), 64: (9, 10, 0), 128: (10, 10, 0), 191: (10, 10, 0), 255: (0, 90, 50)}
    >>> soft_top(edge), soft_top({**edge, 128: (2, 60, 9)})
    (255, None)
    """
    low, top = min(found, default=0), max(found, default=0)
    middle = {v: counts for v, counts in found.items() if top < END * v < (END - 1) * top}
    ends = {v: seen for v, (_, seen, _) in found.items() if END * v >= (END - 1) * top}
    if low != 0 or top < LEAST or len(middle) < FEWEST or area_values(found):
        return None
    between, seen = (sum(counts[i] for counts in middle.values()) for i in (0, 1))
    bright = sum(ends.values())
    largest = max(count for _, count, _ in middle.values())
    if between < 0.6 * seen or bright < 0.1 * seen or bright < largest:
        return None
    return 255 if 224 <= top <= 255 else top


def class_values(found: Borders) -> list[int] | None:
    """Returns the class values of masks that were resampled between several classes; None for other masks.

    Cubic and Lanczos filters also overshoot the values of classes, again along borders; such values fill no area.

    >>> thin = {40: (9, 9, 0), 120: (9, 10, 0), 150: (5, 5, 0), 208: (0, 9, 0)}
    >>> class_values({0: (0, 500, 400), 80: (0, 90, 50), 200: (0, 40, 9), **thin})
    [0, 80, 200]
    """
    thin = border_values(found)
    rest = [value for value, (_, seen, alike) in sorted(found.items()) if alike >= AREA * seen]
    if len(thin) < FEWEST or len(thin) < len(rest) or len(rest) < 3 or max(found) < LEAST:
        return None
    return rest


def area_values(found: Borders) -> list[int]:
    """Returns values between the ends of the range that fill areas of notable size, as classes do."""
    top = max(found, default=0)
    bright = sum(seen for value, (_, seen, _) in found.items() if END * value >= (END - 1) * top)
    return [
        value
        for value, (_, seen, alike) in sorted(found.items())
        if top < END * value < (END - 1) * top and alike >= AREA * seen and seen >= AREA * bright
    ]


def border_values(found: Borders) -> list[int]:
    """Returns the values that lie (nearly) only along borders: nine tenths of their pixels between other values."""
    return [value for value, (between, seen, _) in sorted(found.items()) if between >= 0.9 * seen]

"""The size of pixels: of an image, as its file states it, and the one to which all images are brought.

Spacings are in millimetres along the axes of the array, (z, y, x) for a volume. The rules are those of nnU-Net (Isensee
et al., Nature Methods 18:203, 2021, doi:10.1038/s41592-020-01008-z).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from isthmus.data.cases import Case
from isthmus.io.volumes import geometry, in_space

ANISOTROPY = 3.0
"""An axis whose pixels are more than this many times as long as others is coarse."""

Spacing = tuple[float, ...]


def stated_spacing(case: Case) -> Spacing | None:
    """Returns the spacing that the first file of a case states, in mm; None if it states none."""
    if case.millimetres is None or (in_space(case.first) and not geometry(case.first).sized):
        return None
    return case.millimetres


def usual_spacing(spacings: Sequence[Spacing], sizes: Sequence[Sequence[int]]) -> Spacing:
    """Returns the median along each axis, rounded to six digits.

    If one axis is coarse, and has fewer than a third of the pixels of each other one, the 10th percentile along it is
    taken, but nothing finer than the others.

    Args:
        spacings: of the images.
        sizes: their sizes `(*spatial)`.

    >>> usual_spacing([(1, 1, 1), (3, 2, 2), (2, 1, 1)], [(9, 9, 9)] * 3)
    (2.0, 1.0, 1.0)
    >>> usual_spacing([(5, 1, 1)] * 9 + [(2, 1, 1)], [(9, 90, 90)] * 10)
    (4.7, 1.0, 1.0)
    """
    steps, middle = np.asarray(spacings, np.float64), np.median(sizes, axis=0)
    found = np.median(steps, axis=0)
    coarse = int(found.argmax())
    others, sides = np.delete(found, coarse), np.delete(middle, coarse)
    if found[coarse] > ANISOTROPY * others.max() and middle[coarse] * ANISOTROPY < sides.min():
        found[coarse] = max(np.percentile(steps[:, coarse], 10), others.max())
    return tuple(float(f"{step:.6g}") for step in found)


def size_at(size: Sequence[int], own: Spacing, wanted: Spacing) -> tuple[int, ...]:
    """Returns the size that an image takes at another spacing, at least one pixel along each axis.

    >>> size_at((10, 100, 100), (3.0, 1.0, 1.0), (1.0, 1.0, 200.0))
    (30, 100, 1)
    """
    return tuple(max(1, round(n * a / b)) for n, a, b in zip(size, own, wanted, strict=True))


def coarse_axis(own: Spacing, wanted: Spacing) -> int | None:
    """Returns the coarse axis of a volume, along which nothing is interpolated.

    It is that of the image's own spacing or, if this has none, of the other; None for a picture, or if two axes are
    coarse.

    >>> coarse_axis((5.0, 1.0, 1.0), (1.0, 1.0, 1.0)), coarse_axis((1.0, 1.0, 1.0), (2.0, 2.0, 1.0))
    (0, None)
    """
    for steps in (own, wanted):
        if len(steps) == 3 and max(steps) > ANISOTROPY * min(steps):
            return steps.index(max(steps)) if steps.count(max(steps)) == 1 else None
    return None


def spacing_text(spacing: Sequence[float]) -> str:
    """Returns a spacing as it is written in a recipe.

    >>> spacing_text((3.0, 0.75, 0.75))
    '[3, 0.75, 0.75] mm'
    """
    return f"[{', '.join(f'{step:.4g}' for step in spacing)}] mm"

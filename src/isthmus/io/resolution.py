"""The size of a pixel as pictures state it: in a unit of length, or as a resolution, which may be a print setting."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

PixelSize: TypeAlias = tuple[float, ...]
"""The distance between pixels in micrometres along (rows, columns), or (slices, rows, columns)."""

INCH, CENTIMETRE = 25_400.0, 10_000.0

_NAMES = {
    1e-6: ("pm", "picometer", "picometre"),
    1e-4: ("å", "angstrom"),
    1e-3: ("nm", "nanometer", "nanometre"),
    1.0: ("µm", "um", "micron", "micrometer", "micrometre"),
    1e3: ("mm", "millimeter", "millimetre"),
    CENTIMETRE: ("cm", "centimeter", "centimetre"),
    INCH: ("in", "inch", "inche"),  # without its s
    1e6: ("m", "meter", "metre"),
}

PRINTED = (72, 75, 90, 96, 100, 120, 144, 150, 180, 200, 240, 250, 300, 350, 360, 400, 600, 720, 1200)
"""Dots per inch at which pictures are shown and printed; programs write them without having measured anything."""

LARGEST = 5000.0
"""A pixel larger than this (5 mm) is the default of a program that writes one pixel per inch or centimetre."""


def unit_in_micrometres(name: str) -> float | None:
    """Returns the length of a unit by a name that OME or ImageJ writes; None for any other name, such as "pixel".

    >>> unit_in_micrometres("microns"), unit_in_micrometres("nm"), unit_in_micrometres("pixel")
    (1.0, 0.001, None)
    """
    plain = name.strip().lower().replace("\\u00b5", "µ").replace("μ", "µ")
    singular = plain.removesuffix("s")
    return next((length for length, names in _NAMES.items() if plain in names or singular in names), None)


def measured(size: Sequence[float]) -> PixelSize | None:
    """Returns a size that a file states in a unit of microscopy; None if it is not one.

    >>> measured((0.25, 0.5)), measured((0.0, 0.5))
    ((0.25, 0.5), None)
    """
    steps = tuple(map(float, size))
    return steps if all(math.isfinite(step) and step > 0 for step in steps) else None


def by_resolution(dots: Sequence[float], per: float) -> PixelSize | None:
    """Returns the size of a pixel from a resolution, unless that is a setting for screens and printers.

    Args:
        dots: pixels per length, along rows and columns.
        per: that length in micrometres.

    >>> by_resolution((40_000, 20_000), CENTIMETRE), by_resolution((300, 300), INCH)
    ((0.25, 0.5), None)
    >>> by_resolution((118.11, 118.11), CENTIMETRE), by_resolution((1, 1), INCH)  # 300 dots per inch, one per inch
    (None, None)
    """
    if not all(dot > 0 for dot in dots):
        return None
    size = measured([per / dot for dot in dots])
    if size is None or max(size) > LARGEST:
        return None
    printed = any(abs(INCH / step - usual) < 1e-3 * usual for step in size for usual in PRINTED)
    return None if printed else size

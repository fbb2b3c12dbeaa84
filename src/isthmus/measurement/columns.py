"""The columns of the tables: what is measured, and the unit of each number in its name."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.measurement.objects import Objects
from isthmus.measurement.regions import AXES, SIDES, Columns, regions

FIRST = ("image", "number")
"""The first columns of the table of objects."""

SUMMARIES = ("mean", "sd", "min", "p25", "median", "p75", "max")
_POWERS = {"area": "2", "volume": "3"}
_BOXES = tuple(f"box_{axis}" for axis in reversed(AXES))
_STEMS = (
    *("area", "volume"),
    *(f"centroid_{axis}" for axis in SIDES),
    *_BOXES,
    *(f"box_{side}" for side in SIDES.values()),
    *("perimeter", "axis_major", "axis_middle", "axis_minor"),
)


def measured(
    objects: Objects,
    image: NDArray[Any] | None,
    size: Sequence[float] | None,
    unit: str,
    advance: Callable[[], None] = lambda: None,
) -> Columns:
    """Returns everything that is measured of the objects of an image, by column, each `(n,)`.

    Args:
        objects: the objects, in an image of two or three axes.
        image: `(channels, *spatial)`; None: no intensities.
        size: size of a pixel along each axis, in `unit`; None: unknown, and lengths are in pixels only.
        unit: as in the names of columns.
        advance: called after each object.
    """
    if not len(objects):  # the columns of one pixel, without it
        one = (1,) * objects.labels.ndim
        pixel = Objects(np.ones(one, np.int32), np.ones(1, np.int64), np.ones(1, np.int64))
        dark = None if image is None else np.zeros((len(image), *one), image.dtype)
        return {name: values[:0] for name, values in measured(pixel, dark, size, unit).items()}
    unlike = size is not None and not np.allclose(size, size[0], rtol=1e-3)
    pixels, spaced = regions(objects.labels, image, size if unlike else None, advance)
    found = {name: values for name, values in (pixels | spaced).items() if name not in _STEMS}
    for stem in (name for name in pixels if name in _STEMS):
        found[column(stem, "px")] = pixels[stem]
        if size is not None and stem not in _BOXES:
            found[column(stem, unit)] = spaced.get(stem, pixels[stem] * _factor(stem, size))
    return found


def _factor(stem: str, size: Sequence[float]) -> float:
    """Returns the length of a pixel along the axis of a column, or its area or volume."""
    if stem in ("area", "volume"):
        return math.prod(size)
    end = stem.partition("_")[2]
    steps = {
        name: step for axis, step in zip(SIDES, reversed(size), strict=False) for name in (axis, SIDES[axis])
    }
    return steps.get(end, size[0])


def column(stem: str, unit: str) -> str:
    """Returns the name of a column: areas and volumes have powers of the unit, but are counted in pixels.

    >>> column("area", "um"), column("volume", "px"), column("axis_major", "um")
    ('area_um2', 'volume_px', 'axis_major_um')
    """
    return f"{stem}_{unit}{_POWERS.get(stem, '') if unit != 'px' else ''}"


def summary(columns: Columns, names: Iterable[str]) -> dict[str, float]:
    """Returns the distribution of these columns: mean, standard deviation, least, quartiles, greatest."""
    found: dict[str, float] = {}
    for name in names:
        values = columns[name]
        if len(values):
            low, first, middle, third, high = np.quantile(values, (0, 0.25, 0.5, 0.75, 1)).tolist()
            spread = float(np.std(values, ddof=1)) if len(values) > 1 else None
            row = (float(np.mean(values)), spread, low, first, middle, third, high)
            found |= {
                f"{name}_{key}": value for key, value in zip(SUMMARIES, row, strict=True) if value is not None
            }
    return found


def extent(columns: Iterable[str]) -> list[str]:
    """Returns the columns of areas and volumes."""
    return [name for name in columns if name.split("_")[0] in ("area", "volume") and name.count("_") == 1]


def in_order(names: Iterable[str], unit: str) -> list[str]:
    """Returns columns of objects in the order of the table."""
    found = dict.fromkeys(names)
    known = [*FIRST, "class", "touches_border"]
    known += [column(stem, one) for stem in _STEMS for one in ("px", unit)]
    known += ["eccentricity", "solidity", "orientation_deg"]
    return [*(name for name in known if name in found), *(name for name in found if name not in known)]


def rows(columns: Columns) -> Iterator[dict[str, Any]]:
    """Yields the rows of a table; a number that is not one becomes None."""
    lists = [values.tolist() for values in columns.values()]
    for cells in zip(*lists, strict=True):
        yield {
            name: None if isinstance(cell, float) and cell != cell else cell
            for name, cell in zip(columns, cells, strict=True)
        }


def joined(tables: Sequence[Columns], names: Sequence[str]) -> Columns:
    """Returns tables as one, with NaN where one of them lacks a column."""
    return {name: np.concatenate([_of(table, name) for table in tables]) for name in names}


def _of(table: Columns, name: str) -> NDArray[Any]:
    return table[name] if name in table else np.full(len(next(iter(table.values()))), np.nan)

"""The columns of the tables: what is measured, and the unit of each number in its name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.measurement.hulls import hull_pixels
from isthmus.measurement.objects import Objects
from isthmus.measurement.outlines import crofton, perimeters
from isthmus.measurement.shapes import Shapes
from isthmus.measurement.slabs import slabs

Columns = dict[str, NDArray[Any]]

AXES = "zyx"
SIDES = {"x": "width", "y": "height", "z": "depth"}
FIRST = ("image", "number")
"""The first columns of the table of objects."""

INTENSITIES = ("mean", "min", "max", "sum")
SUMMARIES = ("mean", "sd", "min", "p25", "median", "p75", "max")
_POWERS = {"area": "2", "surface": "2", "volume": "3"}
_STEMS = (
    *("area", "volume"),
    *(f"centroid_{axis}" for axis in "xyz"),
    *(f"box_{axis}" for axis in "xyz"),
    *(f"box_{side}" for side in SIDES.values()),
    *("perimeter", "surface", "axis_major", "axis_middle", "axis_minor"),
)


def measured(
    objects: Objects, image: NDArray[Any] | None, size: Sequence[float] | None, unit: str
) -> Columns:
    """Returns everything that is measured of the objects of an image, by column, each `(n,)`.

    Args:
        objects: the objects, in an image of two or three axes.
        image: `(channels, *spatial)`; None: no intensities.
        size: size of a pixel along each axis, in `unit`; None: unknown, and lengths are in pixels only.
        unit: as in the names of columns.
    """
    labels, n = objects.labels, len(objects)
    shapes = Shapes.of(labels, n)
    found: Columns = {"touches_border": shapes.at_border}
    found |= _lengths(shapes, labels, None, "px")
    if size is not None:
        found |= _lengths(shapes, labels, size, unit)
    steps = size or (1.0,) * labels.ndim
    if labels.ndim == 2:
        found |= {"eccentricity": shapes.eccentricity(steps), "orientation_deg": shapes.orientation(steps)}
    found["solidity"] = shapes.pixels / hull_pixels(labels, n)
    return found if image is None else found | intensities(image, labels, n)


def _lengths(shapes: Shapes, labels: NDArray[Any], size: Sequence[float] | None, unit: str) -> Columns:
    """Returns lengths, areas and volumes in pixels (`size` is None) or in a unit."""
    steps, n, flat = np.array(size or (1.0,) * labels.ndim), len(shapes.pixels), labels.ndim == 2
    extent = shapes.pixels if size is None else shapes.pixels * steps.prod()
    found: Columns = {"area" if flat else "volume": extent}
    for place, axis in enumerate(AXES[-labels.ndim :]):
        found[f"centroid_{axis}"] = shapes.centroid[:, place] * steps[place]
        if size is None:
            found[f"box_{axis}"] = shapes.low[:, place]
        sides = shapes.high[:, place] - shapes.low[:, place]
        found[f"box_{SIDES[axis]}"] = sides if size is None else sides * steps[place]
    if flat:
        alike = np.allclose(steps, steps[0], rtol=1e-3)
        found["perimeter"] = perimeters(labels, n) * steps[0] if alike else crofton(labels, n, steps)
    else:
        found["surface"] = crofton(labels, n, steps)
    names = ("axis_major", "axis_minor") if flat else ("axis_major", "axis_middle", "axis_minor")
    found |= dict(zip(names, shapes.axes(steps).T, strict=True))
    return {column(stem, unit): values for stem, values in found.items()}


def column(stem: str, unit: str) -> str:
    """Returns the name of a column: areas and volumes have powers of the unit, but are counted in pixels.

    >>> column("area", "um"), column("volume", "px"), column("axis_major", "um")
    ('area_um2', 'volume_px', 'axis_major_um')
    """
    return f"{stem}_{unit}{_POWERS.get(stem, '') if unit != 'px' else ''}"


def intensities(image: NDArray[Any], labels: NDArray[Any], n: int) -> Columns:
    """Returns the mean, least, greatest and summed intensity of the objects 1 to `n`, by column, each `(n,)`.

    Args:
        image: `(channels, *spatial)`, in the numbers of the file.
        labels: `(*spatial)`.
    """
    pixels = np.zeros(n, np.int64)
    for _, slab in slabs(labels):
        pixels += np.bincount(slab.ravel(), minlength=n + 1)[1:]
    found: Columns = {}
    for index, channel in enumerate(image):
        total, least, greatest = np.zeros(n), np.full(n, np.inf), np.full(n, -np.inf)
        for start, slab in slabs(labels):
            inside = slab > 0
            number = slab[inside].astype(np.int64) - 1
            values = channel[start : start + len(slab)][inside].astype(np.float64)
            total += np.bincount(number, values, n)
            np.minimum.at(least, number, values)
            np.maximum.at(greatest, number, values)
        whole = channel.dtype.kind in "ui"
        sums = [
            total / pixels,
            *(each.astype(np.int64) if whole else each for each in (least, greatest, total)),
        ]
        end = f"_{index + 1}" if len(image) > 1 else ""
        found |= {f"intensity_{name}{end}": values for name, values in zip(INTENSITIES, sums, strict=True)}
    return found


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

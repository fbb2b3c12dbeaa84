"""The measurements of objects: their tables, and one self-contained page with histograms and pictures."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from isthmus.errors import IsthmusError, counted
from isthmus.inference.outputs.instance_files import overlay
from isthmus.measurement.columns import SUMMARIES, column, extent, summary
from isthmus.measurement.result import Measurements, images_path
from isthmus.measurement.subjects import Subject
from isthmus.outputs import Guard
from isthmus.report import drawing, gallery
from isthmus.report.charts import Chart, histogram
from isthmus.report.render import render
from isthmus.report.tables import Cell, Table

TEMPLATE = "objects.html"
PICTURES = 12
"""The most images that are drawn."""
ROWS = 300
"""The most images that the page lists."""
_LENGTHS = ("perimeter", "axis_major", "axis_minor")
_SHAPES = ("eccentricity", "solidity")
_UNITS = {"px": "px", "um": "µm"}


def write_objects_page(found: Measurements, page: Path, guard: Guard | None = None) -> Path:
    """Writes the page: distributions, histograms, a row for each image, and pictures."""
    exhibits, undrawn = _exhibits(found)
    at_border = int(np.sum(found.objects["touches_border"]))
    return render(
        TEMPLATE,
        page,
        guard,
        title=page.stem,
        lead=f"{counted(len(found), 'object')}, of which {at_border:,} touch a border.",
        images=len(found.subjects),
        files=(f"{page.stem}.csv", images_path(page).name),
        distribution=_distribution(found),
        charts=_charts(found),
        table=_images(found),
        rows=len(found.images),
        exhibits=exhibits,
        undrawn=undrawn,
    )


def shown(found: Measurements) -> list[str]:
    """Returns the columns that the page shows: in the unit of length, or in pixels where not all sizes are known."""
    names = [name for name in found.objects if np.asarray(found.objects[name]).dtype.kind in "iuf"]
    sized = {name for name in names if len(found) and np.isfinite(found.objects[name]).all()}
    stems = ("area", "volume", *_LENGTHS)
    chosen = []
    for stem in stems:
        here = [name for name in (column(stem, found.unit), column(stem, "px")) if name in sized]
        chosen += here[:1]
    return [
        *chosen,
        *(name for name in _SHAPES if name in sized),
        *(name for name in names if name.startswith("intensity_mean")),
    ]


def title_of(name: str) -> str:
    """Returns the title of a column, with its unit.

    >>> title_of("area_um2"), title_of("axis_major_px"), title_of("intensity_mean_2")
    ('Area, µm²', 'Axis major, px', 'Intensity mean, channel 2')
    """
    stem, _, end = name.rpartition("_")
    plain, power = end.rstrip("23"), end[len(end.rstrip("23")) :]
    if stem.startswith("intensity_"):
        return f"{stem.replace('_', ' ').capitalize()}, channel {end}"
    if plain in ("px", "um", "nm", "mm", "cm"):
        unit = _UNITS.get(plain, plain) + {"2": "²", "3": "³", "": ""}[power]
        return f"{stem.replace('_', ' ').capitalize()}, {unit}"
    return name.replace("_", " ").capitalize()


def _distribution(found: Measurements) -> Table:
    names = shown(found)
    spread = summary(found.objects, names) if len(found) else {}
    heads = ("Mean", "SD", "Least", "25 %", "Median", "75 %", "Greatest")
    rows = [
        [Cell(title_of(name)), *(_number(spread.get(f"{name}_{key}")) for key in SUMMARIES)]
        for name in names
        if len(found)
    ]
    return Table([("Measure", False), *((head, True) for head in heads)], rows)


def _charts(found: Measurements) -> list[Chart]:
    if not len(found):
        return []
    charts = [
        histogram(title_of(name), found.objects[name].tolist(), title_of(name)) for name in shown(found)
    ]
    counts = [float(row["objects"]) for row in found.images]
    if len(counts) > 1:
        charts.insert(0, histogram("Objects in an image", counts, "objects", "images"))
    return [chart for chart in charts if chart is not None]


def _images(found: Measurements) -> Table:
    areas = extent(found.objects)
    area = next((name for name in reversed(areas) if all(f"{name}_mean" in row for row in found.images)), "")
    area = area or (areas[0] if areas else "")
    classes = [("Class", False)] * bool(found.classes)
    heads = [("Objects", True), ("At the border", True), ("Covered", True)]
    sizes = [(f"{title_of(area)}: {key}", True) for key in ("mean", "sd", "median")] if area else []
    rows = [
        [
            Cell(row["image"]),
            *([Cell(row["class"])] if classes else []),
            Cell(f"{row['objects']:,}", row["objects"]),
            Cell(f"{row['touching_border']:,}", row["touching_border"]),
            Cell(f"{row['covered_share']:.1%}", row["covered_share"]),
            *(_number(row.get(f"{area}_{key}")) for key in ("mean", "sd", "median") if area),
        ]
        for row in found.images[:ROWS]
    ]
    return Table([("Image", False), *classes, *heads, *sizes], rows)


def _number(value: float | None) -> Cell:
    return Cell("–", math.nan) if value is None else Cell(f"{value:,.4g}", value)


def _exhibits(found: Measurements) -> tuple[list[gallery.Exhibit], list[str]]:
    """Returns the pictures of images from the most to the fewest objects, and a line for each that cannot be drawn."""
    counts: dict[str, int] = dict.fromkeys(found.subjects, 0)
    for row in found.images:
        counts[row["image"]] += row["objects"]
    order = sorted(counts, key=lambda name: (-counts[name], name))
    places = np.linspace(0, len(order) - 1, min(PICTURES, len(order))).round().astype(int)
    tags = {order[-1]: "Fewest objects", order[len(order) // 2]: "Median", order[0]: "Most objects"}
    made, undrawn = [], []
    for name in dict.fromkeys(order[place] for place in places):
        try:
            made.append(
                _exhibit(
                    found, found.subjects[name], counts[name], tags.get(name, "") if len(order) > 2 else ""
                )
            )
        except IsthmusError as error:
            undrawn.append(f"{name}: {error}")
    return made, undrawn


def _exhibit(found: Measurements, subject: Subject, count: int, tag: str) -> gallery.Exhibit:
    labels = found.objects_of(subject).labels
    pixels: Any = np.where(labels > 0, np.uint8(90), np.uint8(35))
    if subject.image is not None:
        image = subject.image(labels.shape)
        pixels = np.moveaxis(image, 0, -1) if len(image) == 3 else image[0]
    picture = gallery.prepare(
        subject.name, lambda _: (pixels, labels, labels), gallery.LARGE if tag else gallery.SMALL
    )
    drawn = overlay(np.moveaxis(picture.image, -1, 0), picture.truth)
    panel = gallery.Panel(
        drawing.photograph(drawn), "Objects", f"Objects of {subject.name} in colours", *picture.size
    )
    panels = [panel]
    if subject.image is not None:
        panels.insert(0, gallery.image_panel(picture, subject.name))
    scores = [("objects", f"{count:,}")]
    return gallery.Exhibit(subject.name, "", tag, scores, panels, len(panels), picture.note)

"""Measures objects and writes all that is published of them: tables, the page, and outlines for other programs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from isthmus.measurement.measure import Masks, measure, paths_among
from isthmus.measurement.options import MeasureOptions
from isthmus.measurement.outline_files import OutlineFiles
from isthmus.measurement.result import Measurements, refuse_to_replace
from isthmus.outputs import Guard
from isthmus.report.objects_page import TEMPLATE, write_objects_page
from isthmus.report.render import is_page
from isthmus.watch import Silent, Watch


def measure_into(
    path: Path,
    masks: Masks,
    images: Any = None,
    options: MeasureOptions | None = None,
    *,
    rois: bool = False,
    geojson: bool = False,
    overwrite: bool = False,
    watch: Watch | None = None,
) -> tuple[Measurements, list[Path]]:
    """Measures objects as `isthmus.measurement.measure.measure`, and writes what `save` does and their outlines.

    Args:
        path: the table of objects.
        masks, images, options, watch: as for `measure`.
        rois: also write ImageJ ROIs, ``rois/<image>.zip`` beside the table.
        geojson: also write GeoJSON for QuPath, ``geojson/<image>.geojson``.
        overwrite: replace other files than earlier results, too.

    Returns:
        The measurements, and the paths of the tables and the page.

    Raises:
        IsthmusError: as `measure`, and other files are there: before anything is measured.
    """
    watch, data = watch or Silent(), paths_among(masks, images)
    outlines = OutlineFiles(path.parent, rois, geojson)
    refuse_to_write(path, data, overwrite)

    def accept(names: Sequence[str]) -> None:
        for line in outlines.refuse_harm(names, Guard(data, overwrite)):
            watch.say(f"note: {line}")

    found = measure(masks, images, options, watch, accept)
    files = save(found, path, overwrite)
    outlines.write(found, watch)
    return found, files


def save(found: Measurements, path: Path, overwrite: bool = False) -> list[Path]:
    """Writes the table of objects, that of images, and the page beside them, each whole or not at all.

    Returns:
        Their paths.

    Raises:
        IsthmusError: other files are there, or the files cannot be written.
    """
    refuse_to_write(path, found.sources, overwrite)
    page = path.with_suffix(".html")
    tables = found.write_tables(path, overwrite)
    return [*tables, write_objects_page(found, page, Guard([], overwrite))]


def refuse_to_write(path: Path, data: Sequence[Path], overwrite: bool = False) -> None:
    """Refuses a place where other files are than those that `save` wrote.

    Raises:
        IsthmusError: names the file.
    """
    refuse_to_replace(path, data, overwrite)
    page = path.with_suffix(".html")
    Guard(data, overwrite).refuse(
        page, ours=is_page(TEMPLATE), kind=".html" if is_page(TEMPLATE)(page) else ""
    )

"""Outlines of objects for ImageJ and QuPath, in folders beside masks or tables."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from isthmus.data.case_paths import case_path
from isthmus.data.cases import Source
from isthmus.inference.outputs.mask_files import in_whole, is_picture
from isthmus.io.geojson import write_geojson
from isthmus.io.imagej import write_rois
from isthmus.io.volumes import as_stored


def rois_path(folder: Path, name: str) -> Path:
    """Returns ``FOLDER/rois/<name>.zip``, for the objects as ImageJ ROIs.

    Raises:
        IsthmusError: as `case_path`.
    """
    return case_path(folder, name, ".zip", "rois")


def geojson_path(folder: Path, name: str) -> Path:
    """Returns ``FOLDER/geojson/<name>.geojson``, for the objects as QuPath reads them.

    Raises:
        IsthmusError: as `case_path`.
    """
    return case_path(folder, name, ".geojson", "geojson")


def write_outlines(
    numbers: NDArray[Any],
    classes: Mapping[int, str] | str,
    source: Source | None,
    rois: Path | None,
    geojson: Path | None,
) -> None:
    """Writes ImageJ ROIs and GeoJSON of the whole file that an image comes from, in the order in which a volume stores
    its voxels: x along its first axis, y along the second, slices along the third.

    Args:
        numbers: the objects ``(*spatial)``, from 1; 0 is background.
        classes: the class of each by its number, or the one of all.
        source: the image; None: an array.
        rois: the file of ROIs; None: not written.
        geojson: the file of GeoJSON; None: not written.
    """
    if source is not None:
        numbers = in_whole(numbers, source)
        if not is_picture(source):
            numbers = as_stored(numbers, source.path)
    if rois is not None:
        write_rois(rois, numbers, None if isinstance(classes, str) else classes)
    if geojson is not None:
        write_geojson(geojson, numbers, classes)

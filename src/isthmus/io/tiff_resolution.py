"""The size of a pixel in a TIFF: from the header of OME, from that of ImageJ, or from the resolution tags."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from xml.etree import ElementTree

from isthmus.io.resolution import CENTIMETRE, INCH, PixelSize, by_resolution, measured, unit_in_micrometres

_X, _Y, _UNIT = 282, 283, 296
_LENGTHS = {2: INCH, 3: CENTIMETRE}  # of ResolutionUnit


def stated_size(tiff: Any, series: Any, *, deep: bool) -> PixelSize | None:
    """Returns what a file states of a series: (rows, columns), or (slices, rows, columns) of a stack.

    None: it states none, or not the distance of the slices.
    """
    if tiff.is_ome:
        size = _of_ome(tiff, list(tiff.series).index(series), deep)
        if size is not None:
            return size
    if tiff.is_imagej:
        return _of_imagej(tiff, series.keyframe, deep)
    tags = series.keyframe.tags
    length = _LENGTHS.get(int(tags[_UNIT].value)) if _UNIT in tags else None
    dots = _dots(tags)
    return by_resolution(dots, length) if dots and length and not deep else None


def tags_of_size(size: PixelSize | None) -> dict[str, Any]:
    """Returns the arguments with which tifffile writes the size of a pixel, in pixels per centimetre."""
    if size is None:
        return {}
    rows, columns = (CENTIMETRE / step for step in size[-2:])
    return {"resolution": (columns, rows), "resolutionunit": "CENTIMETER"}


def _of_ome(tiff: Any, place: int, deep: bool) -> PixelSize | None:
    root = ElementTree.fromstring(tiff.ome_metadata)  # noqa: S314 - tifffile parses it too
    images = [each for each in root.iter() if each.tag.endswith("}Pixels")]
    if place >= len(images):
        return None
    found = []
    for axis in "ZYX" if deep else "YX":
        length = unit_in_micrometres(images[place].get(f"PhysicalSize{axis}Unit", "µm"))
        stated = images[place].get(f"PhysicalSize{axis}")
        if length is None or stated is None:
            return None
        found.append(float(stated) * length)
    return measured(found)


def _of_imagej(tiff: Any, page: Any, deep: bool) -> PixelSize | None:
    about = tiff.imagej_metadata or {}
    length, dots = unit_in_micrometres(str(about.get("unit", ""))), _dots(page.tags)
    if length is None or dots is None:
        return None
    if length in (INCH, CENTIMETRE):  # ImageJ keeps the resolution of a picture that it opened
        size = by_resolution(dots, length)
    else:
        size = measured([length / dot if dot else 0 for dot in dots])
    if size is None or not deep:
        return size
    return measured([float(about["spacing"]) * length, *size]) if "spacing" in about else None


def _dots(tags: Any) -> tuple[float, float] | None:
    """Returns the pixels per length along rows and columns."""
    with suppress(KeyError, ZeroDivisionError):
        (above, below), (over, under) = tags[_Y].value, tags[_X].value
        return above / below, over / under
    return None

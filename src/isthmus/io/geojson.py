"""Writes numbered objects as GeoJSON, which QuPath imports as detections."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from isthmus.files import atomic_path
from isthmus.io.outlines import Outline, Ring, outlines

_START = '{"type": "FeatureCollection", "features": ['


def write_geojson(path: Path, objects: NDArray[Any], names: Mapping[int, str] | str = "object") -> None:
    """Writes the outlines of objects as a FeatureCollection, a feature for each object, in a volume for each of its
    slices.

    Coordinates are pixel corners, x before y, the first pixel from 0 to 1, which is how QuPath counts. An object in
    several pieces is a MultiPolygon. Features have the name ``12`` after their number, and those of a volume a plane,
    ``z`` from 0.

    Args:
        path: the file, replaced if it exists.
        objects: ``(H, W)`` or ``(D, H, W)``, whole numbers from 1; 0 is background. None at all gives no features.
        names: the classification of all objects, or of each by its number.

    Raises:
        IsthmusError: no such array; the file cannot be written.

    Source: RFC 7946; ``objectType``, ``classification`` and ``plane`` are those of QuPath 0.4 and later.
    """
    with atomic_path(path) as aside, aside.open("w", encoding="ascii", newline="\n") as file:
        file.write(_START)
        between = "\n"
        for outline in outlines(objects):
            name = names if isinstance(names, str) else names[outline.number]
            file.write(between + json.dumps(_feature(outline, name), separators=(",", ":")))
            between = ",\n"
        file.write("\n]}\n")


def is_geojson(path: Path) -> bool:
    """Returns whether a file was written by `write_geojson`, and not saved by another program since."""
    try:
        with path.open("rb") as file:
            return file.readline(1000) == f"{_START}\n".encode()
    except OSError:
        return False


def _feature(outline: Outline, classification: str) -> dict[str, Any]:
    polygons = [[_closed(ring) for ring in polygon] for polygon in outline.polygons]
    single = len(polygons) == 1
    geometry: dict[str, Any] = {
        "type": "Polygon" if single else "MultiPolygon",
        "coordinates": polygons[0] if single else polygons,
    }
    if outline.plane is not None:
        geometry["plane"] = {"c": -1, "z": outline.plane, "t": 0}
    return {
        "type": "Feature",
        "geometry": geometry,
        "properties": {
            "objectType": "detection",
            "name": str(outline.number),
            "classification": {"name": classification},
        },
    }


def _closed(ring: Ring) -> list[list[int]]:
    corners: list[list[int]] = ring.tolist()
    return [*corners, corners[0]]

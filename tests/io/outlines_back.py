"""Reads files of outlines with other programs' code, and fills them, pixel by pixel."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import roifile

from .filled import filled


def of_rois(path: Path, shape: tuple[int, ...]) -> Any:
    """Returns the numbers of objects that the ROIs of a set enclose; in a volume by their positions."""
    back = np.zeros(shape, int)
    for roi in roifile.roiread(path):
        rings = roi.coordinates(multi=True)
        plane = back if len(shape) == 2 else back[roi.position - 1]
        inside = filled(plane.shape, rings if isinstance(rings, list) else [rings])
        assert not plane[inside].any()
        plane[inside] = int(re.match(r"\d+", roi.name)[0])
    return back


def of_geojson(path: Path, shape: tuple[int, ...]) -> Any:
    """Returns the numbers of objects that features enclose; in a volume by their planes."""
    back = np.zeros(shape, int)
    for feature in json.loads(path.read_text())["features"]:
        geometry = feature["geometry"]
        plane = back if len(shape) == 2 else back[geometry["plane"]["z"]]
        single = geometry["type"] == "Polygon"
        for polygon in [geometry["coordinates"]] if single else geometry["coordinates"]:
            inside = filled(plane.shape, [ring[:-1] for ring in polygon])
            assert not plane[inside].any()
            plane[inside] = int(feature["properties"]["name"])
    return back

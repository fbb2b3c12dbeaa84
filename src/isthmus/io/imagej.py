"""Writes numbered objects as a set of ImageJ ROIs, a ZIP file that ImageJ and Fiji open in the ROI Manager."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile, ZipInfo

import numpy as np
from numpy.typing import NDArray

from isthmus.errors import IsthmusError
from isthmus.files import atomic_path
from isthmus.io.outlines import Outline, Ring, outlines

MOST_INTEGER = 2**15 - 1
"""The largest coordinate that every reader takes for itself if it is stored as an integer; larger ones are floats."""

_SIGNATURE = b"isthmus"
"""The comment of an archive, which is lost where another program saves it."""

_UNSUITABLE = re.compile('[/\\\\:*?"<>|\x00-\x1f\x7f\ud800-\udfff\U00010000-\U0010ffff]')


def write_rois(path: Path, objects: NDArray[Any], names: Mapping[int, str] | None = None) -> None:
    """Writes the outlines of objects as ``.zip``, a ROI for each object, in a volume for each of its slices.

    An object in one piece without holes is a polygon, any other a composite ROI. A ROI is called by the number of its
    object, in a volume with its slice, and, where classes are named, with its class: ``0012``, ``0012-z003``,
    ``0012 liver``.

    Args:
        path: the file, replaced if it exists.
        objects: ``(H, W)`` or ``(D, H, W)``, whole numbers from 1; 0 is background. None at all gives an empty set.
        names: the class of each object by its number.

    Raises:
        IsthmusError: roifile is not installed; no such array; the file cannot be written.
    """
    roifile = needed()
    digits = max(4, len(str(int(objects.max(initial=0)))))
    with atomic_path(path) as aside, ZipFile(aside, "w", ZIP_DEFLATED) as file:
        file.comment = _SIGNATURE
        for outline in outlines(objects):
            name = f"{outline.number:0{digits}}"
            if outline.plane is not None:
                name += f"-z{outline.plane + 1:03}"
            if names:
                name += " " + _UNSUITABLE.sub("_", names[outline.number])
            entry = ZipInfo(f"{name}.roi")  # of a fixed date, so that equal masks give equal files
            entry.compress_type = ZIP_DEFLATED
            file.writestr(entry, _roi(roifile, outline, name).tobytes())


def is_rois(path: Path) -> bool:
    """Returns whether a file was written by `write_rois`, and not saved by another program since."""
    try:
        with ZipFile(path) as file:
            return file.comment == _SIGNATURE
    except (OSError, BadZipFile):
        return False


def needed() -> ModuleType:
    """Returns the package that writes ROIs.

    Raises:
        IsthmusError: it is not installed.
    """
    try:
        import roifile
    except ImportError as error:
        raise IsthmusError(f"ImageJ ROIs need roifile ({error}); pip install 'isthmus[objects]'") from error
    return roifile


def _roi(roifile: ModuleType, outline: Outline, name: str) -> Any:
    rings = [ring for polygon in outline.polygons for ring in polygon]
    corners = np.concatenate(rings)
    roi = roifile.ImagejRoi()
    roi.name = name
    roi.left, roi.top = corners.min(axis=0).tolist()
    roi.right, roi.bottom = corners.max(axis=0).tolist()
    roi.position = 0 if outline.plane is None else outline.plane + 1
    if len(rings) == 1:
        roi.roitype = roifile.ROI_TYPE.TRACED
        roi.n_coordinates = len(corners)
        roi.integer_coordinates = (corners - (roi.left, roi.top)).astype(np.int32)
        if corners.max() > MOST_INTEGER:
            roi.roitype = roifile.ROI_TYPE.FREEHAND
            roi.options |= roifile.ROI_OPTIONS.SUB_PIXEL_RESOLUTION
            roi.subpixel_coordinates = corners.astype(np.float32)
    else:
        roi.roitype = roifile.ROI_TYPE.RECT
        roi.multi_coordinates = np.concatenate([_path(ring) for ring in rings])
        roi.shape_roi_size = len(roi.multi_coordinates)
    return roi


def _path(ring: Ring) -> NDArray[np.float32]:
    """Returns a ring as ImageJ stores shapes: move to, line to, …, close."""
    steps = np.ones((len(ring), 3), np.float32)
    steps[0, 0] = 0
    steps[:, 1:] = ring
    return np.append(steps.ravel(), np.float32(4))

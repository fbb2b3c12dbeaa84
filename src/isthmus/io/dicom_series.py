"""Checks that DICOM slices make one volume, and refuses slices that do not fit, with their names and the deviation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.errors import IsthmusError

TOLERANCE = 0.1
"""Slices may deviate from their place by this share of their distance (tables move in steps, headers round)."""

SIDEWAYS = 0.5
"""Slices may deviate by this share of a pixel from the line through the first and the last."""

TURNED = 0.5
"""Degrees by which a slice may be rotated against the others."""

STEEPEST = 45.0
"""The largest tilt of a gantry, in degrees."""

_TOMOGRAPHIC = ("CT", "MR", "PT", "NM")

File = tuple[Path, Any]


def is_projection(headers: Sequence[Any]) -> bool:
    """Returns whether the files of a folder are unrelated pictures.

    Each is a series of its own, or none has a slice position and none is CT, MR or PET.
    """
    if len({str(data.get("SeriesInstanceUID", "")) for data in headers}) == len(headers) > 1:
        return True
    if any(data.get("ImagePositionPatient") for data in headers):
        return False
    return not any(data.get("Modality", "CT") in _TOMOGRAPHIC for data in headers)


def one_series(path: Path, files: Sequence[File]) -> list[File]:
    """Returns the slices in the order of their positions along the patient.

    Raises:
        IsthmusError: slices belong to several series, differ in size, orientation or scale, or have no position or
            scale; positions are doubled, missing, or not on a line.
    """
    uids = Counter(str(data.get("SeriesInstanceUID", "")) for _, data in files)
    if len(uids) > 1:
        raise IsthmusError(
            f"{path}: {len(uids)} series in one folder ({', '.join(str(n) for n in uids.values())} slices); "
            "give each a folder of its own"
        )
    for name, data in files:
        for field, missing in (("Position", "slice position"), ("Orientation", "slice orientation")):
            if not data.get(f"Image{field}Patient"):
                raise IsthmusError(
                    f"{name}: has no {missing} (Image{field}Patient); convert the series to NIfTI"
                )
        if not data.get("PixelSpacing"):
            raise IsthmusError(
                f"{name}: has no pixel size (PixelSpacing); convert the series to NIfTI with the true spacing"
            )
    _refuse_other(files, _size, "{} pixels")
    _refuse_other(files, _scale, "pixels of {} mm")
    _refuse_turned(files)
    if len(files) == 1:
        return list(files)
    files = sorted(files, key=lambda file: _place(files[0][1], file[1]))
    _check_steps(path, files)
    _check_line(path, files)
    return files


def _refuse_other(files: Sequence[File], found: Callable[[Any], tuple[float, ...]], words: str) -> None:
    first = found(files[0][1])
    for name, data in files:
        if not np.allclose(found(data), first, rtol=1e-3, atol=0):
            here, there = (words.format(" x ".join(f"{n:g}" for n in pair)) for pair in (found(data), first))
            raise IsthmusError(
                f"{name}: {here}, but {files[0][0].name} has {there}; all slices of a series have "
                "the same size; give each series a folder of its own"
            )


def _size(data: Any) -> tuple[float, ...]:
    return float(data.Columns), float(data.Rows)


def _scale(data: Any) -> tuple[float, ...]:
    return tuple(float(n) for n in data.PixelSpacing)


def _refuse_turned(files: Sequence[File]) -> None:
    """Refuses a slice whose rows or columns run differently from those of most slices."""
    directions = [_directions(name, data) for name, data in files]
    usual = np.median(directions, axis=0)
    for (name, _), own in zip(files, directions, strict=True):
        degrees = max(_angle(a, b) for a, b in zip(own, usual, strict=True))
        if degrees > TURNED:
            raise IsthmusError(
                f"{name}: is turned by {degrees:.3g} degrees against the other slices; a series has one orientation"
            )


def _directions(name: Path, data: Any) -> NDArray[np.float64]:
    """Returns the directions of rows and columns, `(2, 3)`."""
    found = np.array(data.ImageOrientationPatient, np.float64)
    if found.size != 6 or not np.isfinite(found).all() or _angle(found[:3], found[3:]) < 1:
        raise IsthmusError(
            f"{name}: its ImageOrientationPatient is not two directions; convert the series to NIfTI"
        )
    return found.reshape(2, 3)


def _check_steps(path: Path, files: Sequence[File]) -> None:
    """Refuses a series in which a slice is missing or doubled."""
    places = np.array([_place(files[0][1], data) for _, data in files])
    steps = np.diff(places)
    usual = float(np.median(steps))
    for k, step in enumerate(steps):
        before, after = files[k][0].name, files[k + 1][0].name
        if step < TOLERANCE * usual or usual <= 0:
            raise IsthmusError(f"{path}: {before} and {after} have the same position; keep one of them")
        if abs(step - usual) > TOLERANCE * usual:
            missing = round(float(step) / usual) - 1
            what = f"{missing} slice{'s' * (missing > 1)} missing" if missing > 0 else "slices too close"
            raise IsthmusError(
                f"{path}: {what} between {before} and {after} ({step:g} mm apart, the others {usual:g} mm); "
                "download the series again"
            )


def _check_line(path: Path, files: Sequence[File]) -> None:
    """Refuses a series that steps sideways; a tilted gantry moves every slice by the same step."""
    places = np.array([data.ImagePositionPatient for _, data in files], np.float64)
    steps = np.diff(places, axis=0)
    away = np.linalg.norm(steps - np.median(steps, axis=0), axis=1)
    line = places[0] + np.outer(np.linspace(0, 1, len(places)), places[-1] - places[0])
    normal = np.cross(*_directions(*files[0]))
    aside = places - line
    aside -= np.outer(aside @ normal, normal)
    if np.linalg.norm(aside, axis=1).max() > SIDEWAYS * min(_scale(files[0][1])):
        k = int(away.argmax())
        raise IsthmusError(
            f"{path}: steps sideways by {away[k]:.3g} mm between {files[k][0].name} and {files[k + 1][0].name}; "
            "give each part a folder of its own"
        )
    tilt = _angle(places[-1] - places[0], normal)
    if tilt > STEEPEST:
        raise IsthmusError(
            f"{path}: its slices are stacked {tilt:.3g} degrees off their normal; convert the series to NIfTI"
        )


def _place(first: Any, data: Any) -> float:
    """Returns the position along the normal of the first slice, in mm."""
    row, column = np.array(first.ImageOrientationPatient, np.float64).reshape(2, 3)
    return float(np.cross(row, column) @ np.array(data.ImagePositionPatient, np.float64))


def _angle(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Returns the angle between two directions, in degrees."""
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(np.degrees(np.arccos(np.clip(a @ b / lengths, -1, 1)))) if lengths else 0.0

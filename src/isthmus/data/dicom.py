"""DICOM, with pydicom (extra `io`): a folder of slices is a volume, a single file a picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.data.geometry import Geometry
from isthmus.errors import IsthmusError

TOLERANCE = 0.1
"""Slices may stand this share of their distance off their place (tables move in steps, headers round)."""

_TAGS = [
    "Rows",
    "Columns",
    "SeriesInstanceUID",
    "InstanceNumber",
    "NumberOfFrames",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "PixelRepresentation",
    "BitsAllocated",
    "BitsStored",
    "RescaleSlope",
    "RescaleIntercept",
    "PixelSpacing",
    "SliceThickness",
    "ImagePositionPatient",
    "ImageOrientationPatient",
]


def is_dicom(path: Path) -> bool:
    """Whether a file is DICOM: it says so after 128 bytes."""
    try:
        with path.open("rb") as file:
            file.seek(128)
            return file.read(4) == b"DICM"
    except OSError:
        return False


def is_series(folder: Path) -> bool:
    """Whether a folder holds a DICOM series (its first file tells; names need no suffix)."""
    if not folder.is_dir():
        return False
    entries = (path for path in sorted(folder.iterdir()) if not path.name.startswith("."))
    first = next((path for path in entries if path.is_file() and path.name != "DICOMDIR"), None)
    return first is not None and is_dicom(first)


def geometry(path: Path) -> Geometry:
    """Of a series (its folder) or of one file.

    Raises:
        IsthmusError: no or several series, slices that are missing, doubled or of different sizes.
    """
    return _geometry(_slices(path))


def voxels(path: Path) -> NDArray[Any]:
    """All voxels in the order (column, row, slice), rescaled (Hounsfield units of a CT)."""
    files = _slices(path)
    found = _geometry(files)
    values = np.empty(found.shape, found.dtype)
    for k, (file, _) in enumerate(files):
        values[..., k] = _pixels(file, found.dtype).T
    return values


def _slices(path: Path) -> list[tuple[Path, Any]]:
    """The files of a series and their headers, in the order of their places along the patient."""
    names = [path] if path.is_file() else sorted(file for file in path.iterdir() if is_dicom(file))
    if not names:
        raise IsthmusError(f"{path}: no DICOM file here; give the folder of one series")
    files = [(name, _read(name, pixels=False)) for name in names]
    files = [(name, data) for name, data in files if "Rows" in data]  # DICOMDIR and reports have no pixels
    if not files:
        raise IsthmusError(f"{path}: DICOM without a picture; leave it out")
    uids = Counter(str(data.get("SeriesInstanceUID", "")) for _, data in files)
    if len(uids) > 1:
        raise IsthmusError(
            f"{path}: {len(uids)} series in one folder ({', '.join(str(n) for n in uids.values())} slices); "
            "give each a folder of its own"
        )
    for name, data in files:
        if int(data.get("NumberOfFrames") or 1) > 1:
            raise IsthmusError(f"{name}: DICOM with several frames in a file; convert it to NIfTI")
        if int(data.get("SamplesPerPixel") or 1) > 1:
            raise IsthmusError(f"{name}: DICOM in colours; save it as PNG")
        if (data.Rows, data.Columns) != (files[0][1].Rows, files[0][1].Columns):
            raise IsthmusError(
                f"{name}: {data.Columns} x {data.Rows} pixels, but {files[0][0].name} has "
                f"{files[0][1].Columns} x {files[0][1].Rows}; a series is of one size"
            )
    if len(files) == 1:
        return files
    for name, data in files:
        if not data.get("ImagePositionPatient") or not data.get("ImageOrientationPatient"):
            raise IsthmusError(f"{name}: says not where its slice lies; convert the series to NIfTI")
    first = files[0][1]
    files = sorted(files, key=lambda file: _place(first, file[1]))
    _check_steps(path, files)
    return files


def _check_steps(path: Path, files: Sequence[tuple[Path, Any]]) -> None:
    """Refuse a series in which a slice is missing or stands twice."""
    places = np.array([_place(files[0][1], data) for _, data in files])
    steps = np.diff(places)
    usual = float(np.median(steps))
    for k, step in enumerate(steps):
        before, after = files[k][0].name, files[k + 1][0].name
        if step < TOLERANCE * usual or usual <= 0:
            raise IsthmusError(f"{path}: {before} and {after} lie in one place; keep one of them")
        if abs(step - usual) > TOLERANCE * usual:
            missing = round(float(step) / usual) - 1
            what = f"{missing} slice{'s' * (missing > 1)} missing" if missing > 0 else "slices too close"
            raise IsthmusError(
                f"{path}: {what} between {before} and {after} ({step:g} mm apart, the others {usual:g} mm); "
                "download the series again"
            )


def _geometry(files: Sequence[tuple[Path, Any]]) -> Geometry:
    first = files[0][1]
    placed = bool(first.get("ImagePositionPatient") and first.get("ImageOrientationPatient"))
    row, column = np.eye(3)[0], np.eye(3)[1]
    if placed:
        row, column = np.array(first.ImageOrientationPatient, np.float64).reshape(2, 3)
    down, across = (float(n) for n in first.get("PixelSpacing") or (1, 1))
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1] = row * across, column * down
    if placed:
        affine[:3, 3] = first.ImagePositionPatient
    if len(files) > 1:
        last = np.array(files[-1][1].ImagePositionPatient, np.float64)
        affine[:3, 2] = (last - affine[:3, 3]) / (len(files) - 1)
    else:
        affine[:3, 2] = np.cross(row, column) * float(first.get("SliceThickness") or 1)
    affine[:2] *= -1  # DICOM's axes run left and posterior
    shape = (int(first.Columns), int(first.Rows), len(files))
    return Geometry(shape, _dtype([data for _, data in files]), affine, placed)


def _place(first: Any, data: Any) -> float:
    """Millimetres along the normal of the first slice."""
    row, column = np.array(first.ImageOrientationPatient, np.float64).reshape(2, 3)
    return float(np.cross(row, column) @ np.array(data.ImagePositionPatient, np.float64))


def _scale(data: Any) -> tuple[float, float]:
    return float(data.get("RescaleSlope") or 1), float(data.get("RescaleIntercept") or 0)


def _dtype(headers: Sequence[Any]) -> np.dtype[Any]:
    scales = {_scale(data) for data in headers}
    if scales == {(1.0, 0.0)}:
        sign = "i" if headers[0].get("PixelRepresentation") else "u"
        return np.dtype(f"{sign}{max(1, int(headers[0].BitsAllocated) // 8)}")
    whole = all(slope.is_integer() and intercept.is_integer() for slope, intercept in scales)
    return np.dtype(np.int32 if whole else np.float32)


def _pixels(path: Path, dtype: np.dtype[Any]) -> NDArray[Any]:
    data = _read(path, pixels=True)
    try:
        stored = data.pixel_array
    except (NotImplementedError, RuntimeError) as error:
        name = data.file_meta.TransferSyntaxUID.name
        raise IsthmusError(
            f"{path}: compressed DICOM ({name}); decompress it, or convert to NIfTI"
        ) from error
    if data.get("PhotometricInterpretation") == "MONOCHROME1" and stored.dtype.kind == "u":
        stored = (2 ** int(data.BitsStored) - 1) - stored  # small is white
    slope, intercept = _scale(data)
    values: NDArray[Any] = stored.astype(dtype)
    return values if (slope, intercept) == (1, 0) else (values * slope + intercept).astype(dtype)


def _read(path: Path, *, pixels: bool) -> Any:
    try:
        import pydicom
    except ImportError as error:
        raise IsthmusError(f"{path}: reading DICOM needs pydicom; pip install 'isthmus[io]'") from error
    try:
        if pixels:
            return pydicom.dcmread(path)
        return pydicom.dcmread(path, stop_before_pixels=True, specific_tags=_TAGS)
    except Exception as error:  # a damaged file raises whatever its bytes lead to
        reason = (str(error).splitlines() or [""])[0][:120]
        raise IsthmusError(f"{path}: damaged DICOM ({reason}); copy it again or leave it out") from error

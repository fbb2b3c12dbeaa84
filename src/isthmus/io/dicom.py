"""Reads DICOM with pydicom (extra `io`): a folder of slices is a volume, a single file a picture."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.errors import IsthmusError
from isthmus.io import dicom_codecs
from isthmus.io.dicom_series import is_projection, one_series
from isthmus.io.formats import Volume, register_format
from isthmus.io.geometry import Geometry

SUFFIXES = (".dcm", ".dicom", ".ima")

_TAGS = [
    "Rows",
    "Columns",
    "Modality",
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
_FIRST_VALUES = (b"UL", b"OB", b"UI", b"CS", b"SH", b"DA", b"TM", b"LO", b"AE")
_PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".nii", ".gz", ".mha", ".nrrd", ".txt", ".csv")


def is_dicom(path: Path) -> bool:
    """Returns whether a file is DICOM: by the mark after 128 bytes, or by its first element where these are missing."""
    try:
        with path.open("rb") as file:
            start = file.read(132)
    except (OSError, ValueError):  # a name that no file can have
        return False
    if start[128:] == b"DICM":
        return True
    group, length = start[:2], int.from_bytes(start[4:8], "little")
    if group not in (b"\x02\0", b"\x08\0") or len(start) < 132:
        return False
    return start[4:6] in _FIRST_VALUES or (group == b"\x08\0" and start[3] == 0 and length <= 64)


def is_series(folder: Path) -> bool:
    """Returns whether a folder holds a DICOM series, with more slices than other images; names need no suffix.

    A folder of pictures (each a series of its own, or without a place in space) holds none, nor does one with a single
    `.dcm`.
    """
    if not folder.is_dir():
        return False
    files = _files(folder)
    others = sum(path.suffix.lower() in _PICTURES[:-2] for path in folder.iterdir())
    if len(files) <= others or (len(files) == 1 and files[0].suffix.lower() in SUFFIXES):
        return False
    try:
        return not is_projection([data for _, data in _headers(folder, *_state(files))])
    except IsthmusError:
        return True  # reading it reports the error


def geometry(path: Path) -> Geometry:
    """Returns the grid of a series (its folder) or of one file, whose axes are not exchanged.

    Raises:
        IsthmusError: there is no series, or several; slices are missing, doubled or do not fit together.
    """
    files = _slices(path)
    return _of_series(files) if path.is_dir() else _of_picture(files[0][1])


def voxels(path: Path, *, mask: bool = False) -> NDArray[Any]:
    """Returns all voxels in the order (column, row, slice), rescaled (to Hounsfield units for CT).

    Inverted pixels (MONOCHROME1) are inverted back, except in a mask.
    """
    files = _slices(path)
    dtype = _dtype([data for _, data in files])
    first = files[0][1]
    values = np.empty((int(first.Columns), int(first.Rows), len(files)), dtype)
    for k, (file, _) in enumerate(files):
        values[..., k] = _pixels(file, dtype, mask).T
    return values


def _files(folder: Path) -> tuple[Path, ...]:
    """Returns the DICOM files of a folder, by name; the result is cached until the folder changes."""
    return _found(folder, folder.stat().st_mtime_ns, len(os.listdir(folder)))


@lru_cache(maxsize=256)
def _found(folder: Path, changed: int, number: int) -> tuple[Path, ...]:  # noqa: ARG001
    names = (path for path in sorted(folder.iterdir()) if path.name[0] != "." and path.name != "DICOMDIR")
    files = (path for path in names if path.suffix.lower() not in _PICTURES and path.is_file())
    return tuple(path for path in files if path.suffix.lower() in SUFFIXES or is_dicom(path))


def _state(files: Sequence[Path]) -> tuple[int, int]:
    states = [path.stat() for path in files]
    return max(state.st_mtime_ns for state in states), sum(state.st_size for state in states)


@lru_cache(maxsize=64)
def _headers(folder: Path, changed: int, size: int) -> tuple[tuple[Path, Any], ...]:  # noqa: ARG001
    return tuple((name, _read(name, pixels=False)) for name in _files(folder))


def _slices(path: Path) -> Sequence[tuple[Path, Any]]:
    """Returns the files of a series with their headers, in the order of their positions along the patient."""
    if path.is_file():
        files: Sequence[tuple[Path, Any]] = [(path, _read(path, pixels=False))]
    else:
        names = _files(path)
        files = _headers(path, *_state(names)) if names else []
    if not files or any("Rows" not in data for _, data in files):
        name = next((name for name, data in files if "Rows" not in data), path)
        raise IsthmusError(f"{name}: DICOM without an image; leave it out")
    for name, data in files:
        if int(data.get("NumberOfFrames") or 1) > 1:
            raise IsthmusError(
                f"{name}: DICOM with several frames in one file ({data.NumberOfFrames}); convert it to NIfTI"
            )
        palette = data.get("PhotometricInterpretation") == "PALETTE COLOR"
        if int(data.get("SamplesPerPixel") or 1) > 1 or palette:
            raise IsthmusError(f"{name}: colour DICOM; save it as PNG")
    return one_series(path, files) if path.is_dir() else files


def _of_picture(data: Any) -> Geometry:
    down, across = (float(n) for n in data.get("PixelSpacing") or (1, 1))
    affine = np.diag([-across, -down, 1.0, 1.0])
    shape = (int(data.Columns), int(data.Rows), 1)
    return Geometry(shape, _dtype([data]), affine, placed=False, sized=bool(data.get("PixelSpacing")))


def _of_series(files: Sequence[tuple[Path, Any]]) -> Geometry:
    first, last = files[0][1], files[-1][1]
    row, column = np.array(first.ImageOrientationPatient, np.float64).reshape(2, 3)
    down, across = (float(n) for n in first.PixelSpacing)
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1] = row * across, column * down
    affine[:3, 3] = first.ImagePositionPatient
    if len(files) > 1:
        affine[:3, 2] = (np.array(last.ImagePositionPatient, np.float64) - affine[:3, 3]) / (len(files) - 1)
    else:
        affine[:3, 2] = np.cross(row, column) * float(first.get("SliceThickness") or 1)
    affine[:2] *= -1  # DICOM's axes run left and posterior
    shape = (int(first.Columns), int(first.Rows), len(files))
    return Geometry(shape, _dtype([data for _, data in files]), affine)


def _scale(data: Any) -> tuple[float, float]:
    return float(data.get("RescaleSlope") or 1), float(data.get("RescaleIntercept") or 0)


def _dtype(headers: Sequence[Any]) -> np.dtype[Any]:
    """Returns the number type of all slices, whose scales may differ (PET)."""
    scales = {_scale(data) for data in headers}
    if scales == {(1.0, 0.0)}:
        kinds = {(bool(d.get("PixelRepresentation")), max(1, int(d.BitsAllocated) // 8)) for d in headers}
        return np.result_type(*(np.dtype(f"{'i' if signed else 'u'}{size}") for signed, size in kinds))
    whole = all(slope.is_integer() and intercept.is_integer() for slope, intercept in scales)
    return np.dtype(np.int32 if whole else np.float32)


def _pixels(path: Path, dtype: np.dtype[Any], mask: bool) -> NDArray[Any]:
    data = _read(path, pixels=True)
    dicom_codecs.register()
    try:
        if dicom_codecs.is_available(data.file_meta.TransferSyntaxUID):
            data.pixel_array_options(decoding_plugin=dicom_codecs.PLUGIN)
        stored = data.pixel_array
    except (NotImplementedError, RuntimeError) as error:
        name = data.file_meta.TransferSyntaxUID.name
        reason = (str(error).strip().splitlines() or [""])[-1][:120]
        raise IsthmusError(
            f"{path}: compressed DICOM ({name}), damaged or unsupported ({reason}); decompress it, or convert it "
            "to NIfTI"
        ) from error
    if stored.dtype.kind == "f":
        raise IsthmusError(f"{path}: DICOM with floating-point pixels; convert it to NIfTI")
    if data.get("PhotometricInterpretation") == "MONOCHROME1" and not mask:  # small numbers are white
        whole = 2 ** int(data.BitsStored) - 1
        stored = whole - stored if stored.dtype.kind == "u" else -1 - stored
    slope, intercept = _scale(data)
    values: NDArray[Any] = stored.astype(dtype)
    return values if (slope, intercept) == (1, 0) else (values * slope + intercept).astype(dtype)


def _read(path: Path, *, pixels: bool) -> Any:
    try:
        import pydicom
        from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
    except ImportError as error:
        raise IsthmusError(f"{path}: reading DICOM needs pydicom; pip install 'isthmus[io]'") from error
    try:
        tags: Any = None if pixels else _TAGS
        data = pydicom.dcmread(path, stop_before_pixels=not pixels, specific_tags=tags, force=is_dicom(path))
        if "TransferSyntaxUID" not in data.file_meta:  # a file without its first bytes
            implicit = data.original_encoding[0]
            data.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    except Exception as error:  # a damaged file may raise any exception
        reason = (str(error).splitlines() or [""])[0][:120]
        raise IsthmusError(f"{path}: damaged DICOM ({reason}); copy it again or leave it out") from error
    return data


FORMAT = Volume("DICOM", geometry, voxels, mask_voxels=partial(voxels, mask=True))
register_format(SUFFIXES, FORMAT)

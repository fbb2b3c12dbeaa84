"""NIfTI, with nibabel: `.nii` and `.nii.gz`."""

from __future__ import annotations

import gzip
import logging
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from isthmus.data.geometry import Geometry
from isthmus.errors import IsthmusError
from isthmus.files import write_bytes

_ORDERS: tuple[Literal["little", "big"], ...] = ("little", "big")
_STARTS = tuple(size.to_bytes(4, order) for size in (348, 540) for order in _ORDERS)
"""How NIfTI-1 and NIfTI-2 begin: with the size of their header."""

_TOP = 2**15
"""Voxels along an axis that the header of NIfTI-1 can hold, and one more."""


def geometry(path: Path) -> Geometry:
    """What the header says; axes of length 1 beyond the third are dropped, a picture is one slice."""
    return _geometry(path, _open(path))


def voxels(path: Path) -> NDArray[Any]:
    """All voxels in the file's order, in the numbers that its slope and intercept make of them."""
    image = _open(path)
    found = _geometry(path, image)
    raw = np.asarray(image.dataobj.get_unscaled())
    slope, intercept = float(image.dataobj.slope), float(image.dataobj.inter)
    values = raw.reshape(found.shape, order="F").astype(found.dtype)
    if (slope, intercept) != (1.0, 0.0):
        values *= found.dtype.type(slope)
        values += found.dtype.type(intercept)
    return values


def write(path: Path, values: NDArray[Any], like: Geometry) -> None:
    """Write voxels in the file's order, whole or not at all.

    Raises:
        IsthmusError: the file cannot be written.
    """
    import nibabel

    if values.dtype == bool:
        values = values.astype(np.uint8)
    elif values.dtype == np.float16:
        values = values.astype(np.float32)
    kind: Any = nibabel.Nifti1Image if max(values.shape) < _TOP else nibabel.Nifti2Image
    image = kind(np.ascontiguousarray(values), like.affine, dtype=values.dtype)
    image.header.set_xyzt_units("mm")
    code = 1 if like.placed else 0
    image.set_sform(like.affine, code)
    image.set_qform(like.affine, code)
    content = image.to_bytes()
    write_bytes(path, gzip.compress(content, 6, mtime=0) if path.suffix.lower() == ".gz" else content)


def _open(path: Path) -> Any:
    import nibabel

    with path.open("rb") as file:
        start = file.read(4)
    named = path.suffix.lower() == ".gz"
    if start.startswith(b"\x1f\x8b") and not named:
        raise IsthmusError(f"{path}: is compressed, unlike its name; rename it to {path.name}.gz")
    if start in _STARTS and named:
        raise IsthmusError(f"{path}: is not compressed, unlike its name; rename it to {path.name[:-3]}")
    logging.getLogger("nibabel.global").setLevel(logging.CRITICAL)  # its remarks are not for the terminal
    return nibabel.load(path)


def _geometry(path: Path, image: Any) -> Geometry:
    shape = tuple(int(n) for n in image.shape)
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    if len(shape) == 5 and shape[3] == 1:  # how NIfTI stores vectors
        shape = (*shape[:3], shape[4])
    shape += (1,) * (3 - len(shape))
    header = image.header
    placed = bool(header["sform_code"] > 0 or header["qform_code"] > 0)
    return Geometry(shape, _dtype(path, image.dataobj), np.asarray(image.affine, np.float64), placed)


def _dtype(path: Path, data: Any) -> np.dtype[Any]:
    stored: np.dtype[Any] = np.dtype(data.dtype).newbyteorder("=")
    if stored.kind not in "iuf":
        raise IsthmusError(
            f"{path}: its voxels are colours or complex numbers; save one number a voxel, or pictures as PNG"
        )
    if (data.slope, data.inter) == (1, 0):
        return stored
    whole = float(data.slope).is_integer() and float(data.inter).is_integer()
    if whole and stored.kind in "iu" and stored.itemsize <= 2 and abs(data.slope) < 2**14:
        return np.dtype(np.int32)
    return np.dtype(np.float64 if stored == np.float64 else np.float32)

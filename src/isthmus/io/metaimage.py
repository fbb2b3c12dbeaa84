"""Reads MetaImage: `.mha` (header and voxels in one file, plain or zlib), as BraTS 2015 is distributed, and `.mhd` with
its voxels in a separate file.

The only other maintained reader is ITK's, of 264 MB; the format is a few lines of text.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.io.detached import beside
from isthmus.io.formats import Volume, register_format
from isthmus.io.geometry import MILLIMETRES, Geometry
from isthmus.io.inflate import inflate

_TYPES = {  # a long has 4 bytes on every machine
    "MET_CHAR": "i1",
    "MET_ASCII_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_LONG": "i4",
    "MET_ULONG": "u4",
    "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}
_HERE = "LOCAL"
"""The name of a data file that stands for the bytes after the header."""

_HEADER = 2**16
"""Headers are shorter than this many bytes."""


def geometry(path: Path) -> Geometry:
    """Returns the grid in the header; axes of length 1 beyond the third are dropped.

    MetaImage's axes run left, posterior, superior, as DICOM's do.
    """
    fields, _ = _header(path)
    size = [int(n) for n in fields["DimSize"].split()]
    dims = len(size)
    while len(size) > 3 and size[-1] == 1:
        size.pop()
    if len(size) not in (2, 3):
        raise ValueError(f"DimSize {fields['DimSize']} is neither a picture nor a volume")
    steps = _numbers(fields, "ElementSpacing", "ElementSize")
    matrix = _numbers(fields, "TransformMatrix", "Rotation", "Orientation")
    origin = _numbers(fields, "Offset", "Position", "Origin")
    affine, axes = np.eye(4), len(size)
    if matrix is not None:
        affine[:axes, :axes] = matrix.reshape(dims, dims).T[:axes, :axes]
    if steps is not None:
        affine[:3, :axes] *= steps[:axes]
    if origin is not None:
        affine[:axes, 3] = origin[:axes]
    affine[:2] *= -1  # left and posterior to right and anterior
    channels = int(fields.get("ElementNumberOfChannels", "1"))
    shape = (*size, *(1,) * (3 - axes), *((channels,) if channels != 1 else ()))
    unit = fields.get("DistanceUnits", "").replace("um", "µm")
    return Geometry(
        shape,
        np.dtype(_dtype(fields)).newbyteorder("="),
        affine,
        placed=matrix is not None and axes == 3,
        sized=steps is not None,
        unit=unit if unit in MILLIMETRES else "",
    )


def voxels(path: Path) -> NDArray[Any]:
    """Returns all voxels in the order of the file, x first."""
    found = geometry(path)
    fields, start = _header(path)
    dtype, wanted = _dtype(fields), math.prod(found.shape)
    named = fields["ElementDataFile"]
    with (path if named.upper() == _HERE else beside(path, named)).open("rb") as file:
        skipped = int(fields.get("HeaderSize", "0"))
        if named.upper() == _HERE:
            file.seek(start)
        elif skipped == -1:  # the voxels are the end of the file
            file.seek(-wanted * dtype.itemsize, 2)
        else:
            file.seek(skipped)
        content = file.read()
    if _is_true(fields, "CompressedData"):
        content = inflate(content, wanted * dtype.itemsize)
    if not _is_true(fields, "BinaryData", "True"):
        content = np.array(content.split(), dtype).tobytes()
    if len(content) != wanted * dtype.itemsize:
        raise ValueError(f"{len(content)} bytes of voxels where {wanted * dtype.itemsize} are expected")
    values = np.frombuffer(content, dtype).reshape((*found.shape[2::-1], *found.shape[3:]))
    return values.transpose(2, 1, 0, *range(3, values.ndim)).astype(found.dtype, copy=False)


def data_files(path: Path) -> list[Path]:
    """Returns the separate file that holds the voxels, if there is one."""
    named = _header(path)[0]["ElementDataFile"]
    return [] if named.upper() == _HERE else [beside(path, named)]


def _header(path: Path) -> tuple[dict[str, str], int]:
    """Returns keys and values, and the offset of the voxels."""
    fields: dict[str, str] = {}
    with path.open("rb") as file:
        while file.tell() < _HEADER:
            key, equals, value = file.readline(_HEADER).decode("utf-8", "replace").partition("=")
            if not equals:
                break
            fields[key.strip()] = value.strip()
            if key.strip() == "ElementDataFile":
                if "DimSize" not in fields:
                    break
                return fields, file.tell()
    raise ValueError("it does not begin with the header of a MetaImage")


def _numbers(fields: dict[str, str], *keys: str) -> NDArray[np.float64] | None:
    """Returns the numbers of the first of these keys that is present."""
    text = next((fields[key] for key in keys if key in fields), None)
    return None if text is None else np.array(text.split(), np.float64)


def _is_true(fields: dict[str, str], key: str, default: str = "False") -> bool:
    return fields.get(key, default).lower() in ("true", "1")


def _dtype(fields: dict[str, str]) -> np.dtype[Any]:
    name = fields.get("ElementType", "nothing")
    if name not in _TYPES:
        raise ValueError(f"voxels of type {name}")
    big = _is_true(fields, "BinaryDataByteOrderMSB") or _is_true(fields, "ElementByteOrderMSB")
    return np.dtype((">" if big else "<") + _TYPES[name])


register_format((".mha", ".mhd"), Volume("MetaImage", geometry, voxels, data_files=data_files))

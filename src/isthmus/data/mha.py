"""MetaImage: `.mha` (header and voxels in one file, plain or zlib), as BraTS 2015 is distributed."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.data.geometry import Geometry

_TYPES = {
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}
_HEADER = 2**16
"""A header is shorter than this many bytes."""


def geometry(path: Path) -> Geometry:
    """What the header says. MetaImage's axes run left, posterior, superior, as DICOM's do."""
    fields, _ = _header(path)
    size = [int(n) for n in fields["DimSize"].split()]
    if len(size) not in (2, 3) or min(size) < 1:
        raise ValueError(f"DimSize {fields['DimSize']} is neither a picture nor a volume")
    dims = len(size)
    steps = [float(n) for n in fields.get("ElementSpacing", fields.get("ElementSize", "1 1 1")).split()]
    matrix = next(
        (fields[key] for key in ("TransformMatrix", "Rotation", "Orientation") if key in fields), ""
    )
    origin = next((fields[key] for key in ("Offset", "Position", "Origin") if key in fields), "")
    affine = np.eye(4)
    if matrix:
        affine[:dims, :dims] = np.array(matrix.split(), np.float64).reshape(dims, dims).T
    affine[:3, :3] *= np.array([*steps[:dims], 1.0][:3])
    if origin:
        affine[:dims, 3] = np.array(origin.split(), np.float64)
    affine[:2] *= -1  # left and posterior to right and anterior
    channels = int(fields.get("ElementNumberOfChannels", "1"))
    shape = (*size, *(1,) * (3 - dims), *((channels,) if channels > 1 else ()))
    return Geometry(shape, np.dtype(_dtype(fields)).newbyteorder("="), affine, placed=bool(matrix))


def voxels(path: Path) -> NDArray[Any]:
    """All voxels in the file's order, x first."""
    found = geometry(path)
    fields, start = _header(path)
    with path.open("rb") as file:
        file.seek(start)
        content = file.read()
    dtype = _dtype(fields)
    wanted = int(np.prod(found.shape, dtype=np.int64)) * dtype.itemsize
    if fields.get("CompressedData", "False").lower() == "true":
        content = zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(content, wanted + 1)
    if len(content) != wanted:
        raise ValueError(f"{len(content)} bytes of voxels where {wanted} belong")
    values = np.frombuffer(content, dtype).reshape((*found.shape[2::-1], *found.shape[3:]))
    return values.transpose(2, 1, 0, *range(3, values.ndim)).astype(found.dtype)


def _header(path: Path) -> tuple[dict[str, str], int]:
    """Keys and values, and where the voxels begin."""
    fields: dict[str, str] = {}
    with path.open("rb") as file:
        while file.tell() < _HEADER:
            key, equals, value = file.readline(_HEADER).decode("latin-1").partition("=")
            if not equals:
                break
            fields[key.strip()] = value.strip()
            if key.strip() != "ElementDataFile":
                continue
            if value.strip() != "LOCAL":
                raise ValueError("its voxels lie in another file; save it as one .mha")
            if "DimSize" not in fields:
                break
            return fields, file.tell()
    raise ValueError("it does not begin with the header of a MetaImage")


def _dtype(fields: dict[str, str]) -> np.dtype[Any]:
    name = fields.get("ElementType", "nothing")
    if name not in _TYPES:
        raise ValueError(f"voxels of type {name}")
    msb = fields.get("BinaryDataByteOrderMSB", fields.get("ElementByteOrderMSB", "False"))
    return np.dtype((">" if msb.lower() == "true" else "<") + _TYPES[name])

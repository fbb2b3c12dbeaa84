"""NRRD: `.nrrd` (header and voxels in one file, raw or gzip), as 3D Slicer writes it.

Format: https://teem.sourceforge.net/nrrd/format.html
"""

from __future__ import annotations

import re
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.data.geometry import Geometry

_TYPES = {
    "i1": ("signed char", "int8", "int8_t"),
    "u1": ("uchar", "unsigned char", "uint8", "uint8_t"),
    "i2": ("short", "short int", "signed short", "signed short int", "int16", "int16_t"),
    "u2": ("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"),
    "i4": ("int", "signed int", "int32", "int32_t"),
    "u4": ("uint", "unsigned int", "uint32", "uint32_t"),
    "i8": ("longlong", "long long", "signed long long", "int64", "int64_t"),
    "u8": ("ulonglong", "unsigned long long", "uint64", "uint64_t"),
    "f4": ("float",),
    "f8": ("double",),
}
_SPACES = {  # signs that make right, anterior, superior of them
    "left-posterior-superior": (-1, -1, 1),
    "lps": (-1, -1, 1),
    "right-anterior-superior": (1, 1, 1),
    "ras": (1, 1, 1),
    "left-anterior-superior": (-1, 1, 1),
    "las": (-1, 1, 1),
}
_HEADER = 2**20
"""A header is shorter than this many bytes."""


def geometry(path: Path) -> Geometry:
    """What the header says; an axis without a direction in space counts channels and becomes the last."""
    fields, _ = _header(path)
    return _geometry(fields)[0]


def voxels(path: Path) -> NDArray[Any]:
    """All voxels in the file's order, the fastest axis first and channels last."""
    fields, start = _header(path)
    found, order = _geometry(fields)
    with path.open("rb") as file:
        file.seek(start)
        content = file.read()
    dtype = _dtype(fields)
    wanted = int(np.prod(found.shape, dtype=np.int64)) * dtype.itemsize
    encoding = fields.get("encoding", "").lower()
    if encoding in ("gzip", "gz"):
        content = zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(content, wanted + 1)
    elif encoding != "raw":
        raise ValueError(f"voxels encoded as {encoding}; save it raw or gzip")
    if len(content) != wanted:
        raise ValueError(f"{len(content)} bytes of voxels where {wanted} belong")
    sizes = [int(n) for n in fields["sizes"].split()]
    values = np.frombuffer(content, dtype).reshape(sizes, order="F").transpose(order)
    return values.reshape(found.shape).astype(found.dtype)


def _geometry(fields: dict[str, str]) -> tuple[Geometry, tuple[int, ...]]:
    """The grid, and the axes of the file in its order: space first, channels last."""
    sizes = [int(n) for n in fields["sizes"].split()]
    columns = [_vector(text) for text in re.findall(r"none|\([^)]*\)", fields.get("space directions", ""))]
    signs = _SPACES.get(fields.get("space", "").lower())
    if not columns:
        steps = [float(n) for n in fields.get("spacings", "").split()] or [1.0] * len(sizes)
        columns = [np.eye(3)[i] * steps[i] if i < 3 else None for i in range(len(sizes))]
        columns = [None if c is None or not np.isfinite(c).all() else c for c in columns]
    space = [i for i, column in enumerate(columns) if column is not None]
    others = [i for i, column in enumerate(columns) if column is None]
    if len(columns) != len(sizes) or len(space) not in (2, 3) or min(sizes) < 1 or len(others) > 1:
        raise ValueError(f"sizes {fields['sizes']} are neither a picture nor a volume")
    affine = np.eye(4)
    for k, i in enumerate(space):
        affine[:3, k] = columns[i]
    if "space origin" in fields:
        affine[:3, 3] = _vector(fields["space origin"])
    affine[:3] *= np.array(signs or (-1, -1, 1))[:, None]
    shape = [sizes[i] for i in space] + [1] * (3 - len(space)) + [sizes[i] for i in others if sizes[i] > 1]
    dtype = _dtype(fields).newbyteorder("=")
    return Geometry(tuple(shape), dtype, affine, placed=signs is not None), (*space, *others)


def _header(path: Path) -> tuple[dict[str, str], int]:
    """Keys and values, and where the voxels begin."""
    fields: dict[str, str] = {}
    with path.open("rb") as file:
        if not file.readline(64).startswith(b"NRRD000"):
            raise ValueError("it does not begin with the header of a NRRD file")
        while file.tell() < _HEADER:
            line = file.readline(_HEADER).decode("utf-8", "replace").rstrip("\r\n")
            if not line:
                if "data file" in fields or "datafile" in fields:
                    raise ValueError("its voxels lie in another file; save it as one .nrrd")
                if "sizes" in fields:
                    return fields, file.tell()
                break
            key, colon, value = line.partition(": ")
            if colon and not line.startswith("#") and ":=" not in key:
                fields[key.strip().lower()] = value.strip()
    raise ValueError("its header has no sizes")


def _vector(text: str) -> NDArray[np.float64] | None:
    """`(1,0,0)`, or None for an axis that is not in space."""
    return None if text == "none" else np.array([float(n) for n in text.strip("() ").split(",")])


def _dtype(fields: dict[str, str]) -> np.dtype[Any]:
    name = fields.get("type", "nothing").lower()
    code = next((code for code, names in _TYPES.items() if name in names), None)
    if code is None:
        raise ValueError(f"voxels of type {name}")
    return np.dtype((">" if fields.get("endian", "little").lower() == "big" else "<") + code)

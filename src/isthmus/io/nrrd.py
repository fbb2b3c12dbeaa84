"""Reads NRRD with pynrrd: `.nrrd` (header and voxels in one file), as 3D Slicer writes it, and `.nhdr` with its voxels
in a separate file."""

from __future__ import annotations

import io
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.io.detached import beside
from isthmus.io.formats import Volume, register_format
from isthmus.io.geometry import MILLIMETRES, Geometry
from isthmus.io.inflate import inflate

_SPACES = {  # signs that make right, anterior, superior of them
    "left-posterior-superior": (-1, -1, 1),
    "lps": (-1, -1, 1),
    "right-anterior-superior": (1, 1, 1),
    "ras": (1, 1, 1),
    "left-anterior-superior": (-1, 1, 1),
    "las": (-1, 1, 1),
}
_UNITS = {
    "mm": ("mm", "millimeter", "millimeters", "millimetre", "millimetres"),
    "µm": ("um", "µm", "μm", "micron", "microns", "micrometer", "micrometers", "micrometre", "micrometres"),
    "nm": ("nm", "nanometer", "nanometers", "nanometre", "nanometres"),
    "cm": ("cm", "centimeter", "centimeters", "centimetre", "centimetres"),
    "m": ("m", "meter", "meters", "metre", "metres"),
}
_IN_SPACE = ("domain", "space", "???")
_TEXT = ("ascii", "text", "txt")
_PACKED = ("gzip", "gz", "bzip2", "bz2")
_HEADER = 2**20
"""Headers are shorter than this many bytes."""


def geometry(path: Path) -> Geometry:
    """Returns the grid in the header; an axis without a direction in space counts channels and becomes the last."""
    fields, _ = _header(path)
    return _geometry(fields)[0]


def voxels(path: Path) -> NDArray[Any]:
    """Returns all voxels in the order of the file, the fastest axis first and channels last."""
    import nrrd

    fields, start = _header(path)
    found, order = _geometry(fields)
    named = fields.pop("data file", None)
    with (path if named is None else beside(path, named)).open("rb") as file:
        file.seek(start if named is None else 0)
        for _ in range(fields.pop("line skip", 0)):
            file.readline()
        content = file.read()
    encoding, skipped = fields["encoding"], fields.get("byte skip", 0)
    wanted = math.prod(found.shape) * found.dtype.itemsize
    if encoding in _PACKED:
        content = inflate(content, wanted + (skipped if skipped >= 0 else _HEADER))
        fields["encoding"] = encoding = "raw"
    elif encoding != "raw" and encoding not in _TEXT:
        raise ValueError(f"voxels encoded as {encoding}; save it raw or gzip")
    held = len(content) - max(skipped, 0)
    if encoding == "raw" and (held < wanted or (held > wanted and not skipped)):
        raise ValueError(f"{held} bytes of voxels where {wanted} are expected")
    values: NDArray[Any] = nrrd.read_data(fields, io.BytesIO(content)).transpose(order)
    return values.reshape(found.shape).astype(found.dtype, copy=False)


def data_files(path: Path) -> list[Path]:
    """Returns the separate file that holds the voxels, if there is one."""
    named = _header(path)[0].get("data file")
    return [] if named is None else [beside(path, named)]


def _geometry(fields: dict[str, Any]) -> tuple[Geometry, tuple[int, ...]]:
    """Returns the grid, and the order of the axes of the file in it: space first, channels last."""
    sizes = [int(n) for n in fields["sizes"]]
    columns = _columns(fields, sizes)
    space = [i for i, column in enumerate(columns) if column is not None]
    others = [i for i, column in enumerate(columns) if column is None]
    channels = [sizes[i] for i in others if sizes[i] != 1]
    if len(columns) != len(sizes) or len(space) not in (2, 3) or len(channels) > 1:
        raise ValueError(f"sizes {' '.join(map(str, sizes))} are neither a picture nor a volume")
    affine = np.eye(4)
    for k, i in enumerate(space):
        column = columns[i]
        affine[: len(column), k] = column
    if len(space) == 2 and affine[2, :2].any():  # a picture in space
        affine[:3, 2] = np.cross(affine[:3, 0], affine[:3, 1]) / np.linalg.norm(affine[:3, 0])
    origin = fields.get("space origin")
    if origin is not None:
        affine[: len(origin[:3]), 3] = origin[:3]
    signs = _SPACES.get(fields.get("space", "").lower())
    affine[:3] *= np.array(signs or (-1, -1, 1))[:, None]
    shape = (*(sizes[i] for i in space), *(1,) * (3 - len(space)), *channels)
    sized = "space directions" in fields or "spacings" in fields
    grid = Geometry(shape, _dtype(fields), affine, signs is not None, sized, _unit(fields))
    return grid, (*space, *others)


def _columns(fields: dict[str, Any], sizes: list[int]) -> list[Any]:
    """Returns the direction of each axis of the file in space; None for an axis that is not in space."""
    directions = fields.get("space directions")
    if directions is not None:
        rows = np.asarray(directions, np.float64)  # a fourth coordinate is time
        there = [np.isfinite(row).all() and (len(row) <= 3 or row[:3].any()) for row in rows]
        return [row[:3] if seen else None for row, seen in zip(rows, there, strict=True)]
    steps = [float(n) for n in fields.get("spacings", [1.0] * len(sizes))]
    kinds = fields.get("kinds", _IN_SPACE[:1] * len(sizes))
    columns: list[Any] = []
    for step, kind in zip(steps, kinds, strict=True):
        place = sum(column is not None for column in columns)
        seen = place < 3 and np.isfinite(step) and kind.lower() in _IN_SPACE
        columns.append(np.eye(3)[place] * step if seen else None)
    return columns


def _unit(fields: dict[str, Any]) -> str:
    """Returns the unit of all axes in space, a key of `MILLIMETRES`; "" if they have none in common."""
    words = {word.lower() for word in fields.get("space units", fields.get("units", [])) if word}
    found = {unit for unit, names in _UNITS.items() if words & set(names)}
    return found.pop() if len(found) == len(words) == 1 and found <= set(MILLIMETRES) else ""


def _header(path: Path) -> tuple[dict[str, Any], int]:
    """Returns the fields in pynrrd's types, and the offset of the voxels."""
    import nrrd

    with path.open("rb") as file:
        start = file.read(_HEADER)
    if not start.startswith(b"NRRD000"):
        raise ValueError("it does not begin with the header of a NRRD file")
    end = re.search(rb"\r?\n\r?\n", start)
    lines = start[: end.start() if end else len(start)].decode("utf-8", "replace").splitlines()
    if end is None and len(start) == _HEADER:
        raise ValueError("its header has no end")
    lists = [i for i, line in enumerate(lines) if re.match(r"data ?file: *LIST", line)]
    lines = lines[: lists[0] + 1] if lists else lines  # names of files follow
    sizes = next((line for line in lines if line.startswith("sizes:")), "")
    if re.search(r"\d{10}", sizes):  # pynrrd rounds such numbers
        raise ValueError("sizes too large for any volume")
    fields = dict(nrrd.read_header(lines))
    for key in ("type", "encoding", "endian"):
        if key in fields:
            fields[key] = fields[key].lower()
    for old, new in (("datafile", "data file"), ("lineskip", "line skip"), ("byteskip", "byte skip")):
        if old in fields:
            fields[new] = fields.pop(old)
    if "sizes" not in fields:
        raise ValueError("its header has no sizes")
    return fields, end.end() if end else len(start)


def _dtype(fields: dict[str, Any]) -> np.dtype[Any]:
    from nrrd.reader import _TYPEMAP_NRRD2NUMPY as types

    code: str = types.get(fields.get("type", "nothing"), "V")
    if code == "V":
        raise ValueError(f"voxels of type {fields.get('type', 'nothing')}")
    return np.dtype(code)


register_format((".nrrd", ".nhdr"), Volume("NRRD", geometry, voxels, data_files=data_files))

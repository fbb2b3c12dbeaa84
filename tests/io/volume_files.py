"""Volumes on disk, written by nibabel or by hand, with whatever is wrong with them."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import Any

import nibabel
import numpy as np

RANDOM = np.random.default_rng(0)
VOXELS = RANDOM.integers(-1000, 1000, (4, 5, 6), dtype=np.int16)
ZYX = np.ascontiguousarray(VOXELS.transpose(2, 1, 0))
HALF = np.sqrt(0.5)
OBLIQUE = np.array([[1, 0, 0], [0, HALF, -HALF], [0, HALF, HALF]])  # turned by 45 degrees about x


def nifti(path: Path, voxels: Any, affine: Any = None, **changes: Any) -> Path:
    """Written by nibabel; placed in space only where there is an affine."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = nibabel.Nifti1Image(voxels, affine)
    for name, value in changes.items():
        image.header[name] = value
    nibabel.save(image, path)
    return path


def affine_of(code: str, steps: tuple[float, float, float] = (1, 1, 1)) -> Any:
    """Voxel axes that run towards `code`, `steps` mm apart."""
    affine = np.eye(4)
    for i, end in enumerate(code):
        world = next(w for w, ends in enumerate(("LR", "PA", "IS")) if end in ends)
        affine[:3, i] = 0
        affine[world, i] = steps[i] * (1 if end in "RAS" else -1)
    affine[:3, 3] = (7, -3, 11)
    return affine


def mha(path: Path, voxels: Any, compress: bool, **changes: str) -> Path:
    kinds = {"int16": "MET_SHORT", "uint8": "MET_UCHAR", "float32": "MET_FLOAT"}
    fields = {
        "ObjectType": "Image",
        "NDims": "3",
        "BinaryData": "True",
        "BinaryDataByteOrderMSB": "False",
        "CompressedData": str(compress),
        "TransformMatrix": "1 0 0 0 1 0 0 0 1",
        "Offset": "0 -239 0",
        "ElementSpacing": "1 2 3",
        "DimSize": " ".join(str(n) for n in voxels.shape[::-1]),
        "ElementType": kinds[str(voxels.dtype)],
        "ElementDataFile": "LOCAL",
    } | changes
    fields["ElementDataFile"] = fields.pop("ElementDataFile")  # which ends the header
    content = voxels.tobytes()
    head = "".join(f"{key} = {value}\n" for key, value in fields.items())
    path.write_bytes(head.encode() + (zlib.compress(content) if compress else content))
    return path


def nrrd(path: Path, voxels: Any, encoding: str = "gzip", **changes: str | None) -> Path:
    """As 3D Slicer writes it: `voxels` are (x, y, z), the first axis the fastest."""
    kinds = {"int16": "short", "uint8": "unsigned char", "float32": "float"}
    fields = {
        "type": kinds[str(voxels.dtype)],
        "dimension": str(voxels.ndim),
        "space": "left-posterior-superior",
        "sizes": " ".join(str(n) for n in voxels.shape),
        "space directions": "(1,0,0) (0,2,0) (0,0,3)",
        "kinds": "domain domain domain",
        "endian": "little",
        "encoding": encoding,
        "space origin": "(5,6,7)",
    } | {key.replace("_", " "): value for key, value in changes.items()}
    content = voxels.tobytes(order="F")
    lines = ["NRRD0004", "# Complete NRRD file format specification at:", "note:=written by hand"]
    lines += [f"{key}: {value}" for key, value in fields.items() if value is not None]
    head = ("\n".join(lines) + "\n\n").encode()
    path.write_bytes(head + (gzip.compress(content) if encoding == "gzip" else content))
    return path

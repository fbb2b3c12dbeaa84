"""Reads and writes NIfTI (`.nii`, `.nii.gz`, `.hdr` with `.img`), and reads Analyze and FreeSurfer's `.mgz`."""

from __future__ import annotations

import gzip
import logging
import math
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from isthmus.errors import IsthmusError
from isthmus.files import write_bytes
from isthmus.io.detached import beside
from isthmus.io.formats import Volume, register_format, suffix
from isthmus.io.geometry import MILLIMETRES, Geometry

_ORDERS: tuple[Literal["little", "big"], ...] = ("little", "big")
_STARTS = tuple(size.to_bytes(4, order) for size in (348, 540) for order in _ORDERS)
"""The first bytes of NIfTI-1 and NIfTI-2: the size of their header."""

_TOP = 2**15
"""The smallest number of voxels along an axis that the header of NIfTI-1 cannot hold."""

_FORMS = (
    *("qform_code", "sform_code", "xyzt_units", "srow_x", "srow_y", "srow_z"),
    *("quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y", "qoffset_z"),
)
"""Fields that place a volume in space, together with the first four of `pixdim`."""

_UNITS = {1: "m", 2: "mm", 3: "µm"}
_CHUNK, _STARTS_IN = 2**20, 2**10
_DENSEST = 1100
"""The most bytes that gzip expands from one."""


def geometry(path: Path) -> Geometry:
    """Returns the grid in the header; axes of length 1 beyond the third are dropped, a picture is one slice."""
    path = _header_path(path)
    return _geometry(path, _open(path))


def voxels(path: Path) -> NDArray[Any]:
    """Returns all voxels in the order of the file, with slope and intercept applied."""
    path = _header_path(path)
    image = _open(path)
    if not (_is_packed(path) or _is_freesurfer(path)):
        return _scaled(path, image, image)
    found = _geometry(path, image)
    most = path.stat().st_size * (_DENSEST if _is_packed(path) else 1)
    if math.prod(found.shape) * image.dataobj.dtype.itemsize > most:
        raise ValueError("its voxels are cut off")
    with _bytes(path) as file:
        values = _scaled(path, image, type(image).from_stream(file))
        while file.read(_CHUNK):  # the checksum is at the end
            pass
    return values


def data_files(path: Path) -> list[Path]:
    """Returns the separate file that holds the voxels, if there is one."""
    if path.suffix.lower() != ".hdr":
        return []
    names = [path.with_suffix(suffix).name for suffix in (".img", ".IMG")]
    return [beside(path, next((name for name in names if (path.parent / name).is_file()), names[0]))]


def write(path: Path, values: NDArray[Any], like: Geometry) -> None:
    """Writes voxels in the order of the file, completely or not at all, with the forms and units of another header.

    The quaternion form is left out if it cannot express the affine, as under a tilted gantry.

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
    if like.forms:
        image.header["pixdim"][:4] = like.forms["pixdim"]
        for name in _FORMS:
            image.header[name] = like.forms[name]
    else:
        _place(image, like)
    content = image.to_bytes()
    write_bytes(path, gzip.compress(content, 6, mtime=0) if path.suffix.lower() == ".gz" else content)


def _header_path(path: Path) -> Path:
    """Returns the `.hdr` of an `.img`, and any other path itself."""
    if suffix(path) != ".img":
        return path
    names = [path.with_suffix(ending) for ending in (".hdr", ".HDR")]
    found = next((name for name in names if name.is_file()), None)
    if found is None:
        raise IsthmusError(f"{path}: its header is missing, there is no file {names[0]}; copy it here too")
    return found


def _place(image: Any, like: Geometry) -> None:
    """Sets both forms of the affine, or one if the other cannot hold it; units that NIfTI lacks become millimetres."""
    affine, units = like.affine, {"": "unknown", "m": "meter", "mm": "mm", "µm": "micron"}
    if like.unit not in units:
        affine = np.diag([*[MILLIMETRES[like.unit]] * 3, 1.0]) @ affine
    image.header.set_xyzt_units(units.get(like.unit, "mm"))
    code = 1 if like.placed else 0
    image.set_sform(affine, code)
    image.set_qform(affine, code)
    if not np.allclose(image.get_qform(), affine, rtol=1e-4, atol=1e-3 * min(like.spacing)):
        image.header["qform_code"] = 0


def _open(path: Path) -> Any:
    import nibabel

    with path.open("rb") as file:
        start = file.read(4)
    packed = start.startswith(b"\x1f\x8b")
    if packed and not _is_packed(path):
        raise IsthmusError(f"{path}: is compressed, unlike its name; rename it to {path.name}.gz")
    if start in _STARTS and _is_packed(path):
        raise IsthmusError(f"{path}: is not compressed, unlike its name; rename it to {path.name[:-3]}")
    data_files(path)  # raises if they are missing
    logging.getLogger("nibabel.global").setLevel(logging.CRITICAL)  # its log is not for the terminal
    if packed:
        with _bytes(path) as file:
            file.read(_STARTS_IN)  # nibabel would report a damaged stream as a file of unknown type
    if not _is_freesurfer(path):
        return nibabel.load(path)
    with _bytes(path) as file:  # nibabel would leave it open
        return nibabel.MGHImage.from_stream(file)


def _bytes(path: Path) -> Any:
    return gzip.open(path) if _is_packed(path) else path.open("rb")


def _is_packed(path: Path) -> bool:
    return path.suffix.lower() in (".gz", ".mgz")


def _is_freesurfer(path: Path) -> bool:
    return path.suffix.lower() in (".mgz", ".mgh")


def _scaled(path: Path, image: Any, source: Any) -> NDArray[Any]:
    """Returns the voxels of `source`, which has the header of `image`."""
    found = _geometry(path, image)
    try:
        raw = np.asarray(source.dataobj.get_unscaled())
    except (EOFError, zlib.error) as error:
        raise ValueError("its compressed voxels are cut off or damaged") from error
    slope, intercept = float(image.dataobj.slope), float(image.dataobj.inter)
    values: NDArray[Any] = raw.reshape(found.shape, order="F").astype(found.dtype)
    if (slope, intercept) != (1.0, 0.0):
        with np.errstate(over="ignore"):  # infinite values are reported where images are read
            values *= found.dtype.type(slope)
            values += found.dtype.type(intercept)
    return values


def _geometry(path: Path, image: Any) -> Geometry:
    shape = tuple(int(n) for n in image.shape)
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    if len(shape) == 5 and shape[3] == 1:  # how NIfTI stores vectors
        shape = (*shape[:3], shape[4])
    shape += (1,) * (3 - len(shape))
    header, affine = image.header, np.asarray(image.affine, np.float64)
    dtype = _dtype(path, image.dataobj)
    if "quatern_b" not in header:  # Analyze says nothing of space, FreeSurfer all in millimetres
        return Geometry(shape, dtype, affine, placed="goodRASFlag" in header)
    forms = {"pixdim": np.array(header["pixdim"][:4]), **{name: np.array(header[name]) for name in _FORMS}}
    placed = bool(header["sform_code"] > 0 or header["qform_code"] > 0)
    unit = _UNITS.get(int(header["xyzt_units"]) & 7, "")
    if not _spans_space(affine) and (other := _other_form(image)):
        affine, placed, mended = other
        return Geometry(shape, dtype, affine, placed, unit=unit, mended=mended)  # masks get forms that hold
    return Geometry(shape, dtype, affine, placed, unit=unit, forms=forms)


def _spans_space(affine: NDArray[np.float64]) -> bool:
    """Returns whether the three axes have a length and run in three directions."""
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    if not np.isfinite(affine).all() or (lengths < 1e-9).any():
        return False
    return bool(abs(np.linalg.det(affine[:3, :3] / lengths)) >= 1e-3)


def _other_form(image: Any) -> tuple[NDArray[np.float64], bool, str] | None:
    """Returns what a header offers instead of a singular form: an affine, whether it places the volume, and a remark.

    None if nothing else is usable.
    """
    with suppress(Exception):  # quaternions that are none
        affine = image.header.get_qform(coded=False)
        if image.header["qform_code"] > 0 and _spans_space(affine):
            return np.asarray(affine, np.float64), True, "the sform is singular, the qform was used"
    affine = np.asarray(image.header.get_base_affine(), np.float64)
    if _spans_space(affine):
        return affine, False, "the sform is singular and no qform is set, only the voxel sizes were used"
    return None


def _dtype(path: Path, data: Any) -> np.dtype[Any]:
    stored: np.dtype[Any] = np.dtype(data.dtype).newbyteorder("=")
    if stored.kind not in "iuf":
        raise IsthmusError(
            f"{path}: its voxels are colours or complex numbers; save one number per voxel, or pictures as PNG"
        )
    if (data.slope, data.inter) == (1, 0):
        return stored
    whole = float(data.slope).is_integer() and float(data.inter).is_integer()
    if whole and stored.kind in "iu" and stored.itemsize <= 2 and abs(data.slope) < 2**14:
        return np.dtype(np.int32)
    return np.dtype(np.float64 if stored == np.float64 else np.float32)


register_format((".nii", ".nii.gz"), Volume("NIfTI", geometry, voxels, write))
register_format((".hdr", ".img"), Volume("Analyze or NIfTI", geometry, voxels, data_files=data_files))
register_format((".mgz", ".mgh"), Volume("FreeSurfer", geometry, voxels))

"""Volumes: NIfTI, Analyze, `.mgz`, MetaImage, NRRD, DICOM (a folder with a series; a single file is a picture).

Whatever the file, an image is `(channels, z, y, x)` in the orientation of `isthmus.io.geometry`: z towards
the head, y to the back, x to the patient's left, without resampling. `write_volume` undoes this, so a mask
lies on the volume it was predicted from in any viewer. Where a function takes `like`, that file decides how the
axes are turned: the files of one case all lie like its first (`isthmus.io.geometry`).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from concurrent.futures import Future
from contextlib import suppress
from functools import lru_cache
from pathlib import Path, PurePath
from types import ModuleType
from typing import Any

from numpy.typing import NDArray

from isthmus.errors import IsthmusError
from isthmus.io import dicom, nifti, nrrd
from isthmus.io import metaimage as mha
from isthmus.io.geometry import Geometry
from isthmus.io.rasters import Header

_MODULES: dict[str, ModuleType] = {
    **dict.fromkeys((".nii", ".nii.gz", ".hdr", ".img", ".mgz", ".mgh"), nifti),
    **dict.fromkeys((".mha", ".mhd"), mha),
    **dict.fromkeys((".nrrd", ".nhdr"), nrrd),
    **dict.fromkeys(dicom.SUFFIXES, dicom),
}

SUFFIXES = tuple(_MODULES)
"""Suffixes of volumes, in lower case."""

HEADERS = (".hdr", ".mhd", ".nhdr", ".mha", ".nrrd")
"""Suffixes of files whose voxels may lie in another one."""

CACHE_BYTES = 2**30
"""Volumes that are read slice by slice are kept decoded up to this many bytes."""


def suffix(path: PurePath) -> str:
    """The suffix in lower case, both parts of `.nii.gz`.

    >>> suffix(Path("a.1.NII.gz")), suffix(Path("b.png"))
    ('.nii.gz', '.png')
    """
    name = path.name.lower()
    other = "" if is_unnamed(path) else path.suffix.lower()
    return next((known for known in SUFFIXES if name.endswith(known)), other)


def stem(path: PurePath) -> str:
    """The name without its suffix (and without the ".ome" that OME puts before it).

    >>> stem(Path("a.1.nii.gz")), stem(Path("b.ome.tif"))
    ('a.1', 'b')
    """
    name = path.name[: len(path.name) - len(suffix(path))]
    return name[:-4] if name.lower().endswith(".ome") and name[:-4] else name


def is_volume(path: Path) -> bool:
    """Whether this module reads it: by its suffix, a folder that holds a DICOM series, or a DICOM file of any name."""
    return suffix(path) in SUFFIXES or dicom.is_series(path) or (is_unnamed(path) and dicom.is_dicom(path))


def is_unnamed(path: PurePath) -> bool:
    """Whether a name has no suffix that says anything, as those of DICOM files often: `IM0001`, `1.2.840.5`."""
    return not path.suffix or path.suffix[1:].isdecimal()


def is_picture(path: Path) -> bool:
    """Whether it is a single DICOM file, which is a picture and no volume."""
    return _module(path) is dicom and not path.is_dir() and is_volume(path)


def data_files(path: Path) -> list[Path]:
    """The files beside a header that hold its voxels; [] where it holds them itself, or is damaged."""
    if suffix(path) not in HEADERS:
        return []
    with suppress(Exception):  # what is wrong is told when it is read
        found: list[Path] = _module(path).data_files(path)
        return found
    return []


def geometry(path: Path, like: Path | None = None) -> Geometry:
    """Size, orientation, spacing and number type, from the header alone.

    Raises:
        IsthmusError: the file is missing, or its header is damaged.
    """
    try:
        found = _geometry(*_state(path))
        if like is None or like == path or not is_volume(like):
            return found
        return found.turned_like(geometry(like))
    except IsthmusError:
        raise
    except FileNotFoundError as error:
        raise IsthmusError(f"{path}: no such file") from error
    except Exception as error:
        raise damaged(path, error) from error


def spacing(path: Path, axis: int | None = None) -> tuple[float, ...] | None:
    """From voxel to voxel along (z, y, x), or along the two axes of a slice across `axis`, in the unit of the file;
    None if it cannot be read, or is not stated for a picture.

    What is wrong with such a file comes out when it is checked.
    """
    try:
        found = geometry(path)
    except IsthmusError:
        return None
    if is_picture(path):
        if not found.sized:
            return None
        axis = found.axis(2) if axis is None else axis
    return found.spacing if axis is None else _without(found.spacing, axis)


def unit(path: Path) -> str:
    """The unit of `spacing`: "mm", "µm", …; "" for a file that states none, or is no volume."""
    try:
        return geometry(path).unit if is_volume(path) else ""
    except IsthmusError:
        return ""


def header(
    path: Path, page: int | None = None, axis: int = 0, channels: bool = False, like: Path | None = None
) -> Header:
    """Shape and number type that `read` will give.

    Raises:
        IsthmusError: as `read`, as far as the header tells.
    """
    found = geometry(path, like)
    number = found.shape[3] if len(found.shape) == 4 else 1
    if len(found.shape) > 4 or (number > 1 and not channels):
        size = " x ".join(str(n) for n in found.shape)
        raise IsthmusError(
            f"{path}: {len(found.shape)} axes ({size}) where a volume has 3; save each volume to its own file"
        )
    size_zyx: tuple[int, ...] = found.array_shape
    if is_picture(path):
        size_zyx = _without(size_zyx, found.axis(2))
    if page is not None:
        if not 0 <= page < size_zyx[axis]:
            raise IsthmusError(
                f"{path}: has no slice {page} along axis {axis}, only 0 to {size_zyx[axis] - 1}"
            )
        size_zyx = _without(size_zyx, axis)
    return Header((number, *size_zyx), found.dtype)


def read(
    path: Path,
    page: int | None = None,
    axis: int = 0,
    channels: bool = False,
    like: Path | None = None,
    *,
    mask: bool = False,
) -> NDArray[Any]:
    """A volume `(channels, z, y, x)`, or slice `page` across `axis` of it: `(channels, rows, columns)`.

    A single DICOM file is a picture `(1, rows, columns)`.

    Args:
        channels: whether the fourth axis of a file, if it has one, counts channels.
        like: the file that decides how the axes are turned; None: this one.
        mask: whether its numbers mean classes, which stay as stored where DICOM says that small is white.

    Raises:
        IsthmusError: the file is missing, damaged or cut off, four-dimensional, of colours, or a series that does not
            fit together.
    """
    shape = header(path, page, axis, channels, like).shape
    if page is None:
        return _decode(path, like, mask).reshape(shape)
    taken: NDArray[Any] = _RECENT.get(path, like, mask).take(page, axis + 1)
    return taken


def write_volume(path: Path, array: NDArray[Any], like: Path) -> None:
    """Write `(z, y, x)` as NIfTI on the grid of another volume: its orientation, order of axes, spacing and unit, and
    the forms in which a NIfTI header says so.

    Raises:
        IsthmusError: a suffix that is not `.nii` or `.nii.gz`, an array of another size, or a disk that takes
            no more.
    """
    if suffix(path) not in (".nii", ".nii.gz"):
        raise IsthmusError(f"{path}: volumes are written as .nii.gz or .nii")
    grid = geometry(like)
    if array.shape != grid.array_shape:
        raise IsthmusError(
            f"{path}: {_size(array.shape)} voxels do not lie on {like} with {_size(grid.array_shape)}"
        )
    nifti.write(path, grid.from_array(array), grid)


def refuse_other_place(image: Path, mask: Path) -> None:
    """Refuse a mask that is turned otherwise than its image, where only one of them says how it lies.

    A shift or another spacing is let pass, as such headers are common and the voxels fit; `elsewhere` tells.

    Raises:
        IsthmusError: names both files and their orientations.
    """
    if not (in_space(image) and in_space(mask)):
        return
    ours, theirs = geometry(image), geometry(mask)
    if ours.placed != theirs.placed and ours.orientation != theirs.orientation:
        silent, other = (mask, image) if ours.placed else (image, mask)
        raise IsthmusError(
            f"{silent}: does not say how it lies in space, but {other} does "
            f"({(ours if ours.placed else theirs).orientation}); copy the affine from one to the other"
        )


def elsewhere(first: Path, other: Path) -> str:
    """How far the header of `other` puts it from the first file of its case, as "12 mm"; "" where both lie on one grid
    to within rounding, or one of them does not say where it lies."""
    if not (in_space(first) and in_space(other)):
        return ""
    ours, theirs = geometry(first), geometry(other)
    if not (ours.placed and theirs.placed) or sorted(ours.shape[:3]) != sorted(theirs.shape[:3]):
        return ""
    away = ours.apart(theirs)
    return f"{away:.3g} mm" if away else ""


def in_space(path: Path) -> bool:
    """Whether it is a volume that may say how it lies in space, and no picture."""
    return is_volume(path) and not is_picture(path)


def slice_axis(path: Path) -> int:
    """The axis of the array that counts slices: the one whose length the other two do not share, else z.

    Volumes stacked from axial slices often come with a header that says nothing, or something wrong.
    """
    z, y, x = geometry(path).array_shape
    if y == x:
        return 0
    return 1 if z == x else 2 if z == y else 0


def damaged(path: Path, error: Exception) -> IsthmusError:
    """The one line for whatever a decoder raised."""
    if isinstance(error, OSError) and error.strerror:
        return IsthmusError(f"{path}: cannot be read ({error.strerror}); check the disk and its permissions")
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:120]
    return IsthmusError(f"{path}: a volume that is damaged or not read ({reason}); copy or export it again")


def _state(path: Path) -> tuple[Path, int, int]:
    """A file as it is now, with what lies beside it; another key once it has changed."""
    files = (
        [file for file in path.iterdir() if file.is_file()] if path.is_dir() else [path, *data_files(path)]
    )
    states = [file.stat() for file in files]
    return path, max(state.st_mtime_ns for state in states), sum(state.st_size for state in states)


@lru_cache(maxsize=256)
def _geometry(path: Path, changed: int, size: int) -> Geometry:  # noqa: ARG001
    found: Geometry = _module(path).geometry(_header_of(path))
    if min(found.shape) < 1:
        raise ValueError(f"an axis of length {min(found.shape)}, {' x '.join(map(str, found.shape))} voxels")
    _ = found.array_shape  # an affine that makes no sense is told here
    return found


def _module(path: Path) -> ModuleType:
    return _MODULES.get(suffix(path), dicom)


def _header_of(path: Path) -> Path:
    """The `.hdr` of an `.img`; any other file itself."""
    if suffix(path) != ".img":
        return path
    names = [path.with_suffix(ending) for ending in (".hdr", ".HDR")]
    found = next((name for name in names if name.is_file()), None)
    if found is None:
        raise IsthmusError(f"{path}: its header is missing, there is no file {names[0]}; copy it here too")
    return found


def _decode(path: Path, like: Path | None = None, mask: bool = False) -> NDArray[Any]:
    try:
        module = _module(path)
        voxels = dicom.voxels(path, mask=mask) if module is dicom else module.voxels(_header_of(path))
        return geometry(path, like).to_array(voxels)
    except (IsthmusError, MemoryError):
        raise
    except Exception as error:
        raise damaged(path, error) from error


def _without(values: tuple[Any, ...], axis: int) -> tuple[Any, ...]:
    return values[:axis] + values[axis + 1 :]


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(str(n) for n in reversed(shape))


class _Recent:
    """The volumes read last: a volume cut into a hundred slices is decoded once, whichever thread asks."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._kept: OrderedDict[tuple[Any, ...], Future[NDArray[Any]]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, path: Path, like: Path | None = None, mask: bool = False) -> NDArray[Any]:
        key = (*_state(path), *(() if like is None else _state(like)), mask)
        with self._lock:
            known = self._kept.pop(key, None)
            future = self._kept[key] = known or Future()
        if known is None:
            try:
                future.set_result(_decode(path, like, mask))
            except BaseException as error:
                future.set_exception(error)
                with self._lock:
                    self._kept.pop(key, None)
            self._make_room()
        return future.result()

    def _make_room(self) -> None:
        """Forget the volumes used longest ago, but never the last one."""
        with self._lock:
            done = [key for key, future in self._kept.items() if future.done()]
            used = sum(self._kept[key].result().nbytes for key in done)
            for key in done[:-1]:
                if used <= self._room:
                    break
                used -= self._kept.pop(key).result().nbytes


_RECENT = _Recent(CACHE_BYTES)

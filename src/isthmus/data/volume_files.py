"""Volumes: NIfTI (`.nii`, `.nii.gz`), `.mha`, `.nrrd`, DICOM (a folder with a series, or a `.dcm` file).

Whatever the file, an image is `(channels, z, y, x)` in the orientation of `isthmus.data.geometry`: z towards
the head, y to the back, x to the patient's left, without resampling. `write_volume` undoes this, so a mask
lies on the volume it was predicted from in any viewer.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from concurrent.futures import Future
from functools import lru_cache
from pathlib import Path, PurePath
from types import ModuleType
from typing import Any

from numpy.typing import NDArray

from isthmus.data import dicom, mha, nifti, nrrd
from isthmus.data.geometry import Geometry
from isthmus.data.rasters import Header
from isthmus.errors import IsthmusError

SUFFIXES = (".nii", ".nii.gz", ".mha", ".nrrd", ".dcm")
"""Suffixes of volumes, in lower case."""

CACHE_BYTES = 2**30
"""Volumes that are read slice by slice are kept decoded up to this many bytes."""


def suffix(path: PurePath) -> str:
    """The suffix in lower case, both parts of `.nii.gz`.

    >>> suffix(Path("a.1.NII.gz")), suffix(Path("b.png"))
    ('.nii.gz', '.png')
    """
    name = path.name.lower()
    return next((known for known in SUFFIXES if name.endswith(known)), path.suffix.lower())


def stem(path: PurePath) -> str:
    """The name without its suffix (and without the ".ome" that OME puts before it).

    >>> stem(Path("a.1.nii.gz")), stem(Path("b.ome.tif"))
    ('a.1', 'b')
    """
    name = path.name[: len(path.name) - len(suffix(path))]
    return name[:-4] if name.lower().endswith(".ome") and name[:-4] else name


def is_volume(path: Path) -> bool:
    """Whether this module reads it: by its suffix, or a folder that holds a DICOM series."""
    return suffix(path) in SUFFIXES or dicom.is_series(path)


def geometry(path: Path) -> Geometry:
    """Size, orientation, spacing and number type, from the header alone.

    Raises:
        IsthmusError: the file is missing, or its header is damaged.
    """
    try:
        return _geometry(*_state(path))
    except IsthmusError:
        raise
    except FileNotFoundError as error:
        raise IsthmusError(f"{path}: no such file") from error
    except Exception as error:
        raise damaged(path, error) from error


def spacing(path: Path, axis: int | None = None) -> tuple[float, ...] | None:
    """Millimetres along (z, y, x), or along the two axes of a slice across `axis`; None if it cannot be read.

    What is wrong with such a file comes out when it is checked.
    """
    try:
        found = geometry(path)
    except IsthmusError:
        return None
    if axis is None and suffix(path) == ".dcm":
        axis = found.axis(2)
    return found.spacing if axis is None else _without(found.spacing, axis)


def header(path: Path, page: int | None = None, axis: int = 0, channels: bool = False) -> Header:
    """Shape and number type that `read` will give.

    Raises:
        IsthmusError: as `read`, as far as the header tells.
    """
    found = geometry(path)
    number = found.shape[3] if len(found.shape) == 4 else 1
    if len(found.shape) > 4 or (number > 1 and not channels):
        size = " x ".join(str(n) for n in found.shape)
        raise IsthmusError(
            f"{path}: {len(found.shape)} axes ({size}) where a volume has 3; save each volume to its own file"
        )
    size_zyx: tuple[int, ...] = found.array_shape
    if suffix(path) == ".dcm":
        size_zyx = _without(size_zyx, found.axis(2))  # one slice: a picture
    if page is not None:
        if not 0 <= page < size_zyx[axis]:
            raise IsthmusError(
                f"{path}: has no slice {page} along axis {axis}, only 0 to {size_zyx[axis] - 1}"
            )
        size_zyx = _without(size_zyx, axis)
    return Header((number, *size_zyx), found.dtype)


def read(path: Path, page: int | None = None, axis: int = 0, channels: bool = False) -> NDArray[Any]:
    """A volume `(channels, z, y, x)`, or slice `page` across `axis` of it: `(channels, rows, columns)`.

    A single `.dcm` file is a picture `(1, rows, columns)`.

    Args:
        channels: whether the fourth axis of a file, if it has one, counts channels.

    Raises:
        IsthmusError: the file is missing, damaged or cut off, four-dimensional, of colours, or a series in
            which a slice is missing.
    """
    shape = header(path, page, axis, channels).shape
    if page is None:
        return _decode(path).reshape(shape)
    taken: NDArray[Any] = _RECENT.get(path).take(page, axis + 1)
    return taken


def write_volume(path: Path, array: NDArray[Any], like: Path) -> None:
    """Write `(z, y, x)` as NIfTI on the grid of another volume: its orientation, order of axes and spacing.

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

    A shift or another spacing is let pass, as such headers are common and the voxels fit; `check_dataset` tells.

    Raises:
        IsthmusError: names both files and their orientations.
    """
    if not (is_volume(image) and is_volume(mask)):
        return
    ours, theirs = geometry(image), geometry(mask)
    if ours.placed != theirs.placed and ours.orientation != theirs.orientation:
        silent, other = (mask, image) if ours.placed else (image, mask)
        raise IsthmusError(
            f"{silent}: does not say how it lies in space, but {other} does "
            f"({(ours if ours.placed else theirs).orientation}); copy the affine from one to the other"
        )


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
    """A file as it is now; another key once it has changed."""
    state = path.stat()
    return path, state.st_mtime_ns, state.st_size


@lru_cache(maxsize=256)
def _geometry(path: Path, changed: int, size: int) -> Geometry:  # noqa: ARG001
    found: Geometry = _module(path).geometry(path)
    _ = found.array_shape  # an affine that makes no sense is told here
    return found


def _module(path: Path) -> ModuleType:
    modules = {".nii": nifti, ".nii.gz": nifti, ".mha": mha, ".nrrd": nrrd}
    return modules.get(suffix(path), dicom)


def _decode(path: Path) -> NDArray[Any]:
    try:
        return geometry(path).to_array(_module(path).voxels(path))
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
        self._kept: OrderedDict[tuple[Path, int, int], Future[NDArray[Any]]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, path: Path) -> NDArray[Any]:
        key = _state(path)
        with self._lock:
            known = self._kept.pop(key, None)
            future = self._kept[key] = known or Future()
        if known is None:
            try:
                future.set_result(_decode(path))
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

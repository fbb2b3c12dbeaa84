"""Volumes of every registered format, and DICOM: a folder with a series is a volume, a single file a picture.

An image is `(channels, z, y, x)` in the orientation of `isthmus.io.geometry`, whatever the file: z towards the head,
y to the back, x to the patient's left, without resampling. `write_volume` undoes this, so a mask lies on the volume it
was predicted from in any viewer. Where a function takes `like`, that file decides how the axes are turned: the files of
one case all lie like its first (`isthmus.io.geometry`).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from concurrent.futures import Future
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from isthmus.errors import IsthmusError, size_text
from isthmus.io import dicom
from isthmus.io import metaimage as _metaimage  # noqa: F401 - registers its format
from isthmus.io import nifti as _nifti  # noqa: F401
from isthmus.io import nrrd as _nrrd  # noqa: F401
from isthmus.io.formats import FORMATS, Header, Source, Volume, damaged, is_unnamed, suffix
from isthmus.io.geometry import MILLIMETRES, Geometry
from isthmus.io.resolution import PixelSize, measured

CACHE_BYTES = 2**30
"""Volumes that are read slice by slice stay decoded up to this many bytes."""


def is_volume(path: Path) -> bool:
    """Returns whether a path is a volume by its suffix, a folder with a DICOM series, or a DICOM file of any name."""
    if isinstance(FORMATS.get(suffix(path)), Volume) or dicom.is_series(path):
        return True
    return is_unnamed(path) and dicom.is_dicom(path)


def is_picture(path: Path) -> bool:
    """Returns whether a path is a single DICOM file, which is a picture."""
    return _format(path) is dicom.FORMAT and not path.is_dir() and is_volume(path)


def data_files(path: Path) -> list[Path]:
    """Returns the files beside a header that hold its voxels; [] if the file holds them itself, or is damaged."""
    format = FORMATS.get(suffix(path))
    if isinstance(format, Volume) and format.data_files is not None:
        with suppress(Exception):  # what is wrong is reported when the file is read
            return format.data_files(path)
    return []


def geometry(path: Path, like: Path | None = None) -> Geometry:
    """Returns size, orientation, spacing and number type, from the header alone.

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
        raise damaged(path, _format(path).name, error) from error


def spacing(path: Path, axis: int | None = None) -> tuple[float, ...] | None:
    """Returns the distances between voxels along (z, y, x), or along the two axes of a slice across `axis`.

    They are in the unit of the file. None: the file cannot be read (which its check reports), or is a picture without
    a stated spacing.
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


def pixel_size(source: Source) -> PixelSize | None:
    """Returns the distances between the voxels of what `read` gives, in micrometres.

    A file without a unit is in millimetres, as is the convention. None: the file states no size.

    Raises:
        IsthmusError: as `geometry`.
    """
    found = geometry(source.path, source.like)
    sizes = tuple(1000 * step * MILLIMETRES[found.unit] for step in found.spacing)
    if is_picture(source.path):
        sizes = _without(sizes, found.axis(2))
    elif source.page is not None:
        sizes = _without(sizes, source.axis)
    return measured(sizes) if found.sized else None


def unit(path: Path) -> str:
    """Returns the unit of `spacing`: "mm", "µm", …; "" for a file that states none, or is not a volume."""
    try:
        return geometry(path).unit if is_volume(path) else ""
    except IsthmusError:
        return ""


def header(source: Source) -> Header:
    """Returns the shape and number type that `read` will give.

    Raises:
        IsthmusError: as `read`, as far as the header shows it.
    """
    path, page, axis = source.path, source.page, source.axis
    found = geometry(path, source.like)
    number = found.shape[3] if len(found.shape) == 4 else 1
    if len(found.shape) > 4 or (number > 1 and not source.channels):
        size = " x ".join(str(n) for n in found.shape)
        raise IsthmusError(
            f"{path}: {len(found.shape)} axes ({size}) where a volume has 3; save each volume to its own file"
        )
    sizes: tuple[int, ...] = found.array_shape
    if is_picture(path):
        sizes = _without(sizes, found.axis(2))
    if page is not None:
        if not 0 <= page < sizes[axis]:
            raise IsthmusError(f"{path}: has no slice {page} along axis {axis}, only 0 to {sizes[axis] - 1}")
        sizes = _without(sizes, axis)
    if source.part is not None:
        sizes = (source.part[1] - source.part[0], *sizes[1:])
    return Header((number, *sizes), found.dtype)


def read(source: Source, *, mask: bool = False) -> NDArray[Any]:
    """Returns a volume `(channels, z, y, x)`, or one slice across an axis of it: `(channels, rows, columns)`.

    A single DICOM file is a picture `(1, rows, columns)`.

    Args:
        mask: whether the numbers are classes, which stay as stored where DICOM marks them as inverted.

    Raises:
        IsthmusError: the file is missing, damaged or cut off, has four axes or colours, or is a series whose slices
            do not fit together.
    """
    if source.page is not None:
        volume = _RECENT.get(source.path, source.like, mask)
        taken: NDArray[Any] = volume.take(source.page, source.axis + 1)
        return taken
    volume = _decode(source.path, source.like, mask)
    if source.part is not None:
        return volume[:, slice(*source.part)]
    return volume.reshape(header(source).shape)


def write_volume(path: Path, array: NDArray[Any], like: Path) -> None:
    """Writes `(z, y, x)` on the grid of another volume: its orientation, order of axes, spacing and unit.

    NIfTI also keeps the forms in which the other header states these.

    Raises:
        IsthmusError: a suffix of no format that is written (`.nii`, `.nii.gz`), an array of another size, or a failure
            of the disk.
    """
    format = FORMATS.get(suffix(path))
    if not isinstance(format, Volume) or format.write is None:
        known = ", ".join(each for each, f in FORMATS.items() if isinstance(f, Volume) and f.write)
        raise IsthmusError(f"{path}: volumes are written as {known}; change the suffix")
    grid = geometry(like)
    if array.shape != grid.array_shape:
        raise IsthmusError(
            f"{path}: {size_text(array.shape)} voxels do not lie on {like} with {size_text(grid.array_shape)}"
        )
    format.write(path, grid.from_array(array), grid)


def as_stored(array: NDArray[Any], like: Path) -> NDArray[Any]:
    """Returns `(z, y, x)` in the order in which a volume stores its voxels: its third axis, its second, its first."""
    return geometry(like).from_array(array).T


def refuse_other_place(image: Path, mask: Path) -> None:
    """Refuses a mask with another orientation than its image, where only one of them states its place in space.

    A shift or another spacing passes, as such headers are common and the voxels fit; `elsewhere` reports them.

    Raises:
        IsthmusError: names both files and their orientations.
    """
    if not (in_space(image) and in_space(mask)):
        return
    ours, theirs = geometry(image), geometry(mask)
    if ours.placed != theirs.placed and ours.orientation != theirs.orientation:
        silent, other = (mask, image) if ours.placed else (image, mask)
        raise IsthmusError(
            f"{silent}: does not state its place in space, but {other} does "
            f"({(ours if ours.placed else theirs).orientation}); copy the affine from one to the other"
        )


def elsewhere(first: Path, other: Path) -> str:
    """Returns how far the header of `other` puts it from the first file of its case, as "12 mm".

    "" if both lie on one grid to within rounding, or one of them does not state its place in space.
    """
    if not (in_space(first) and in_space(other)):
        return ""
    ours, theirs = geometry(first), geometry(other)
    if not (ours.placed and theirs.placed) or sorted(ours.shape[:3]) != sorted(theirs.shape[:3]):
        return ""
    away = ours.distance(theirs)
    return f"{away:.3g} mm" if away else ""


def in_space(path: Path) -> bool:
    """Returns whether a path is a volume, which may state its place in space, and not a picture."""
    return is_volume(path) and not is_picture(path)


def slice_axis(path: Path) -> int:
    """Returns the axis of the array that counts slices: the one whose length differs from the other two, else z.

    Volumes stacked from axial slices often have a header that states nothing about this, or something wrong.
    """
    z, y, x = geometry(path).array_shape
    if y == x:
        return 0
    return 1 if z == x else 2 if z == y else 0


def _state(path: Path) -> tuple[Path, int, int]:
    """Returns a key of a file and of what belongs to it, which changes when they change."""
    files = (
        [file for file in path.iterdir() if file.is_file()] if path.is_dir() else [path, *data_files(path)]
    )
    states = [file.stat() for file in files]
    return path, max(state.st_mtime_ns for state in states), sum(state.st_size for state in states)


@lru_cache(maxsize=256)
def _geometry(path: Path, changed: int, size: int) -> Geometry:  # noqa: ARG001
    found = _format(path).geometry(path)
    if min(found.shape) < 1:
        raise ValueError(f"an axis of length {min(found.shape)}, {' x '.join(map(str, found.shape))} voxels")
    _ = found.array_shape  # raises for an invalid affine
    return found


def _format(path: Path) -> Volume:
    """Returns the format that the suffix names; DICOM where it names none."""
    format = FORMATS.get(suffix(path))
    return format if isinstance(format, Volume) else dicom.FORMAT


def _decode(path: Path, like: Path | None = None, mask: bool = False) -> NDArray[Any]:
    format = _format(path)
    voxels = format.mask_voxels if mask and format.mask_voxels is not None else format.voxels
    try:
        return geometry(path, like).to_array(voxels(path))
    except (IsthmusError, MemoryError):
        raise
    except Exception as error:
        raise damaged(path, format.name, error) from error


def _without(values: tuple[Any, ...], axis: int) -> tuple[Any, ...]:
    return values[:axis] + values[axis + 1 :]


class _Recent:
    """The volumes read last, so that a volume of a hundred slices is decoded once for all threads."""

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
        """Forgets the volumes used longest ago, but never the last one."""
        with self._lock:
            done = [key for key, future in self._kept.items() if future.done()]
            used = sum(self._kept[key].result().nbytes for key in done)
            for key in done[:-1]:
                if used <= self._room:
                    break
                used -= self._kept.pop(key).result().nbytes


_RECENT = _Recent(CACHE_BYTES)

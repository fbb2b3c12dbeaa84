"""File formats by suffix: how the files of each are read, and written where that is possible.

The module of a format registers it with `register_format`, as a `Picture` (flat images) or as a `Volume` (voxels on a
grid in space). Everything else asks `FORMATS`, so that a new format needs no other change.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.errors import IsthmusError
from isthmus.io.geometry import Geometry
from isthmus.io.resolution import PixelSize
from isthmus.plugins import Registry


@dataclass(frozen=True)
class Source:
    """One image or mask on disk.

    Attributes:
        page: page of a multi-page TIFF, or the slice of a volume; None: the whole file.
        axis: the axis of the volume that counts the slices: 0, 1, 2 for z, y, x.
        channels: whether the fourth axis of a volume counts channels (if not, such a volume is refused).
        part: the slices of a volume, or the rows of a picture, from part[0] to before part[1]; None: all.
        like: the volume whose orientation this one takes; None: its own header decides.
        axes: a letter for each axis of the array in a TIFF (`isthmus.io.tiff_axes`); "": as the file names them.
    """

    path: Path
    page: int | None = None
    axis: int = 0
    channels: bool = False
    part: tuple[int, int] | None = None
    like: Path | None = None
    axes: str = ""

    def __str__(self) -> str:
        if self.part is not None:
            kind = "rows" if isinstance(FORMATS.get(suffix(self.path)), Picture) else "slices"
            return f"{self.path} ({kind} {self.part[0]} to {self.part[1] - 1})"
        if self.page is None:
            return str(self.path)
        across = f" across {'zyx'[self.axis]}" if self.axis else ""
        return f"{self.path} (page {self.page}{across})"


@dataclass(frozen=True)
class Header:
    """What is known of an image without decoding it.

    Attributes:
        shape: `(channels, *spatial)`.
        orientation: the tag of EXIF or TIFF, which is applied.
        inverted: whether a tag or a palette makes viewers show large numbers dark. Images are read as they are shown,
            masks in their stored numbers.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    orientation: int = 1
    inverted: bool = False


@dataclass(frozen=True)
class Picture:
    """A format of flat images.

    Functions may raise any exception for a damaged file; it is reported in one line that names the file.

    Attributes:
        name: of the format, for messages.
        header: returns the `Header` that `read` will give.
        read: returns the pixels `(channels, height, width)`. Its arguments are the source, its header, and whether the
            file is a mask, whose numbers must stay as stored.
        write: writes pixels `(channels, height, width)` to a path without loss; None: the format is not written.
        signatures: the bytes with which a file may begin; (): any.
        lossy: whether compression changes the pixels.
        paged: whether a file can hold several pages (`Source.page`).
        pixel_size: returns the size of a pixel of a source, where its file states one. `write` then takes a size as its
            third argument. None: files of this format state none.
    """

    name: str
    header: Callable[[Source], Header]
    read: Callable[[Source, Header, bool], NDArray[Any]]
    write: Callable[..., None] | None = None
    signatures: tuple[bytes, ...] = ()
    lossy: bool = False
    paged: bool = False
    pixel_size: Callable[[Source], PixelSize | None] | None = None


@dataclass(frozen=True)
class Volume:
    """A format of voxels on a grid in space.

    Functions may raise any exception for a damaged file; it is reported in one line that names the file.

    Attributes:
        name: of the format, for messages.
        geometry: returns the grid from the header alone.
        voxels: returns the voxels `(i, j, k)` or `(i, j, k, channels)` in the order of the file, in the shape and dtype
            that `geometry` states.
        write: writes voxels `(i, j, k)` in the order of the file on a grid; None: the format is not written.
        data_files: returns the separate files that hold the voxels of a header; None: the format has none.
        mask_voxels: returns the voxels of a mask, where these differ from those of an image; None: they do not.
    """

    name: str
    geometry: Callable[[Path], Geometry]
    voxels: Callable[[Path], NDArray[Any]]
    write: Callable[[Path, NDArray[Any], Geometry], None] | None = None
    data_files: Callable[[Path], list[Path]] | None = None
    mask_voxels: Callable[[Path], NDArray[Any]] | None = None


Format = Picture | Volume

FORMATS: Registry[Format] = Registry("file format")
"""The format of each suffix, in lower case."""

_double: list[str] = []  # registered suffixes with two dots, such as .nii.gz


def register_format(suffixes: Sequence[str], format: Format) -> None:
    """Registers a file format, so that every command reads (and, where `write` is given, may write) such files.

    Args:
        suffixes: the suffixes in lower case with the dot, such as ".nii.gz".

    Raises:
        ValueError: a suffix has no dot or capitals, or belongs to another format.
    """
    for each in suffixes:
        if not each.startswith(".") or each != each.lower():
            raise ValueError(f"the suffix {each!r} of {format.name}; give it in lower case with its dot")
        FORMATS.register(each, format)
        if each.count(".") > 1:
            _double.append(each)


def suffix(path: PurePath) -> str:
    """Returns the suffix in lower case, both parts of one such as `.nii.gz`.

    >>> suffix(Path("a.1.NII.gz")), suffix(Path("b.png"))
    ('.nii.gz', '.png')
    """
    name = path.name.lower()
    if found := _double_suffix(name):
        return found
    last = path.suffix.lower()
    if not last or last[1:].isdecimal():
        return ""
    known = last in FORMATS  # loads plug-ins if it is not, and these may add double suffixes
    return last if known else _double_suffix(name) or last


def stem(path: PurePath) -> str:
    """Returns the name without its suffix (and without the ".ome" that OME puts before it).

    >>> stem(Path("a.1.nii.gz")), stem(Path("b.ome.tif"))
    ('a.1', 'b')
    """
    name = path.name[: len(path.name) - len(suffix(path))]
    return name[:-4] if name.lower().endswith(".ome") and name[:-4] else name


def is_unnamed(path: PurePath) -> bool:
    """Returns whether a name has no meaningful suffix, as is common for DICOM files: `IM0001`, `1.2.840.5`."""
    return not path.suffix or path.suffix[1:].isdecimal()


def is_lossy(path: PurePath) -> bool:
    """Returns whether the format of a file changes pixels by compression, as JPEG does."""
    format = FORMATS.get(suffix(path))
    return isinstance(format, Picture) and format.lossy


def damaged(where: object, kind: str, error: Exception) -> IsthmusError:
    """Returns the one-line error for whatever a decoder raised on a file."""
    if isinstance(error, OSError) and error.strerror:
        return IsthmusError(f"{where}: cannot be read ({error.strerror}); check the disk and its permissions")
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:120]
    return IsthmusError(
        f"{where}: a damaged or unsupported {kind} file ({reason}); copy or export it again, or leave it out"
    )


def _double_suffix(name: str) -> str:
    return next((known for known in _double if name.endswith(known)), "")

"""Image files in, arrays out, and back: the one place that knows how pixels lie in a file.

Whatever the file, an image is `(channels, *spatial)` in the numbers that the file holds, a mask `(*spatial)`
of integers. What the formats add is undone here, in the same way for images and masks, so that a mask lies on
its image as a viewer shows both:

- EXIF and TIFF orientation is applied,
- an alpha channel is dropped (of 16 bits too),
- a palette is looked up: one channel where every entry is a grey, three where not; but a *mask* with a
  coloured palette gives its indices, which is how PASCAL VOC stores classes,
- bilevel files give 0 and 255,
- TIFF's "min is white" and a palette that runs from white to black are turned round in images of unsigned integers,
  which then look as in a viewer; a *mask* keeps its stored numbers, which say what is background.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from isthmus.errors import IsthmusError
from isthmus.io import rasters
from isthmus.io import tiff as tiffs
from isthmus.io import volumes as volume_files
from isthmus.io.rasters import Header
from isthmus.io.writing import write_image, write_mask

__all__ = [
    "IMAGE_SUFFIXES",
    "LOSSY_SUFFIXES",
    "MAX_PIXELS",
    "Source",
    "pages",
    "probe",
    "read_header",
    "read_image",
    "read_mask",
    "rounding_error",
    "write_image",
    "write_mask",
]

T = TypeVar("T")

_KINDS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".bmp": "BMP", ".tif": "TIFF", ".tiff": "TIFF"}

IMAGE_SUFFIXES = (*_KINDS, *volume_files.SUFFIXES)
"""Suffixes that are read, in lower case; upper case is accepted too, and so is a folder of DICOM slices."""

LOSSY_SUFFIXES = (".jpg", ".jpeg")

MAX_PIXELS = 2**29
"""The largest file that is decoded, in pixels (some 23000 x 23000); more counts as a decompression bomb."""

CHANNELS = 16
"""A file of `MAX_PIXELS` has no more channels than these."""

NEARLY_WHOLE = 1e-3
"""Mask values so far from whole numbers are rounded: a scale in the header makes 1.00002 of 1."""

LOSSY_SPREAD = 16
"""Channels of a JPEG mask may differ by this much and still count as equal."""

_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"GIF8", "GIF"),
    (b"RIFF", "WebP"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (b"%PDF", "PDF"),
    (b"PK\x03\x04", "ZIP"),
    (b"\x1f\x8b", "GZIP"),
    (b"\x89HDF", "HDF5"),
    (b"\x93NUMPY", "NumPy"),
    (b"<", "HTML or XML"),
    (b"version https://git-lfs", "Git LFS pointer"),
)


@dataclass(frozen=True)
class Source:
    """One image or mask on disk.

    Attributes:
        page: of a multi-page TIFF, or the slice of a volume; None: the whole file.
        axis: of the volume that counts the slices: 0, 1, 2 for z, y, x.
        channels: whether the fourth axis of a volume counts channels (if not, such a volume is refused).
        part: of a volume the slices from z = part[0] to before part[1]; None: all.
        like: the volume that decides how the axes of this one are turned; None: its own header.
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
            return f"{self.path} (slices {self.part[0]} to {self.part[1] - 1})"
        if self.page is None:
            return str(self.path)
        across = f" across {'zyx'[self.axis]}" if self.axis else ""
        return f"{self.path} (page {self.page}{across})"


def read_image(source: Source) -> NDArray[Any]:
    """The image as `(channels, *spatial)` in the file's own numbers (uint8, uint16, int32, float32, ...).

    A multi-page TIFF without a page gives `(channels, pages, height, width)`, a volume `(channels, z, y, x)`.

    Raises:
        IsthmusError: the file is missing, empty, truncated, not what its name says, larger than `MAX_PIXELS`,
            or holds NaN or infinite values.
    """
    image = _read(source, mask=False)
    if image.dtype.kind == "f" and not np.isfinite(image).all():
        bad = image.size - int(np.count_nonzero(np.isfinite(image)))
        raise IsthmusError(
            f"{source}: {bad} of {image.size} pixels are NaN or infinite; replace them, or leave this image "
            "out"
        )
    return image


def read_mask(source: Source) -> NDArray[Any]:
    """The mask as `(*spatial)` integers, exactly the values in the file; `ValueMap` says what they mean.

    Several channels are accepted where they are equal, floating-point values where they are whole numbers to within
    `NEARLY_WHOLE`.

    Raises:
        IsthmusError: as for `read_image`; also a mask in colours or with fractions.
    """
    channels = _read(source, mask=True)
    if channels.dtype.kind == "f":
        rounded = np.rint(channels)
        with np.errstate(invalid="ignore"):  # infinite values are no whole numbers, as NaN is none
            whole = (np.abs(channels - rounded) <= NEARLY_WHOLE) & (np.abs(channels) < np.float64(2**31))
        if not whole.all():
            raise IsthmusError(
                f"{source}: a mask with the value {channels[~whole].flat[0]:g}; masks hold whole numbers, "
                "one a class: threshold it and save it as integers"
            )
        channels = rounded.astype(np.int32)
    tolerance = LOSSY_SPREAD if source.path.suffix.lower() in LOSSY_SUFFIXES else 0
    if len(channels) > 1 and int((channels.max(axis=0) - channels.min(axis=0)).max()) > tolerance:
        raise IsthmusError(
            f"{source}: a mask in colours, which name no class; save it in grey, or with a palette (an index "
            "a class)"
        )
    mask: NDArray[Any] = channels[0]
    return mask


def rounding_error(source: Source) -> float:
    """How far values of a mask that `read_mask` takes are from the whole numbers that it makes of them.

    Raises:
        IsthmusError: as `read_mask`.
    """
    if probe(source)[1].kind != "f":
        return 0.0
    values = _read(source, mask=True)
    return float(np.abs(values - np.rint(values)).max(initial=0.0))


def read_header(source: Source) -> Header:
    """What the header of a file says, its tags included.

    Raises:
        IsthmusError: as for `read_image`, as far as the header tells.
    """
    return _header(source, _kind(source.path))


def pages(path: Path, axes: str = "") -> int:
    """Number of pages: 1, or what a multi-page TIFF holds (thumbnails and pyramid levels do not count).

    Raises:
        IsthmusError: the file is missing, empty, or not what its name says.
    """
    return of_tiff(lambda: tiffs.count(path, axes), path, 1)


def of_tiff(ask: Callable[[], T], path: Path, otherwise: T) -> T:
    """What is asked of a TIFF, or what holds for every other file.

    Raises:
        IsthmusError: the file is missing, empty, damaged, or not what its name says.
    """
    if _kind(path) != "TIFF":
        return otherwise
    try:
        return ask()
    except IsthmusError:
        raise
    except Exception as error:
        raise _damaged(Source(path), "TIFF", error) from error


def probe(source: Source) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape `(channels, *spatial)` and dtype that `read_image` will give, from the header alone.

    Raises:
        IsthmusError: as for `read_image`, as far as the header tells.
    """
    header = read_header(source)
    return header.shape, header.dtype


def _read(source: Source, *, mask: bool) -> NDArray[Any]:
    kind = _kind(source.path)
    header = _header(source, kind)
    if kind == "volume":
        volume = volume_files.read(
            source.path, source.page, source.axis, source.channels, source.like, mask=mask
        )
        return volume if source.part is None else volume[:, slice(*source.part)]
    try:
        if kind == "TIFF":
            return tiffs.read(source.path, source.page, source.axes, mask=mask)
        return rasters.read(source.path, kind, header, mask=mask)
    except IsthmusError:
        raise
    except MemoryError as error:
        raise IsthmusError(f"{source}: {_size(header)} do not fit into memory; cut it into parts") from error
    except Exception as error:
        raise _damaged(source, kind, error) from error


def _header(source: Source, kind: str) -> Header:
    try:
        if kind == "volume":
            header = volume_files.header(source.path, source.page, source.axis, source.channels, source.like)
            if source.part is not None:
                channels, _, *plane = header.shape
                header = Header((channels, source.part[1] - source.part[0], *plane), header.dtype)
        elif kind == "TIFF":
            header = tiffs.header(source.path, source.page, source.axes)
        else:
            header = rasters.header(source.path, kind)
    except IsthmusError:
        raise
    except Exception as error:  # decoders raise whatever they like, and each means that the file is damaged
        raise _damaged(source, kind, error) from error
    if min(header.shape) < 1:
        raise IsthmusError(
            f"{source}: an axis of length {min(header.shape)}; export it again or leave it out"
        )
    if math.prod(header.shape[1:]) > MAX_PIXELS or math.prod(header.shape) > CHANNELS * MAX_PIXELS:
        raise IsthmusError(
            f"{source}: {_size(header)}, more than the {MAX_PIXELS} that are read; cut it into parts, "
            "or leave it out if it should not be so large"
        )
    if kind not in ("TIFF", "volume") and source.page not in (None, 0):
        raise IsthmusError(f"{source}: a {kind} file has one page only, page 0")
    return header


def _kind(path: Path) -> str:
    """The format of a file, on which its name and its first bytes agree."""
    if volume_files.is_volume(path):
        return "volume"
    expected = _KINDS.get(path.suffix.lower())
    if path.is_dir():
        raise IsthmusError(
            f"{path}: a folder without a DICOM series (a single file, such as .dcm, is a picture); name the image in it"
        )
    try:
        with path.open("rb") as file:
            start = file.read(32)
    except (FileNotFoundError, ValueError) as error:  # of a name that no file can have
        raise IsthmusError(f"{path}: no such file") from error
    except OSError as error:
        raise IsthmusError(f"{path}: cannot be opened ({error.strerror}); check its permissions") from error
    if expected is None:
        what = (
            f"'{path.suffix}' is no image format that is read" if path.suffix else "has no ending of an image"
        )
        raise IsthmusError(
            f"{path}: {what} ({', '.join(IMAGE_SUFFIXES)}); convert a picture to PNG, a volume to NIfTI"
        )
    if not start:
        raise IsthmusError(f"{path}: the file is empty (0 bytes); copy it again or leave it out")
    found = next((kind for magic, kind in _MAGIC if start.startswith(magic)), None)
    if found == expected:
        return expected
    for suffix, kind in _KINDS.items():
        if found == kind:
            raise IsthmusError(f"{path}: named {path.suffix} but holds a {kind} image; rename it to {suffix}")
    holds = f"holds a {found} file" if found else "does not begin like an image"
    raise IsthmusError(
        f"{path}: not a {expected} image ({holds}); export it again as PNG or TIFF, or leave it out"
    )


def _damaged(source: Source, kind: str, error: Exception) -> IsthmusError:
    if isinstance(error, OSError) and error.strerror:
        return IsthmusError(
            f"{source}: cannot be read ({error.strerror}); check the disk and its permissions"
        )
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:120]
    return IsthmusError(
        f"{source}: a damaged or truncated {kind} file ({reason}); copy it again or leave it out"
    )


def _size(header: Header) -> str:
    return " x ".join(str(n) for n in reversed(header.shape[1:])) + " pixels"

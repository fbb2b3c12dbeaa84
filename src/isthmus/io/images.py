"""Reads images and masks of every registered format.

An image is `(channels, *spatial)` in the numbers that the file holds, a mask `(*spatial)` of integers. What a format
adds is undone in the same way for images and masks, so that a mask lies on its image as a viewer shows both:

- EXIF and TIFF orientation is applied,
- an alpha channel is dropped (of 16 bits too),
- a palette is looked up: one channel where every entry is a grey, three where not; but a *mask* with a
  coloured palette gives its indices, which is how PASCAL VOC stores classes,
- bilevel files give 0 and 255,
- TIFF's "min is white" and a palette that runs from white to black are inverted in images of unsigned integers,
  which then look as in a viewer; a *mask* keeps its stored numbers, which define the background.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from isthmus.errors import IsthmusError, size_text
from isthmus.io import rasters as _rasters  # noqa: F401 - registers its formats
from isthmus.io import tiff, volumes
from isthmus.io.formats import FORMATS, Header, Picture, Source, damaged, is_lossy, suffix
from isthmus.io.resolution import PixelSize
from isthmus.io.writing import write_image, write_mask

__all__ = [
    "MAX_PIXELS",
    "Source",
    "pages",
    "pixel_size",
    "probe",
    "read_header",
    "read_image",
    "read_mask",
    "rounding_error",
    "write_image",
    "write_mask",
]

T = TypeVar("T")

MAX_PIXELS = 2**29
"""The largest file that is decoded, in pixels (about 23000 x 23000); more counts as a decompression bomb."""

CHANNELS = 16
"""The most channels that a file of `MAX_PIXELS` may have."""

NEARLY_WHOLE = 1e-3
"""Mask values this close to whole numbers are rounded: a scale in the header makes 1.00002 of 1."""

LOSSY_SPREAD = 16
"""The channels of a JPEG mask may differ by this much and still count as equal."""

_FOREIGN = {
    b"GIF8": "GIF",
    b"RIFF": "WebP",
    b"\0\0\0\x0cjP  ": "JPEG 2000",
    b"%PDF": "PDF",
    b"PK\x03\x04": "ZIP",
    b"\x1f\x8b": "GZIP",
    b"\x89HDF": "HDF5",
    b"\x93NUMPY": "NumPy",
    b"<": "HTML or XML",
    b"version https://git-lfs": "Git LFS pointer",
}
"""First bytes of files of other kinds, which messages name."""


def read_image(source: Source) -> NDArray[Any]:
    """Returns the image as `(channels, *spatial)` in the file's own numbers (uint8, uint16, int32, float32, ...).

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
    """Returns the mask as `(*spatial)` integers, exactly the values in the file; `ValueMap` gives them their meaning.

    Several channels are accepted if they are equal, floating-point values if they are whole numbers to within
    `NEARLY_WHOLE`.

    Raises:
        IsthmusError: as for `read_image`; also a mask in colours or with fractions.
    """
    channels = _read(source, mask=True)
    if channels.dtype.kind == "f":
        rounded = np.rint(channels)
        with np.errstate(invalid="ignore"):  # infinite values are not whole numbers, nor is NaN
            whole = (np.abs(channels - rounded) <= NEARLY_WHOLE) & (np.abs(channels) < np.float64(2**31))
        if not whole.all():
            raise IsthmusError(
                f"{source}: a mask with the value {channels[~whole].flat[0]:g}; masks hold whole numbers, "
                "one per class: threshold it and save it as integers"
            )
        channels = rounded.astype(np.int32)
    tolerance = LOSSY_SPREAD if is_lossy(source.path) else 0
    if len(channels) > 1 and int((channels.max(axis=0) - channels.min(axis=0)).max()) > tolerance:
        raise IsthmusError(
            f"{source}: a mask in colours, which do not name classes; save it in grey, or with a palette (one index "
            "per class)"
        )
    mask: NDArray[Any] = channels[0]
    return mask


def rounding_error(source: Source) -> float:
    """Returns how far the values of a mask are from the whole numbers to which `read_mask` rounds them.

    Raises:
        IsthmusError: as `read_mask`.
    """
    if probe(source)[1].kind != "f":
        return 0.0
    values = _read(source, mask=True)
    return float(np.abs(values - np.rint(values)).max(initial=0.0))


def read_header(source: Source) -> Header:
    """Returns what the header of a file states, including its tags.

    Raises:
        IsthmusError: as for `read_image`, as far as the header shows it.
    """
    return _header(source, _picture(source.path))


def probe(source: Source) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Returns the shape `(channels, *spatial)` and dtype that `read_image` will give, from the header alone.

    Raises:
        IsthmusError: as for `read_image`, as far as the header shows it.
    """
    header = read_header(source)
    return header.shape, header.dtype


def pixel_size(source: Source) -> PixelSize | None:
    """Returns the size of a pixel along the axes of what `read_image` gives, in micrometres, as its file states it.

    None: the file states none, or only how large it is shown or printed (`isthmus.io.resolution`), or does not say how
    far the slices of a stack are apart.

    Raises:
        IsthmusError: the file is missing, empty, or not what its name says.
    """
    picture = _picture(source.path)
    if picture is None:
        return volumes.pixel_size(source)
    if picture.pixel_size is None:
        return None
    try:
        return picture.pixel_size(source)
    except IsthmusError:
        raise
    except Exception:  # a damaged header of OME says nothing of the pixels
        return None


def pages(path: Path, axes: str = "") -> int:
    """Returns the number of pages: 1, or what a multi-page TIFF holds without thumbnails and pyramid levels.

    Raises:
        IsthmusError: the file is missing, empty, or not what its name says.
    """
    return of_tiff(lambda: tiff.count(path, axes), path, 1)


def of_tiff(ask: Callable[[], T], path: Path, otherwise: T) -> T:
    """Returns what `ask` finds in a TIFF, or `otherwise` for any other file.

    Raises:
        IsthmusError: the file is missing, empty, damaged, or not what its name says.
    """
    picture = _picture(path)
    if picture is None or picture.name != "TIFF":
        return otherwise
    try:
        return ask()
    except IsthmusError:
        raise
    except Exception as error:
        raise damaged(path, "TIFF", error) from error


def _read(source: Source, *, mask: bool) -> NDArray[Any]:
    picture = _picture(source.path)
    header = _header(source, picture)
    if picture is None:
        return volumes.read(source, mask=mask)
    try:
        whole = picture.read(replace(source, part=None), header, mask)
        return whole if source.part is None else whole[:, slice(*source.part)]
    except IsthmusError:
        raise
    except MemoryError as error:
        size = size_text(header.shape[1:])
        raise IsthmusError(f"{source}: {size} pixels do not fit into memory; cut it into parts") from error
    except Exception as error:
        raise damaged(source, picture.name, error) from error


def _header(source: Source, picture: Picture | None) -> Header:
    """Returns a header whose size is one that can be read."""
    if picture is None:
        header = volumes.header(source)
    else:
        try:
            header = picture.header(source)
        except IsthmusError:
            raise
        except (
            Exception
        ) as error:  # decoders raise all kinds of exceptions, and each means that the file is damaged
            raise damaged(source, picture.name, error) from error
        if not picture.paged and source.page not in (None, 0):
            raise IsthmusError(f"{source}: a {picture.name} file has one page only, page 0")
    if source.part is not None and picture is not None:
        channels, _, *rest = header.shape
        header = replace(header, shape=(channels, source.part[1] - source.part[0], *rest))
    if min(header.shape) < 1:
        raise IsthmusError(
            f"{source}: an axis of length {min(header.shape)}; export it again or leave it out"
        )
    if math.prod(header.shape[1:]) > MAX_PIXELS or math.prod(header.shape) > CHANNELS * MAX_PIXELS:
        raise IsthmusError(
            f"{source}: {size_text(header.shape[1:])} pixels, more than the {MAX_PIXELS} that are read; cut it into "
            "parts, or leave it out if it should not be so large"
        )
    return header


def _picture(path: Path) -> Picture | None:
    """Returns the format of a picture, on which its name and its first bytes must agree; None for a volume."""
    if volumes.is_volume(path):
        return None
    if path.is_dir():
        raise IsthmusError(
            f"{path}: a folder without a DICOM series (a single file, such as .dcm, is a picture); give the image in it"
        )
    try:
        with path.open("rb") as file:
            start = file.read(32)
    except (FileNotFoundError, ValueError) as error:  # ValueError: no file can have such a name
        raise IsthmusError(f"{path}: no such file") from error
    except OSError as error:
        raise IsthmusError(f"{path}: cannot be opened ({error.strerror}); check its permissions") from error
    expected = _named_format(path)
    if not start:
        raise IsthmusError(f"{path}: the file is empty (0 bytes); copy it again or leave it out")
    if not expected.signatures or start.startswith(expected.signatures):
        return expected
    for ending, format in FORMATS.items():
        if isinstance(format, Picture) and start.startswith(format.signatures or (b"\0" * 33,)):
            raise IsthmusError(
                f"{path}: named {path.suffix} but holds a {format.name} image; rename it to {ending}"
            )
    found = next((kind for signature, kind in _FOREIGN.items() if start.startswith(signature)), None)
    holds = f"holds a {found} file" if found else "does not begin like an image"
    raise IsthmusError(
        f"{path}: not a {expected.name} image ({holds}); export it again as PNG or TIFF, or leave it out"
    )


def _named_format(path: Path) -> Picture:
    """Returns the format of pictures that the suffix of a file names."""
    ending, cure = suffix(path), "convert a picture to PNG, a volume to NIfTI"
    if not ending:
        raise IsthmusError(f"{path}: has no suffix of an image format ({', '.join(FORMATS)}); {cure}")
    try:
        return cast(Picture, FORMATS.find(ending, str(path)))  # volumes are found by `is_volume`
    except IsthmusError as error:
        raise IsthmusError(f"{error}; {cure}") from error

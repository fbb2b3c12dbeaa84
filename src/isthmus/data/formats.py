"""Image files in, arrays out, and back: the one place that knows how pixels lie in a file.

Whatever the file, an image is `(channels, *spatial)` in the numbers that the file holds, a mask `(*spatial)` of
integers. What the formats add is undone here, the same way for images and masks, so that a mask always lies on its
image as a viewer shows it:

- EXIF and TIFF orientation is applied,
- an alpha channel is dropped (16 bits too),
- a palette is looked up: to one channel where every entry is a grey, to three where not; a *mask* with a coloured
  palette gives the indices, as PASCAL VOC stores its classes,
- bilevel files give 0 and 255, and TIFF's "min is white" is turned round, as every viewer does.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.data import rasters, tiffs
from isthmus.data.rasters import Header
from isthmus.data.writing import write_image, write_mask
from isthmus.errors import IsthmusError

__all__ = [
    "IMAGE_SUFFIXES",
    "MAX_PIXELS",
    "Source",
    "pages",
    "probe",
    "read_image",
    "read_mask",
    "write_image",
    "write_mask",
]

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")
"""Suffixes that are read, in lower case; upper case is accepted too."""

LOSSY_SUFFIXES = (".jpg", ".jpeg")

MAX_PIXELS = 2**30
"""The largest image that is decoded, in pixels (32768 x 32768): beyond it a file is taken for a decompression bomb."""

_KINDS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".bmp": "BMP", ".tif": "TIFF", ".tiff": "TIFF"}
_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"GIF8", "GIF"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (b"%PDF", "PDF"),
    (b"PK\x03\x04", "ZIP"),
    (b"\x1f\x8b", "GZIP"),
    (b"\x89HDF", "HDF5"),
    (b"\x93NUMPY", "NumPy"),
    (b"<!DOCTYPE", "HTML"),
    (b"<html", "HTML"),
    (b"version https://git-lfs", "Git LFS pointer"),
)


@dataclass(frozen=True)
class Source:
    """One image or mask on disk: a file, or one page of a multi-page TIFF (`None`: the whole file)."""

    path: Path
    page: int | None = None

    def __str__(self) -> str:
        return str(self.path) if self.page is None else f"{self.path} (page {self.page})"


def read_image(source: Source) -> NDArray[Any]:
    """The image as `(channels, *spatial)` in the file's own numbers (uint8, uint16, int32, float32, ...).

    A multi-page TIFF without a page gives `(channels, pages, height, width)`.

    Raises:
        IsthmusError: the file is missing, empty, truncated, not what its name says, larger than `MAX_PIXELS`, or
            holds NaN or infinite values.
    """
    image = _read(source, mask=False)
    if image.dtype.kind == "f" and not np.isfinite(image).all():
        bad = int(image.size - np.count_nonzero(np.isfinite(image)))
        raise IsthmusError(
            f"{source}: {bad} of {image.size} pixels are NaN or infinite; replace them by numbers or leave this image out"
        )
    return image


def read_mask(source: Source) -> NDArray[Any]:
    """The mask as `(*spatial)` integers, exactly the values in the file; `ValueMap` says what they mean.

    Several channels are accepted where they are equal, floating-point values where they are whole numbers.

    Raises:
        IsthmusError: as for `read_image`; also a mask in colours or with fractions.
    """
    mask = _read(source, mask=True)
    if any(not np.array_equal(mask[0], channel) for channel in mask[1:]):
        raise IsthmusError(
            f"{source}: a mask in colours, which name no class; save it with one channel (grey values or a palette)"
        )
    mask = mask[0]
    if mask.dtype.kind == "f":
        whole = np.isfinite(mask) & (mask == np.rint(mask)) & (np.abs(mask) < 2**31)
        if not whole.all():
            example = mask[~whole].flat[0]
            raise IsthmusError(
                f"{source}: a mask with the value {example:g}; a mask holds whole numbers, one per class: "
                "threshold it and save it as integers"
            )
        mask = mask.astype(np.int32)
    return mask


def pages(path: Path) -> int:
    """Number of pages: 1, or what a multi-page TIFF holds (thumbnails and pyramid levels do not count)."""
    return tiffs.count(path) if _kind(path) == "TIFF" else 1


def probe(source: Source) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape `(channels, *spatial)` and dtype that `read_image` will give, from the header alone."""
    header = _header(source)
    return header.shape, header.dtype


def _header(source: Source) -> Header:
    kind = _kind(source.path)
    try:
        if kind == "TIFF":
            header = tiffs.header(source.path, source.page)
        else:
            header = rasters.header(source.path, kind)
    except IsthmusError:
        raise
    except Exception as error:  # decoders raise whatever they like; each means that the file is damaged
        raise _damaged(source, kind, error) from error
    height, width = header.shape[-2:]
    if height * width > MAX_PIXELS:
        raise IsthmusError(
            f"{source}: {width} x {height} pixels, more than the {MAX_PIXELS} that are read; "
            "cut it into parts, or check that the file is what you think"
        )
    if kind != "TIFF" and source.page not in (None, 0):
        raise IsthmusError(f"{source}: a {kind} file has one page only")
    return header


def _read(source: Source, *, mask: bool) -> NDArray[Any]:
    header = _header(source)
    kind = _kind(source.path)
    try:
        if kind == "TIFF":
            return tiffs.read(source.path, source.page, mask=mask)
        return rasters.read(source.path, kind, header, mask=mask)
    except IsthmusError:
        raise
    except MemoryError as error:
        raise IsthmusError(
            f"{source}: {header.shape} pixels do not fit into memory; cut it into parts"
        ) from error
    except Exception as error:
        raise _damaged(source, kind, error) from error


def _kind(path: Path) -> str:
    """The format of a file, which its name and its first bytes agree on."""
    expected = _KINDS.get(path.suffix.lower())
    if expected is None:
        known = ", ".join(IMAGE_SUFFIXES)
        raise IsthmusError(f"{path}: the suffix '{path.suffix}' is no image format read here ({known})")
    try:
        with path.open("rb") as file:
            start = file.read(32)
    except FileNotFoundError as error:
        raise IsthmusError(f"{path}: no such file") from error
    except OSError as error:
        raise IsthmusError(
            f"{path}: cannot be opened ({error.strerror}); check the path and its permissions"
        ) from error
    if not start:
        raise IsthmusError(f"{path}: the file is empty (0 bytes); copy it again or leave it out")
    found = next((kind for magic, kind in _MAGIC if start.startswith(magic)), None)
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        found = "WebP"
    if found == expected:
        return expected
    if found in _KINDS.values():
        raise IsthmusError(
            f"{path}: named {path.suffix} but holds a {found} image; rename it to .{_suffix(found)}"
        )
    holds = f"holds a {found} file" if found else "does not start like an image"
    raise IsthmusError(
        f"{path}: not a {expected} image ({holds}); export it again as PNG or TIFF, or leave it out"
    )


def _suffix(kind: str) -> str:
    return {"PNG": "png", "JPEG": "jpg", "BMP": "bmp", "TIFF": "tif"}[kind]


def _damaged(source: Source, kind: str, error: Exception) -> IsthmusError:
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return IsthmusError(
        f"{source}: a damaged or truncated {kind} file ({reason}); copy it again or leave it out"
    )

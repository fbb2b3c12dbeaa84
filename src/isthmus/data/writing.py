"""Pixels to files, whole or not at all: encoded in memory, written aside, then renamed."""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import tifffile
from numpy.typing import NDArray

from isthmus.errors import IsthmusError


def write_mask(path: Path, mask: NDArray[Any]) -> None:
    """Write `(height, width)` integers as PNG (uint8, uint16), or as TIFF of any integer type and of stacks.

    Raises:
        IsthmusError: a suffix that is not lossless, values that PNG cannot hold, or a disk that takes no more.
    """
    if mask.dtype == bool:
        mask = mask.astype(np.uint8)
    _write(path, mask)


def write_image(path: Path, image: NDArray[Any]) -> None:
    """Write `(channels, *spatial)`, 1 or 3 channels, as PNG (uint8, uint16) or TIFF (any number type).

    Raises:
        IsthmusError: as `write_mask`.
    """
    _write(path, image[0] if image.shape[0] == 1 else np.moveaxis(image, 0, -1))


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all; folders on the way are made.

    Raises:
        IsthmusError: the file cannot be written (full disk, no permission); nothing is left behind.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with aside.open("wb") as file:
            file.write(content)
        os.replace(aside, path)
    except OSError as error:
        raise IsthmusError(
            f"{path}: cannot be written ({error.strerror or error}); free some space or choose another folder"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)


def _write(path: Path, pixels: NDArray[Any]) -> None:
    suffix = path.suffix.lower()
    pixels = np.ascontiguousarray(pixels)
    if suffix == ".png":
        if pixels.dtype not in (np.uint8, np.uint16) or not (pixels.ndim == 2 or pixels.shape[2:] == (3,)):
            raise IsthmusError(f"{path}: PNG cannot hold {pixels.dtype} of shape {pixels.shape}; choose .tif")
        write_bytes(path, imagecodecs.png_encode(pixels, level=6))
    elif suffix in (".tif", ".tiff"):
        colour = pixels.ndim > 2 and pixels.shape[-1] == 3 and pixels.dtype.kind == "u"
        buffer = io.BytesIO()
        photometric = "rgb" if colour else "minisblack"
        tifffile.imwrite(buffer, pixels, compression="deflate", photometric=photometric)
        write_bytes(path, buffer.getvalue())
    else:
        raise IsthmusError(f"{path}: masks and images are written without loss as .png or .tif only")

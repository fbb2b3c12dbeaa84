"""Pixels to files, whole or not at all: encoded in memory, then written at once."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import tifffile
from numpy.typing import NDArray

from isthmus.errors import IsthmusError
from isthmus.files import write_bytes


def write_mask(path: Path, mask: NDArray[Any]) -> None:
    """Write `(height, width)` as PNG (bool, uint8, uint16), or `(*spatial)` of any number type as TIFF.

    Raises:
        IsthmusError: a suffix that is not lossless, values that PNG cannot hold, or a disk that takes no
            more.
    """
    write_image(path, mask[None])


def write_image(path: Path, image: NDArray[Any]) -> None:
    """Write `(channels, *spatial)` as PNG (1 or 3 channels, bool, uint8, uint16) or TIFF (any number type).

    A TIFF of three channels of unsigned integers is RGB; other channels become pages, named as channels
    (which `read_image` recognises up to 4).

    Raises:
        IsthmusError: as `write_mask`.
    """
    channels, spatial = image.shape[0], image.shape[1:]
    if image.dtype == bool:
        image = image.astype(np.uint8)
    suffix = path.suffix.lower()
    if suffix == ".png":
        if image.dtype not in (np.uint8, np.uint16) or channels not in (1, 3) or len(spatial) != 2:
            size = " x ".join(str(n) for n in image.shape)
            raise IsthmusError(f"{path}: PNG cannot hold {size} pixels of type {image.dtype}; choose .tif")
        pixels = image[0] if channels == 1 else np.moveaxis(image, 0, -1)
        content = imagecodecs.png_encode(np.ascontiguousarray(pixels), level=6)
    elif suffix in (".tif", ".tiff"):
        content = _tiff(image)
    else:
        raise IsthmusError(f"{path}: masks and images are written without loss, as .png or .tif")
    write_bytes(path, bytes(content))


def _tiff(image: NDArray[Any]) -> bytes:
    depth = "Z" * (image.ndim - 3)
    if image.shape[0] == 1:
        pixels, axes, photometric = image[0], f"{depth}YX", "minisblack"
    elif image.shape[0] == 3 and image.dtype.kind == "u":
        pixels, axes, photometric = np.moveaxis(image, 0, -1), f"{depth}YXS", "rgb"
    else:
        pixels, axes, photometric = image, f"C{depth}YX", "minisblack"
    file = io.BytesIO()
    pixels = np.ascontiguousarray(pixels)
    tifffile.imwrite(file, pixels, compression="deflate", photometric=photometric, metadata={"axes": axes})
    return file.getvalue()

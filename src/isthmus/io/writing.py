"""Writes images and masks without loss, in the format that the suffix of the path names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.errors import IsthmusError
from isthmus.io import rasters as _rasters  # noqa: F401 - registers its formats
from isthmus.io import tiff as _tiff  # noqa: F401
from isthmus.io.formats import FORMATS, Picture, suffix
from isthmus.io.resolution import PixelSize


def write_mask(path: Path, mask: NDArray[Any], pixel_size: PixelSize | None = None) -> None:
    """Writes `(height, width)` as PNG (bool, uint8, uint16), or `(*spatial)` of any number type as TIFF.

    Args:
        path: the file.
        mask: the values.
        pixel_size: micrometres along (rows, columns); None: unknown.

    Raises:
        IsthmusError: a suffix of no format that is written, values that PNG cannot hold, or a failure of the disk.
    """
    write_image(path, mask[None], pixel_size)


def write_image(path: Path, image: NDArray[Any], pixel_size: PixelSize | None = None) -> None:
    """Writes `(channels, *spatial)` as PNG (1 or 3 channels, bool, uint8, uint16) or TIFF (any number type).

    A TIFF of three channels of unsigned integers is RGB; other channels become pages, named as channels
    (which `read_image` recognises up to 4). Formats that cannot state the size of a pixel leave it out.

    Raises:
        IsthmusError: as `write_mask`.
    """
    format = FORMATS.get(suffix(path))
    if not isinstance(format, Picture) or format.write is None:
        known = ", ".join(each for each, f in FORMATS.items() if isinstance(f, Picture) and f.write)
        raise IsthmusError(
            f"{path}: masks and images are written without loss, as {known}; change the suffix"
        )
    stated = () if pixel_size is None or format.pixel_size is None else (pixel_size,)
    format.write(path, image.astype(np.uint8) if image.dtype == bool else image, *stated)

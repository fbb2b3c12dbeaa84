"""Makers of small images and tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

PIXELS = np.zeros((4, 5), np.uint8)


def touch(path: Path, pages: int = 1) -> Path:
    """Writes an image of zeros, with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix.lower() in (".tif", ".tiff"):
        tifffile.imwrite(
            path, np.zeros((pages, 4, 5), np.uint8) if pages > 1 else PIXELS, photometric="minisblack"
        )
    else:
        Image.fromarray(PIXELS).save(path)
    return path


def table(path: Path, *lines: str, encoding: str = "utf-8") -> Path:
    """Writes a CSV of these lines."""
    path.write_text("\n".join(lines) + "\n", encoding=encoding)
    return path

"""Pictures as the bytes of their files."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np

from isthmus.io.writing import write_image

SHAPE = (1, 40, 52)


def noise(shape: tuple[int, ...] = SHAPE, seed: int = 0, dtype: str = "uint8") -> np.ndarray:
    top = 255 if np.dtype(dtype).itemsize == 1 else 4000
    return np.random.default_rng(seed).integers(0, top, shape).astype(dtype)


def file_of(folder: Path, image: np.ndarray, suffix: str = ".png") -> bytes:
    """An image as PNG or TIFF."""
    path = folder / f"made{suffix}"
    write_image(path, image)
    content = path.read_bytes()
    path.unlink()
    return content


def claiming(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header states a size."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checked = kind + content
        return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )

"""PNG, JPEG and BMP: formats of one picture per file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import BmpImagePlugin, Image, ImageFile, JpegImagePlugin, PngImagePlugin

_OPEN: dict[str, type[ImageFile.ImageFile]] = {
    "PNG": PngImagePlugin.PngImageFile,
    "JPEG": JpegImagePlugin.JpegImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
}
"""The classes behind `Image.open`, which would add a size limit of its own for the whole process."""

_ORIENTATION = 274
_MODES = {
    "1": "L",
    "LA": "L",
    "La": "L",
    "RGBA": "RGB",
    "RGBa": "RGB",
    "RGBX": "RGB",
    "CMYK": "RGB",
    "YCbCr": "RGB",
}


@dataclass(frozen=True)
class Header:
    """What can be told of a file without decoding it."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    orientation: int = 1


def header(path: Path, kind: str) -> Header:
    """Shape as `read` gives it, `(channels, height, width)` after orientation, and dtype."""
    with path.open("rb") as file:
        picture = _OPEN[kind](file)
        orientation = int(picture.getexif().get(_ORIENTATION, 1))
        deep = _is_deep(path, kind)
        channels = _channels(picture, deep)
        width, height = picture.size
    if 5 <= orientation <= 8:
        width, height = height, width
    return Header((channels, height, width), np.dtype(np.uint16 if deep else np.uint8), orientation)


def read(path: Path, kind: str, head: Header, *, mask: bool) -> NDArray[Any]:
    """The pixels `(channels, height, width)`: uint16 for a PNG of 16 bits, uint8 else."""
    if head.dtype == np.uint16:  # Pillow reads 16-bit colour as 8 bits
        pixels: NDArray[Any] = imagecodecs.png_decode(path.read_bytes())
        pixels = pixels[..., None] if pixels.ndim == 2 else pixels
        pixels = pixels[..., : head.shape[0]]
    else:
        with path.open("rb") as file:
            picture: Image.Image = _OPEN[kind](file)
            picture.load()
            if picture.mode in ("P", "PA"):
                grey = _has_grey_palette(picture)
                if mask and not grey:
                    picture = picture if picture.mode == "P" else picture.getchannel(0)
                else:
                    picture = picture.convert("RGB").convert("L") if grey else picture.convert("RGB")
            else:
                picture = picture.convert(_MODES.get(picture.mode, picture.mode))
            pixels = np.array(picture, dtype=np.uint8)
        pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    return orient(np.ascontiguousarray(np.moveaxis(pixels, -1, 0)), head.orientation)


def orient(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn `(..., height, width)` as the EXIF or TIFF orientation tag (1 to 8) asks for."""
    if orientation in (5, 6, 7, 8):
        pixels = np.swapaxes(pixels, -1, -2)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[..., ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[..., ::-1, :]
    return np.ascontiguousarray(pixels)


def _is_deep(path: Path, kind: str) -> bool:
    """Whether a PNG stores 16 bits per channel (byte 24, in its first chunk)."""
    if kind != "PNG":
        return False
    with path.open("rb") as file:
        return file.read(25)[24:] == b"\x10"


def _channels(picture: Image.Image, deep: bool) -> int:
    if picture.mode in ("P", "PA"):
        return 1 if _has_grey_palette(picture) else 3
    if deep:
        return 3 if picture.mode in ("RGB", "RGBA") else 1
    return len(Image.new(_MODES.get(picture.mode, picture.mode), (1, 1)).getbands())


def _has_grey_palette(picture: Image.Image) -> bool:
    entries = np.array(picture.getpalette("RGB") or [], dtype=np.uint8).reshape(-1, 3)
    return bool((entries == entries[:, :1]).all())

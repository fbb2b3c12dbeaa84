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
"""The classes behind `Image.open`, which would apply a size limit that holds for the whole process."""

_ORIENTATION = 274
_MODES = {"1": "L", "LA": "L", "RGBA": "RGB", "RGBX": "RGB", "CMYK": "RGB", "YCbCr": "RGB"}
"""Pillow's mode -> the mode it is read as: without alpha, in grey or RGB."""

_PNG_CHANNELS = {0: 1, 2: 3, 4: 1, 6: 3}
"""Colour type in a PNG's header -> channels without alpha."""


@dataclass(frozen=True)
class Header:
    """What can be told of a file without decoding it.

    Attributes:
        orientation: the tag of EXIF or TIFF, which is applied.
        inverted: whether a tag or a palette makes viewers show large numbers dark. Images are read as they are shown,
            masks in their stored numbers.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    orientation: int = 1
    inverted: bool = False


def header(path: Path, kind: str) -> Header:
    """Shape as `read` gives it, `(channels, height, width)` after orientation, and dtype."""
    with path.open("rb") as file:
        start = file.read(26)
        file.seek(0)
        picture = _OPEN[kind](file)
        orientation = _orientation(picture)
        deep = kind == "PNG" and start[24] == 16  # bits per channel
        inverted = picture.mode == "P" and inverting(_palette(picture))
        if picture.mode == "P":
            channels = 1 if _is_grey(_palette(picture)) else 3
        elif deep:
            channels = _PNG_CHANNELS[start[25]]
        else:
            channels = Image.getmodebands(_MODES.get(picture.mode, picture.mode))
        width, height = picture.size
    if orientation >= 5:
        width, height = height, width
    return Header((channels, height, width), np.dtype(np.uint16 if deep else np.uint8), orientation, inverted)


def read(path: Path, kind: str, head: Header, *, mask: bool) -> NDArray[Any]:
    """The pixels `(channels, height, width)`: uint16 for a PNG of 16 bits, uint8 else."""
    if head.dtype == np.uint16:  # Pillow would read 16-bit colour as 8 bits
        pixels: NDArray[Any] = imagecodecs.png_decode(path.read_bytes())
        pixels = pixels.reshape(*pixels.shape[:2], -1)[..., : head.shape[0]]
    else:
        with path.open("rb") as file:
            picture: Image.Image = _OPEN[kind](file)
            palette = _palette(picture) if picture.mode == "P" else None
            picture.load()
            if palette is None:
                pixels = np.array(picture.convert(_MODES.get(picture.mode, picture.mode)), dtype=np.uint8)
            else:
                indices = np.array(picture, dtype=np.uint8)
                pixels = indices if mask and head.inverted else look_up(indices, palette, mask=mask)
        pixels = pixels.reshape(*pixels.shape[:2], -1)
    return orient(np.moveaxis(pixels, -1, 0), head.orientation)


def look_up(indices: NDArray[Any], palette: NDArray[np.uint8], *, mask: bool) -> NDArray[Any]:
    """Palette indices `(...)` to greys `(...)` or colours `(..., 3)`; a mask in colours keeps its indices."""
    if _is_grey(palette):
        return np.asarray(palette[indices, 0])
    return indices if mask else np.asarray(palette[indices])


def orient(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn `(..., height, width)` as the EXIF or TIFF orientation tag (1 to 8) asks for."""
    if orientation in (5, 6, 7, 8):
        pixels = np.swapaxes(pixels, -1, -2)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[..., ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[..., ::-1, :]
    return np.ascontiguousarray(pixels)


def _orientation(picture: ImageFile.ImageFile) -> int:
    """1 to 8; a file whose EXIF block is damaged is read as it lies."""
    try:
        found = int(picture.getexif().get(_ORIENTATION, 1))
    except Exception:  # the EXIF parser raises whatever it likes; the pixels are none the worse
        return 1
    return found if 1 <= found <= 8 else 1


def _palette(picture: Image.Image) -> NDArray[np.uint8]:
    """256 entries `(256, 3)`, black where the file has fewer."""
    entries = np.array(picture.getpalette("RGB") or [], dtype=np.uint8).reshape(-1, 3)
    return np.concatenate([entries, np.zeros((256 - len(entries), 3), np.uint8)])


def inverting(palette: NDArray[np.uint8]) -> bool:
    """Whether a palette is a full ramp from white to black, as ImageJ's inverting look-up table; a short list of greys
    is none, for the programs that write it put them in any order.

    >>> inverting(np.repeat(np.arange(255, -1, -1, np.uint8)[:, None], 3, 1))
    True
    """
    for entries in (16, 256):
        ramp = np.linspace(255, 0, entries).round()
        if (
            len(palette) >= entries
            and (palette[:entries] == ramp[:, None]).all()
            and not palette[entries:].any()
        ):
            return True
    return False


def from_cmyk(pixels: NDArray[Any]) -> NDArray[Any]:
    """Inks `(pages, 4, height, width)` of unsigned integers, 0 being none, to red, green and blue, as Pillow does."""
    full = int(np.iinfo(pixels.dtype).max)
    paper = full - pixels.astype(np.uint64)
    return np.asarray((paper[:, :3] * paper[:, 3:] + full // 2) // full, pixels.dtype)


def _is_grey(palette: NDArray[np.uint8]) -> bool:
    return bool((palette == palette[:, :1]).all())

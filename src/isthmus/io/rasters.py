"""PNG, JPEG and BMP: formats of one picture per file."""

from __future__ import annotations

import struct
import zlib
from functools import partial
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import BmpImagePlugin, Image, ImageFile, JpegImagePlugin, PngImagePlugin

from isthmus.errors import IsthmusError
from isthmus.files import write_bytes
from isthmus.io.formats import Header, Picture, Source, register_format
from isthmus.io.resolution import INCH, PixelSize, by_resolution

_OPEN: dict[str, type[ImageFile.ImageFile]] = {
    "PNG": PngImagePlugin.PngImageFile,
    "JPEG": JpegImagePlugin.JpegImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
}
"""The classes behind `Image.open`, whose size limit would hold for the whole process."""

_ORIENTATION = 274
_MODES = {"1": "L", "LA": "L", "RGBA": "RGB", "RGBX": "RGB", "CMYK": "RGB", "YCbCr": "RGB"}
"""The mode in which each of Pillow's modes is read: without alpha, in grey or RGB."""

_PNG_HEADER = 33
"""The bytes of a PNG up to the end of its first chunk."""

_PNG_CHANNELS = {0: 1, 2: 3, 4: 1, 6: 3}
"""The number of channels without alpha for each colour type in the header of a PNG."""


def header(kind: str, source: Source) -> Header:
    """Returns the shape that `read` gives, `(channels, height, width)` after orientation, and the dtype."""
    with source.path.open("rb") as file:
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


def read(kind: str, source: Source, head: Header, mask: bool) -> NDArray[Any]:
    """Returns the pixels `(channels, height, width)`: uint16 for a PNG of 16 bits, otherwise uint8."""
    if head.dtype == np.uint16:  # Pillow would read 16-bit colour as 8 bits
        pixels: NDArray[Any] = imagecodecs.png_decode(source.path.read_bytes())
        pixels = pixels.reshape(*pixels.shape[:2], -1)[..., : head.shape[0]]
    else:
        with source.path.open("rb") as file:
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


def png_pixel_size(source: Source) -> PixelSize | None:
    """Returns the size of a pixel from the chunk pHYs, unless that is a setting for screens or printers."""
    with source.path.open("rb") as file:
        picture = _OPEN["PNG"](file)
        dots = picture.info.get("dpi")
        turned = _orientation(picture) >= 5
    return None if dots is None else by_resolution(dots if turned else dots[::-1], INCH)


def write_png(path: Path, image: NDArray[Any], size: PixelSize | None = None) -> None:
    """Writes `(channels, height, width)` of 1 or 3 channels, uint8 or uint16.

    Raises:
        IsthmusError: PNG cannot hold the array, or the disk fails.
    """
    channels, spatial = image.shape[0], image.shape[1:]
    if image.dtype not in (np.uint8, np.uint16) or channels not in (1, 3) or len(spatial) != 2:
        sides = " x ".join(str(n) for n in image.shape)
        raise IsthmusError(f"{path}: PNG cannot hold {sides} pixels of type {image.dtype}; choose .tif")
    pixels = image[0] if channels == 1 else np.moveaxis(image, 0, -1)
    content = bytes(imagecodecs.png_encode(np.ascontiguousarray(pixels), level=6))
    write_bytes(path, content if size is None else _with_size(content, size))


def look_up(indices: NDArray[Any], palette: NDArray[np.uint8], *, mask: bool) -> NDArray[Any]:
    """Turns palette indices `(...)` into greys `(...)` or colours `(..., 3)`; a mask in colours keeps its indices."""
    if _is_grey(palette):
        return np.asarray(palette[indices, 0])
    return indices if mask else np.asarray(palette[indices])


def orient(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turns `(..., height, width)` as the EXIF or TIFF orientation tag (1 to 8) states."""
    if orientation in (5, 6, 7, 8):
        pixels = np.swapaxes(pixels, -1, -2)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[..., ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[..., ::-1, :]
    return np.ascontiguousarray(pixels)


def _orientation(picture: ImageFile.ImageFile) -> int:
    """Returns the EXIF orientation, 1 to 8; 1 where the EXIF block is damaged."""
    try:
        found = int(picture.getexif().get(_ORIENTATION, 1))
    except Exception:  # the EXIF parser raises all kinds of exceptions, which do not affect the pixels
        return 1
    return found if 1 <= found <= 8 else 1


def _with_size(content: bytes, size: PixelSize) -> bytes:
    """Returns a PNG with the size of a pixel, as whole pixels per metre, behind its header; without, if none fits."""
    rows, columns = (round(1e6 / step) for step in size[-2:])
    if not 0 < min(rows, columns) <= max(rows, columns) < 2**31:
        return content
    chunk = b"pHYs" + struct.pack(">IIB", columns, rows, 1)
    return (
        content[:_PNG_HEADER]
        + struct.pack(">I", 9)
        + chunk
        + struct.pack(">I", zlib.crc32(chunk))
        + content[_PNG_HEADER:]
    )


def _palette(picture: Image.Image) -> NDArray[np.uint8]:
    """Returns 256 entries `(256, 3)`, black where the file has fewer."""
    entries = np.array(picture.getpalette("RGB") or [], dtype=np.uint8).reshape(-1, 3)
    return np.concatenate([entries, np.zeros((256 - len(entries), 3), np.uint8)])


def inverting(palette: NDArray[np.uint8]) -> bool:
    """Returns whether a palette `(entries, 3)` is a full ramp from white to black, as ImageJ's inverting look-up table.

    A short list of greys is not, because the programs that write one use any order.

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
    """Turns inks `(pages, 4, height, width)` of unsigned integers, where 0 is no ink, into RGB as Pillow does."""
    full = int(np.iinfo(pixels.dtype).max)
    paper = full - pixels.astype(np.uint64)
    return np.asarray((paper[:, :3] * paper[:, 3:] + full // 2) // full, pixels.dtype)


def _is_grey(palette: NDArray[np.uint8]) -> bool:
    return bool((palette == palette[:, :1]).all())


def _register(suffixes: tuple[str, ...], kind: str, signature: bytes, **facts: Any) -> None:
    reader = Picture(kind, partial(header, kind), partial(read, kind), signatures=(signature,), **facts)
    register_format(suffixes, reader)


_register((".png",), "PNG", b"\x89PNG\r\n\x1a\n", write=write_png, pixel_size=png_pixel_size)
_register((".jpg", ".jpeg"), "JPEG", b"\xff\xd8\xff", lossy=True)
_register((".bmp",), "BMP", b"BM")

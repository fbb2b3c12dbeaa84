"""Reads and writes TIFF: any depth and compression, one or many pages, channels in pixels, planes or pages.

A letter names each axis of the array in a file (`isthmus.io.tiff_axes` chooses them): Y, X and S (samples of a pixel)
as usual, C for channels; any other axis counts pages.
"""

from __future__ import annotations

import io
import logging
import math
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import tifffile
from numpy.typing import NDArray

from isthmus.errors import IsthmusError, few
from isthmus.files import write_bytes
from isthmus.io.formats import Header, Picture, Source, register_format
from isthmus.io.rasters import from_cmyk, inverting, look_up, orient
from isthmus.io.resolution import PixelSize
from isthmus.io.tiff_resolution import stated_size, tags_of_size

logging.getLogger("tifffile").addHandler(
    logging.NullHandler()
)  # its warnings are not for the user's terminal

_ALPHA = (1, 2)  # ExtraSamples: associated and unassociated alpha
_MIN_IS_WHITE, _RGB, _PALETTE, _CMYK, _YCBCR = 0, 2, 3, 5, 6  # PhotometricInterpretation
_JPEG = (6, 7, 34892)  # compressions whose decoder makes RGB of YCbCr
_READ = (*range(7), 34892)  # and LinearRaw
_ORIENTATION = 274


@dataclass(frozen=True)
class _Stack:
    """Pages of one size: a series of tifffile, with a letter for each axis but S; "": the names in the file.

    In the latter case a lone axis C longer than 4 counts pages, because writers use C for stacks without named axes.
    """

    series: Any
    letters: str = ""

    @property
    def axes(self) -> str:
        """The axes, with `P` for each axis of pages and `S` for each of channels."""
        given = iter(self.letters)
        names = [axis if axis == "S" or not self.letters else next(given) for axis in self.series.axes]
        others = len(set(names) - {"Y", "X", "S", "C"})
        kinds = {"Y": "Y", "X": "X", "S": "S", "C": "S"}
        sizes = zip(names, self.series.shape, strict=True)
        doubtful = not self.letters and not others
        return "".join(
            "P" if doubtful and axis == "C" and n > 4 else kinds.get(axis, "P") for axis, n in sizes
        )

    @property
    def first(self) -> Any:
        """The first page, whose tags apply to all pages."""
        return self.series.keyframe

    @property
    def pages(self) -> int:
        return self._extent("P")

    @property
    def channels(self) -> int:
        """The number of channels as stored, including alpha."""
        return self._extent("S")

    @property
    def size(self) -> tuple[int, int]:
        return self._extent("Y"), self._extent("X")

    @property
    def orientation(self) -> int:
        tag = self.first.tags.get(_ORIENTATION)
        return int(tag.value) if tag is not None and 1 <= int(tag.value) <= 8 else 1

    @property
    def inverted(self) -> bool:
        """Whether viewers show large numbers dark, because of the photometric tag or an inverting palette."""
        return self.first.photometric == _MIN_IS_WHITE or (
            self.palette is not None and inverting(self.palette[: 2**self.first.bitspersample])
        )

    @property
    def colour_channels(self) -> list[int]:
        """The channels without alpha, as indices into the joined axes of channels."""
        inside = "S" in self.series.axes
        samples = self.first.samplesperpixel if inside else 1
        extra = tuple(self.first.extrasamples or ()) if inside else ()
        colours = samples - len(extra)
        if self.first.photometric == _RGB and samples == 4 and not extra:
            colours, extra = 3, (_ALPHA[0],)  # some writers do not state what the fourth sample is
        alpha = {colours + place for place, kind in enumerate(extra) if kind in _ALPHA}
        places = [place for place in range(self.channels) if place % samples not in alpha]
        return places or [0]

    @property
    def colours(self) -> int:
        """The number of channels as read: without alpha, and three for CMYK."""
        found = len(self.colour_channels)
        return found - (self.first.photometric == _CMYK and found == 4)

    @property
    def palette(self) -> NDArray[np.uint8] | None:
        """The palette `(entries, 3)`, uint8; TIFF stores it in 16 bits, some writers in 8."""
        if self.first.photometric != _PALETTE or self.first.colormap is None:
            return None
        colours = np.asarray(self.first.colormap).T
        return (colours >> 8 if colours.max(initial=0) > 255 else colours).astype(np.uint8)

    def _extent(self, kind: str) -> int:
        return math.prod(n for axis, n in zip(self.axes, self.series.shape, strict=True) if axis == kind)


def count(path: Path, letters: str = "") -> int:
    """Returns the number of pages, without thumbnails and pyramid levels."""
    with _opened(path) as tiff:
        return sum(stack.pages for stack in _stacks(tiff, path, letters))


def named(path: Path) -> list[tuple[str, tuple[int, ...]]]:
    """Returns the names and lengths of the axes of each array in a file, without samples of a pixel.

    Q and I stand for axes that the file does not name.
    """
    with _opened(path) as tiff:
        return [
            (
                stack.series.axes.replace("S", ""),
                tuple(
                    n for axis, n in zip(stack.series.axes, stack.series.shape, strict=True) if axis != "S"
                ),
            )
            for stack in _stacks(tiff, path, "")
        ]


def files(path: Path) -> tuple[str, ...]:
    """Returns the names of all files that an OME header joins into one image; () for a file on its own.

    Raises:
        IsthmusError: a file is missing, or in another folder.
    """
    with tifffile.TiffFile(path, _multifile=False) as tiff:
        return _set(tiff, path)


def origins(path: Path, letters: str = "") -> list[str]:
    """Returns the name of the file that holds each page; [] if pages and planes differ."""
    with _opened(path) as tiff:
        stacks = _stacks(tiff, path, letters)
        planes = [page for stack in stacks for page in stack.series.pages]
        whole = len(planes) == sum(stack.pages for stack in stacks) and None not in planes
        return [page.parent.filehandle.name for page in planes] if whole else []


def decoded(path: Path) -> int:
    """Returns how many numbers are decoded for an image: those of alpha channels, and of whole tiles, too."""
    with _opened(path) as tiff:
        every = [stack.series for stack in _stacks(tiff, path, "")]
        return max(int(math.prod(shape)) for one in every for shape in (one.shape, one.keyframe.chunks))


def header(source: Source) -> Header:
    """Returns the shape `(channels, height, width)`, with pages before the height of a stack, and the dtype."""
    path, page = source.path, source.page
    with _opened(path) as tiff:
        stack, _ = _find(_stacks(tiff, path, source.axes), page, path)
        palette = stack.palette
        dtype = np.dtype(np.uint8) if palette is not None or stack.first.dtype == bool else stack.first.dtype
        channels = stack.colours
        if palette is not None:
            channels = look_up(np.zeros(1, np.uint8), palette, mask=False).size
        height, width = stack.size if stack.orientation < 5 else stack.size[::-1]
        depth = (stack.pages,) if page is None and stack.pages > 1 else ()
        shape = (channels, *depth, height, width)
        return Header(shape, np.dtype(dtype).newbyteorder("="), stack.orientation, stack.inverted)


def read(source: Source, header: Header, mask: bool) -> NDArray[Any]:  # noqa: ARG001 - read again with the pixels
    """Returns the pixels `(channels, height, width)` of a page, or `(channels, pages, height, width)` of a stack."""
    path = source.path
    with _opened(path) as tiff:
        stack, index = _find(_stacks(tiff, path, source.axes), source.page, path)
        pixels = _pixels(path, stack, index)  # (pages, channels, height, width)
        palette = stack.palette
        if palette is not None:
            # a palette would reduce the numbers of a 16-bit mask to 8 bits
            if not (mask and (stack.inverted or pixels.dtype == np.uint16)):
                pixels = look_up(pixels[:, 0], palette, mask=mask)
                pixels = pixels[:, None] if pixels.ndim == 3 else np.moveaxis(pixels, -1, 1)
        else:
            pixels = pixels[
                :, stack.colour_channels[: 3 if mask and stack.first.photometric == _RGB else None]
            ]
            if pixels.dtype == bool:
                pixels = pixels.astype(np.uint8) * np.uint8(255)
            if stack.first.photometric == _CMYK and pixels.shape[1] == 4:
                pixels = from_cmyk(pixels)
            if stack.first.photometric == _MIN_IS_WHITE and pixels.dtype.kind == "u" and not mask:
                bits = 8 if stack.first.bitspersample == 1 else stack.first.bitspersample
                pixels = (2**bits - 1 - pixels).astype(pixels.dtype)
        pixels = orient(pixels.astype(pixels.dtype.newbyteorder("="), copy=False), stack.orientation)
    pixels = np.moveaxis(pixels, 0, 1)
    return np.ascontiguousarray(pixels[:, 0] if pixels.shape[1] == 1 else pixels)


def pixel_size(source: Source) -> PixelSize | None:
    """Returns the size of a pixel of a page, or of a stack, as the file states it."""
    with _opened(source.path) as tiff:
        stack, index = _find(_stacks(tiff, source.path, source.axes), source.page, source.path)
        size = stated_size(tiff, stack.series, deep=index is None and stack.pages > 1)
        if size is None or stack.orientation < 5:
            return size
        return (*size[:-2], size[-1], size[-2])


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Opens the file, together with the files beside it that an OME header joins with it."""
    with tifffile.TiffFile(path, _multifile=False) as tiff:
        others = _set(tiff, path)
        if not others:
            yield tiff
            return
    with tifffile.TiffFile(path) as tiff:
        yield tiff


def _set(tiff: Any, path: Path) -> tuple[str, ...]:
    """Returns the names as `files` does. A single other name is the one the file had before it was renamed."""
    try:
        root = ElementTree.fromstring(tiff.ome_metadata) if tiff.is_ome else None  # noqa: S314 - tifffile parses it too
    except ElementTree.ParseError:
        root = None
    if root is None:
        return ()
    own = {root.get("UUID", path.name), path.name}
    stated = {
        (uuid.get("FileName") or path.name, uuid.text or "")
        for uuid in root.iter()
        if uuid.tag[-4:] == "UUID"
    }
    others = sorted({name for name, text in stated if name not in own and text not in own})
    if not others or len({name for name, _ in stated}) == 1:
        return ()
    outside = [name for name in others if name != Path(name).name or "\\" in name or name in (".", "..")]
    absent = [name for name in others if name not in outside and not (path.parent / name).is_file()]
    if outside or absent:
        which = few(outside or absent, 4)
        where = "outside its folder" if outside else "not beside it"
        raise IsthmusError(
            f"{path}: one of {len(others) + 1} files of an OME set, of which {which} "
            f"{'is' if len(outside or absent) == 1 else 'are'} {where}; put the files into one folder, or export "
            "them as one file"
        )
    return tuple(sorted([path.name, *others]))


def _stacks(tiff: Any, path: Path, letters: str) -> list[_Stack]:
    _refuse_truncated(tiff)
    whole = [series for series in tiff.series if {"Y", "X"} <= set(series.axes)]
    series = [one for one in whole if not one.keyframe.is_reduced] or whole
    if not series:
        raise IsthmusError(f"{path}: a TIFF file without an image; export it again or leave it out")
    for one in series:
        first = one.keyframe
        if one.dtype is None or np.dtype(one.dtype).kind not in "buif":
            raise IsthmusError(f"{path}: holds numbers of type {one.dtype}; save it as integers or floats")
        if first.photometric not in _READ or (first.photometric == _YCBCR and first.compression not in _JPEG):
            name = getattr(first.photometric, "name", first.photometric)
            raise IsthmusError(f"{path}: stores its colours as {name}, which is not read; save it as RGB")
        if one.kind == "ome" and any(page is None for page in one.pages):
            lost = sum(page is None for page in one.pages)
            raise IsthmusError(
                f"{path}: its OME header names {len(one.pages)} planes, of which {lost} are missing; export it again"
            )
        if letters and len(letters) != len(one.axes.replace("S", "")):
            size = " x ".join(map(str, one.shape))
            raise IsthmusError(
                f"{path}: an array of {size} ({one.axes}) does not have the axes {letters}; see data.axes"
            )
    return [_Stack(one, letters) for one in series]


def _refuse_truncated(tiff: Any) -> None:
    """Refuses a list of pages that is cut off; tifffile only logs it."""
    file, layout = tiff.filehandle, tiff.tiff
    offset, seen = tiff.pages.first.offset, set()
    while offset:
        if offset in seen or offset + layout.tagnosize > file.size:
            raise ValueError("the list of pages is cut off")
        seen.add(offset)
        file.seek(offset)
        (entries,) = struct.unpack(layout.tagnoformat, file.read(layout.tagnosize))
        file.seek(offset + layout.tagnosize + entries * layout.tagsize)
        (offset,) = struct.unpack(layout.offsetformat, file.read(layout.offsetsize))


def _find(stacks: list[_Stack], page: int | None, path: Path) -> tuple[_Stack, int | None]:
    """Returns the stack that holds a page, and the index of the page in it."""
    total = sum(stack.pages for stack in stacks)
    if page is None:
        if len(stacks) > 1:
            raise IsthmusError(f"{path}: {total} pages of different sizes; save them as separate files")
        return stacks[0], None
    rest = page
    for stack in stacks:
        if 0 <= rest < stack.pages:
            return stack, rest
        rest -= stack.pages
    raise IsthmusError(f"{path}: has no page {page}; it holds {total}, counted from 0")


def _pixels(path: Path, stack: _Stack, index: int | None) -> NDArray[Any]:
    """Returns one page or all of a stack as `(pages, channels, height, width)`, without decoding more than needed."""
    series, axes = stack.series, stack.axes
    as_stored = stack.letters in ("", "YX") or (stack.letters.endswith("YX") and "C" not in stack.letters)
    single = index is not None and as_stored and not series.is_multifile and len(series.pages) == stack.pages
    for page in [series.pages[index]] if single else series.pages:
        if page is not None:
            _refuse_cut_off(page, page.parent.filehandle.size)
    if single:  # each page has an entry of its own
        page, index = series.pages[index], 0
        pixels, axes = page.asarray(), series.keyframe.axes  # of Y, X and S only
    elif series.dataoffset is not None and series.keyframe.is_memmappable:  # ImageJ: one entry for all pages
        dtype = np.dtype(series.keyframe.parent.byteorder + series.dtype.char)
        pixels = np.memmap(path, dtype, "r", series.dataoffset, series.shape)
    else:
        pixels = series.asarray()
    pixels = pixels.transpose(sorted(range(len(axes)), key=lambda place: "PSYX".index(axes[place])))
    if index is not None and "P" in axes:  # before anything is copied
        pixels = pixels[np.unravel_index(index, pixels.shape[: axes.count("P")])]
    return np.asarray(pixels).reshape(-1, stack.channels, *stack.size)


def _refuse_cut_off(page: Any, size: int) -> None:
    """Refuses pixels behind the end of the file, which some decoders would invent."""
    ends = [start + length for start, length in zip(page.dataoffsets, page.databytecounts, strict=False)]
    if max(ends, default=0) > size:
        raise ValueError(f"pixels up to byte {max(ends)}, but the file ends at {size}")


def write(path: Path, image: NDArray[Any], size: PixelSize | None = None) -> None:
    """Writes `(channels, *spatial)` of any number type; see `isthmus.io.writing.write_image`."""
    depth = "Z" * (image.ndim - 3)
    if image.shape[0] == 1:
        pixels, axes, photometric = image[0], f"{depth}YX", "minisblack"
    elif image.shape[0] == 3 and image.dtype.kind == "u":
        pixels, axes, photometric = np.moveaxis(image, 0, -1), f"{depth}YXS", "rgb"
    else:
        pixels, axes, photometric = image, f"C{depth}YX", "minisblack"
    file = io.BytesIO()
    pixels = np.ascontiguousarray(pixels)
    about = {"axes": axes}
    tags = tags_of_size(size)
    tifffile.imwrite(file, pixels, compression="deflate", photometric=photometric, metadata=about, **tags)
    write_bytes(path, file.getvalue())


_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

register_format(
    (".tif", ".tiff"),
    Picture("TIFF", header, read, write, signatures=_SIGNATURES, paged=True, pixel_size=pixel_size),
)

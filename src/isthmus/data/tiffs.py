"""TIFF: any depth and compression, one or many pages, channels in pixels, planes or pages."""

from __future__ import annotations

import logging
import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from isthmus.data.rasters import Header, look_up, orient
from isthmus.errors import IsthmusError

logging.getLogger("tifffile").addHandler(
    logging.NullHandler()
)  # its warnings are not for the user's terminal

_ALPHA = (1, 2)  # ExtraSamples: associated and unassociated alpha
_MIN_IS_WHITE, _RGB, _PALETTE = 0, 2, 3  # PhotometricInterpretation
_ORIENTATION = 274


@dataclass(frozen=True)
class _Stack:
    """Pages of one size: a series of tifffile. Axes but Y, X, S (samples) and C (channels) count pages.

    An axis C longer than 4 is taken for pages too: writers call it so when nobody names the axes of a stack.
    """

    series: Any

    @property
    def axes(self) -> str:
        """With `P` for each axis of pages and `S` for each of channels."""
        kinds = {"Y": "Y", "X": "X", "S": "S", "C": "S"}
        lengths = zip(self.series.axes, self.series.shape, strict=True)
        return "".join("P" if axis == "C" and n > 4 else kinds.get(axis, "P") for axis, n in lengths)

    @property
    def first(self) -> Any:
        """The first page, whose tags hold for all."""
        return self.series.keyframe

    @property
    def pages(self) -> int:
        return self._extent("P")

    @property
    def channels(self) -> int:
        """As stored, alpha included."""
        return self._extent("S")

    @property
    def size(self) -> tuple[int, int]:
        return self._extent("Y"), self._extent("X")

    @property
    def orientation(self) -> int:
        tag = self.first.tags.get(_ORIENTATION)
        return int(tag.value) if tag is not None and 1 <= int(tag.value) <= 8 else 1

    @property
    def colours(self) -> int:
        """Channels without alpha."""
        if self.first.photometric == _RGB and self.channels == 4:
            return 3
        alpha = sum(1 for extra in self.first.extrasamples or () if extra in _ALPHA)
        return max(1, self.channels - alpha)

    @property
    def palette(self) -> NDArray[np.uint8] | None:
        """`(entries, 3)`; TIFF stores colours in 16 bits, careless writers in 8."""
        if self.first.photometric != _PALETTE or self.first.colormap is None:
            return None
        colours = np.asarray(self.first.colormap).T
        return (colours >> 8 if colours.max(initial=0) > 255 else colours).astype(np.uint8)

    def _extent(self, kind: str) -> int:
        return math.prod(n for axis, n in zip(self.axes, self.series.shape, strict=True) if axis == kind)


def count(path: Path) -> int:
    """Number of pages, thumbnails and pyramid levels apart."""
    with tifffile.TiffFile(path) as tiff:
        return sum(stack.pages for stack in _stacks(tiff, path))


def header(path: Path, page: int | None) -> Header:
    """Shape `(channels, height, width)`, with pages before the height where there are several, and dtype."""
    with tifffile.TiffFile(path) as tiff:
        stack, _ = _find(_stacks(tiff, path), page, path)
        palette = stack.palette
        dtype = np.dtype(np.uint8) if palette is not None or stack.first.dtype == bool else stack.first.dtype
        channels = stack.colours
        if palette is not None:
            channels = look_up(np.zeros(1, np.uint8), palette, mask=False).size
        height, width = stack.size if stack.orientation < 5 else stack.size[::-1]
        depth = (stack.pages,) if page is None and stack.pages > 1 else ()
        return Header((channels, *depth, height, width), np.dtype(dtype).newbyteorder("="))


def read(path: Path, page: int | None, *, mask: bool) -> NDArray[Any]:
    """The pixels `(channels, height, width)` of a page, or `(channels, pages, height, width)` of a stack."""
    with tifffile.TiffFile(path) as tiff:
        stack, index = _find(_stacks(tiff, path), page, path)
        pixels = _pixels(path, stack, index)  # (pages, channels, height, width)
        palette = stack.palette
        if palette is not None:
            pixels = look_up(pixels[:, 0], palette, mask=mask)
            pixels = pixels[:, None] if pixels.ndim == 3 else np.moveaxis(pixels, -1, 1)
        else:
            pixels = pixels[:, : stack.colours]
            if pixels.dtype == bool:
                pixels = pixels.astype(np.uint8) * np.uint8(255)
            if stack.first.photometric == _MIN_IS_WHITE and pixels.dtype.kind == "u":
                bits = 8 if stack.first.bitspersample == 1 else stack.first.bitspersample
                pixels = (2**bits - 1 - pixels).astype(pixels.dtype)
        pixels = orient(pixels.astype(pixels.dtype.newbyteorder("="), copy=False), stack.orientation)
    pixels = np.moveaxis(pixels, 0, 1)
    return np.ascontiguousarray(pixels[:, 0] if pixels.shape[1] == 1 else pixels)


def _stacks(tiff: Any, path: Path) -> list[_Stack]:
    _refuse_truncated(tiff)
    whole = [series for series in tiff.series if {"Y", "X"} <= set(series.axes)]
    series = [one for one in whole if not one.keyframe.is_reduced] or whole
    if not series:
        raise IsthmusError(f"{path}: a TIFF file without an image; export it again or leave it out")
    for one in series:
        if one.dtype is None or np.dtype(one.dtype).kind not in "buif":
            raise IsthmusError(f"{path}: holds numbers of type {one.dtype}; save it as integers or floats")
    return [_Stack(one) for one in series]


def _refuse_truncated(tiff: Any) -> None:
    """tifffile stops at a page that lies behind the end of the file and says so in its log only."""
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
    """The stack that holds a page, and the page's place in it."""
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
    """One page or all of a stack as `(pages, channels, height, width)`, without decoding more than needed."""
    series, axes = stack.series, stack.axes
    for page in series.pages if index is None or len(series.pages) != stack.pages else [series.pages[index]]:
        if page is not None:
            _refuse_cut_off(page, series.keyframe.parent.filehandle.size)
    if index is not None and len(series.pages) == stack.pages:  # each page has an entry of its own
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
    """Pixels behind the end of the file: some decoders make up what is missing."""
    ends = [start + length for start, length in zip(page.dataoffsets, page.databytecounts, strict=False)]
    if max(ends, default=0) > size:
        raise ValueError(f"pixels up to byte {max(ends)}, but the file ends at {size}")

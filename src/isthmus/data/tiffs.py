"""TIFF: any depth and compression, one or many pages, channels in pixels, planes or pages."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from isthmus.data.rasters import Header, orient
from isthmus.errors import IsthmusError

logging.getLogger("tifffile").addHandler(
    logging.NullHandler()
)  # its warnings are not for the user's terminal

_ALPHA = (1, 2)  # ExtraSamples: associated and unassociated alpha
_MIN_IS_WHITE, _MIN_IS_BLACK, _RGB, _PALETTE = 0, 1, 2, 3


@dataclass(frozen=True)
class _Layout:
    """Where the pages of a file lie: the series, and its pages as `(page, channel, height, width)`."""

    series: Any
    axes: str

    @property
    def count(self) -> int:
        return math.prod(
            n for axis, n in zip(self.axes, self.series.shape, strict=True) if axis not in "CSYX"
        )

    @property
    def channels(self) -> int:
        return math.prod(n for axis, n in zip(self.axes, self.series.shape, strict=True) if axis in "CS")

    @property
    def size(self) -> tuple[int, int]:
        shape = dict(zip(self.axes, self.series.shape, strict=True))
        return shape["Y"], shape["X"]


def count(path: Path) -> int:
    """Number of pages, thumbnails and pyramid levels apart."""
    try:
        with tifffile.TiffFile(path) as tiff:
            return sum(layout.count for layout in _layouts(tiff, path))
    except IsthmusError:
        raise
    except Exception as error:  # any failure of the parser is a broken file
        raise IsthmusError(
            f"{path}: a damaged or truncated TIFF file ({error}); copy it again or leave it out"
        ) from error


def header(path: Path, page: int | None) -> Header:
    """Shape `(channels, height, width)`, with pages before the height where there are several, and dtype."""
    with tifffile.TiffFile(path) as tiff:
        layouts = _layouts(tiff, path)
        layout, _ = _find(layouts, page, path)
        first = layout.series.keyframe
        palette = first.photometric == _PALETTE
        channels = _palette_channels(first) if palette else _colours(first, layout.channels)
        orientation = _orientation(first)
        height, width = layout.size if orientation < 5 else layout.size[::-1]
        depth = (layout.count,) if page is None and layout.count > 1 else ()
        dtype = np.dtype(np.uint8) if first.dtype == bool or palette else np.dtype(first.dtype)
        return Header((channels, *depth, height, width), dtype.newbyteorder("="), orientation)


def read(path: Path, page: int | None, *, mask: bool) -> NDArray[Any]:
    """The pixels `(channels, height, width)` of a page, or `(channels, pages, height, width)` of a whole stack."""
    with tifffile.TiffFile(path) as tiff:
        layout, index = _find(_layouts(tiff, path), page, path)
        first = layout.series.keyframe
        stack = _pixels(layout, index)  # (pages, channels, height, width)
        if first.photometric == _PALETTE:
            stack = _look_up(stack, first, mask=mask)
        else:
            stack = stack[:, : _colours(first, layout.channels)]
            if stack.dtype == bool:
                stack = stack.astype(np.uint8) * np.uint8(255)
            if first.photometric == _MIN_IS_WHITE and stack.dtype.kind == "u":
                top = 255 if first.bitspersample == 1 else 2**first.bitspersample - 1
                stack = (top - stack).astype(stack.dtype)
        stack = orient(stack.astype(stack.dtype.newbyteorder("="), copy=False), _orientation(first))
    pixels = np.moveaxis(stack, 0, 1)
    return np.ascontiguousarray(pixels[:, 0] if pixels.shape[1] == 1 or page is not None else pixels)


def _layouts(tiff: Any, path: Path) -> list[_Layout]:
    layouts = []
    for series in tiff.series:
        axes = series.axes
        if "Y" not in axes or "X" not in axes or series.keyframe.is_reduced:
            continue
        if series.dtype is None or np.dtype(series.dtype).kind not in "buif":
            raise IsthmusError(f"{path}: holds numbers of type {series.dtype}; save it as integers or floats")
        layouts.append(_Layout(series, axes))
    if not layouts:
        raise IsthmusError(f"{path}: a TIFF file without an image; export it again or leave it out")
    return layouts


def _find(layouts: list[_Layout], page: int | None, path: Path) -> tuple[_Layout, int | None]:
    """The series that holds a page, and the page's place in it."""
    total = sum(layout.count for layout in layouts)
    if page is None:
        if len(layouts) > 1:
            raise IsthmusError(f"{path}: {total} pages of different sizes; save them as separate files")
        return layouts[0], None
    rest = page
    for layout in layouts:
        if 0 <= rest < layout.count:
            return layout, rest
        rest -= layout.count
    raise IsthmusError(f"{path}: has no page {page}; it holds {total}, counted from 0")


def _pixels(layout: _Layout, index: int | None) -> NDArray[Any]:
    """One page or all of a series as `(pages, channels, height, width)`."""
    series, axes = layout.series, layout.axes
    per_page = [axis for axis in series.keyframe.axes if axis in "SYX"]
    if (
        index is not None and len(series.pages) == layout.count and "C" not in axes
    ):  # do not decode the whole stack
        pixels, axes = series.pages[index].asarray(), "".join(per_page)
        pixels = pixels.reshape(
            [n for axis, n in zip(series.keyframe.axes, pixels.shape, strict=True) if axis in per_page]
        )
        index = 0
    else:
        pixels = series.asarray()
    order = [i for i, axis in enumerate(axes) if axis not in "CSYX"]
    order += [i for i, axis in enumerate(axes) if axis in "CS"] + [axes.index("Y"), axes.index("X")]
    pixels = pixels.transpose(order).reshape(-1, layout.channels, *layout.size)
    return pixels if index is None else pixels[index : index + 1]


def _colours(first: Any, channels: int) -> int:
    """Channels without alpha."""
    if first.photometric == _RGB and channels == 4:
        return 3
    alpha = sum(1 for extra in (first.extrasamples or ()) if extra in _ALPHA)
    return max(1, channels - alpha)


def _orientation(first: Any) -> int:
    tag = first.tags.get(274)
    return int(tag.value) if tag is not None and 1 <= int(tag.value) <= 8 else 1


def _palette(first: Any) -> NDArray[np.uint8]:
    """`(entries, 3)`; TIFF stores colours as 16 bits, sloppy writers as 8."""
    colours = np.asarray(first.colormap).T
    return (colours >> 8 if colours.max(initial=0) > 255 else colours).astype(np.uint8)


def _palette_channels(first: Any) -> int:
    palette = _palette(first)
    return 1 if (palette == palette[:, :1]).all() else 3


def _look_up(stack: NDArray[Any], first: Any, *, mask: bool) -> NDArray[Any]:
    palette, grey = _palette(first), _palette_channels(first) == 1
    if mask and not grey:
        return stack[:, :1]
    looked_up = palette[stack[:, 0]]
    return looked_up[:, None, :, :, 0] if grey else np.moveaxis(looked_up, -1, 1)

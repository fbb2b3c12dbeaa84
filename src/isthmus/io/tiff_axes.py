"""Decides the meaning of the axes of the array in a TIFF, by the same rule for every command.

A letter names each axis: Y and X span an image, C counts its channels, and any other axis (Z, T, …) counts images,
which are called pages. Samples of a pixel (RGB) have no letter: they are always channels.

- What the user states (`data.axes`) applies to every file with that many axes.
- Otherwise the mask of an image decides: with one mask per page the pages are images, with a single mask they are
  channels. The run stores the result, so that images are predicted as they were trained.
- Without either, the names in the file apply (ImageJ, OME and tifffile write them), and pages without a name are
  images.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import prod
from pathlib import Path
from typing import NamedTuple

from isthmus.errors import IsthmusError
from isthmus.io import tiff
from isthmus.io.images import Source, of_tiff, read_header

CHANNELS = 16
"""Up to this many pages are channels if the mask has one page; more are a stack with a wrong mask."""

NAMED_CHANNELS = 64
"""The same limit for an axis that the file calls channels."""

UNNAMED = ("Q", "I")
"""tifffile's names for axes that the file does not describe."""


class AxesError(IsthmusError):
    """The axes of a file match neither its mask nor what the user states."""


class Array(NamedTuple):
    """The array in a file: a letter and a length for each axis but that of samples."""

    letters: str
    shape: tuple[int, ...]

    @property
    def depth(self) -> int:
        """Number of planes, of any kind."""
        return prod(n for letter, n in zip(self.letters, self.shape, strict=True) if letter not in "YX")

    @property
    def others(self) -> str:
        """The axes other than Y and X."""
        return self.letters.replace("Y", "").replace("X", "")


def as_axes(axes: str | None) -> str:
    """Returns the letters in upper case, "" for None.

    Raises:
        IsthmusError: the text is not one letter per axis with Y and X among them.

    >>> as_axes("cyx"), as_axes(None)
    ('CYX', '')
    """
    letters = (axes or "").upper()
    fits = letters.isascii() and letters.isalpha() and len(set(letters)) == len(letters)
    if letters and not (fits and {"Y", "X"} <= set(letters) and "S" not in letters):
        raise IsthmusError(
            f"data.axes={axes}: give a letter for each axis of the array in a TIFF, Y and X among them, C for channels "
            "and Z or T for images, such as CYX, ZCYX or YXC"
        )
    return letters


def image_axes(image: Path, axes: str = "", channels: int | None = None) -> str:
    """Returns the letters of an image without a mask; "" if the names in the file apply.

    Args:
        axes: the axes as the user or the run states them.
        channels: number of channels of the network; as many unnamed pages (but 1 or 3) are channels.
    """
    array = _array(image)
    if array is None or not array.others:
        return ""
    if axes:
        return _given(image, array, axes)
    lone = len(array.others) == 1
    return _as_channels(array) if lone and array.depth == channels and channels not in (1, 3) else ""


def mask_axes(mask: Path) -> str:
    """Returns the letters of a mask on its own: it has no channels, so its planes are pages."""
    array = _array(mask)
    return array.letters.replace("C", "P") if array and "C" in array.others else ""


def pair_axes(image: Path, mask: Path, axes: str = "") -> tuple[str, str]:
    """Returns the letters of an image and of its mask; see above.

    Raises:
        AxesError: a time series has a single mask, or the file does not have the stated axes.
    """
    ours, theirs = _array(image), _array(mask)
    depth = theirs.depth if theirs else 1
    of_theirs = mask_axes(mask) if depth > 1 else ""
    if ours is None or not ours.others:
        return "", ""
    if axes:
        letters = _given(image, ours, axes)
        return letters, of_theirs
    if depth == ours.depth:
        return ours.letters.replace("C", "P") if "C" in ours.others else "", of_theirs
    if depth > 1 or len(ours.others) > 1:
        return "", of_theirs
    return _with_one_mask(image, ours, mask), ""


def common(sources: Iterable[Source]) -> tuple[str, str]:
    """Returns the axes of these images, which a run stores, and a line about them; "" if every file is a single image.

    Raises:
        IsthmusError: pages are channels in one file and images in another.
    """
    found: dict[int, dict[str, tuple[str, Path]]] = {}
    for source in sources:
        if not source.axes and source.page is None:
            continue
        letters = source.axes
        if not letters:
            array = _array(source.path)
            letters = array.letters if array else ""
        if len(letters) > 2:
            found.setdefault(len(letters), {}).setdefault(_kinds(letters), (_plain(letters), source.path))
    for readings in found.values():
        if len(readings) > 1:
            (one, first), (two, second) = list(readings.values())[:2]
            raise IsthmusError(
                f"{second}: its axes are {two} according to its mask, those of {first} are {one}; separate such "
                "files, or state the axes of all files (data.axes)"
            )
    if not found:
        return "", ""
    ((axes, _),) = found[max(found)].values()
    pages = "one case each" if axes.replace("C", "") not in ("YX", "XY") else "channels"
    return axes, f"pages of TIFF files are {pages} (data.axes={axes})"


def _array(path: Path) -> Array | None:
    none: list[tuple[str, tuple[int, ...]]] = []
    arrays = of_tiff(lambda: tiff.named(path), path, none)
    return Array(*arrays[0]) if len(arrays) == 1 else None


def _given(path: Path, array: Array, axes: str) -> str:
    if len(array.letters) == len(axes):
        return axes
    if set(array.letters) & set(UNNAMED):
        size = " x ".join(map(str, array.shape))
        raise AxesError(
            f"{path}: an array of {size} without names for its axes, and data.axes={axes} names {len(axes)} "
            f"of {len(array.shape)}; name all of them"
        )
    return ""


def _with_one_mask(image: Path, array: Array, mask: Path) -> str:
    """Returns the letters of an image that has one axis more than its mask."""
    if array.others == "T":
        raise AxesError(
            f"{image}: {array.depth} points in time with a single mask, {mask}; give a mask for each, or state that "
            "they are channels (data.axes=CYX)"
        )
    size = read_header(Source(mask)).shape[-2:]
    if array.others in UNNAMED and array.shape[:2] == size != array.shape[1:]:
        return "YXC"
    most = NAMED_CHANNELS if array.others == "C" else CHANNELS
    return _as_channels(array) if array.depth <= most else ""


def _as_channels(array: Array) -> str:
    return array.letters.replace(array.others, "C")


def _plain(letters: str) -> str:
    """Returns the letters of the file, with Z and T for axes that it does not name."""
    return letters if not set(letters) & {*UNNAMED, "P"} else _kinds(letters)


def _kinds(letters: str) -> str:
    """Returns the letters with Z, T, … for the axes of pages, so that different names compare as equal.

    >>> _kinds("TCYX"), _kinds("QQYX")
    ('ZCYX', 'ZTYX')
    """
    names = iter("ZTUVW")
    return "".join(letter if letter in "CYX" else next(names) for letter in letters)

"""Finds files in downloaded folders: what the readers of the catalogue share."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator
from pathlib import Path

from isthmus.data.cases import Case, Source
from isthmus.data.checks.problems import refuse
from isthmus.data.layouts import pairing
from isthmus.errors import IsthmusError, size_text
from isthmus.io.formats import FORMATS, stem, suffix
from isthmus.io.volumes import geometry, slice_axis, spacing

DEPTH = 2
"""Number of folders between the one that a user names and the data; archives add one or two."""


def locate(root: Path, name: str, layout: str, *wanted: str, prefer: str = "") -> Path:
    """Returns the folder that holds all of `wanted`: `root`, or the only such folder below it.

    The nearest folder wins, so a second copy of the tree deeper in an archive is ignored. Of several folders at one
    depth the one named `prefer` wins.

    Raises:
        IsthmusError: there is none, or several; states what was found and what was expected.
    """
    level = [root]
    for _ in range(DEPTH + 1):
        found = [folder for folder in level if all((folder / one).exists() for one in wanted)]
        found = [folder for folder in found if folder.name == prefer] or found
        if len(found) == 1:
            return found[0]
        if found:
            raise IsthmusError(
                f"{root}: {name} occurs twice here, in {found[0]} and {found[1]}; give one of them"
            )
        level = [below for folder in level for below in folders(folder)]
    here = ", ".join(path.name for path in sorted(root.iterdir())[:6]) or "nothing"
    raise IsthmusError(
        f"{root}: no {' and '.join(wanted)} here (found: {here}); {name} is a folder with {layout}"
    )


def only_folder(root: Path) -> Path | None:
    """Returns the only folder in a folder, as archives unpack; None if there are several or none."""
    found = folders(root)
    return found[0] if len(found) == 1 else None


def folders(folder: Path) -> list[Path]:
    """Returns the folders in a folder, with numbers in their order."""
    return sorted(pairing.folders(folder), key=in_order)


def pictures(folder: Path, suffixes: Container[str] = FORMATS) -> dict[str, Path]:
    """Returns the images in a folder by name without suffix, with numbers in their order; skips other files.

    Raises:
        IsthmusError: two files have the same name but for the suffix.
    """
    found: dict[str, Path] = {}
    files = [
        p for p in folder.iterdir() if suffix(p) in suffixes and not p.name.startswith(".") and p.is_file()
    ]
    for path in sorted(files, key=in_order):
        if found.setdefault(stem(path), path) is not path:
            raise IsthmusError(
                f"{path}: has the same name as {found[stem(path)].name}; leave one of them out"
            )
    return found


def in_order(path: Path) -> list[tuple[int, int, str]]:
    """Returns a key to sort by name, with numbers by value: 2 before 10.

    >>> sorted([Path("a_10"), Path("a_2")], key=in_order)[0].name
    'a_2'
    """
    parts = re.split(r"(\d+)", path.name)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part]


def pairs(
    root: Path,
    images: dict[str, Path],
    masks: dict[str, Path],
    group: Callable[[str], str] = lambda name: name,
) -> list[Case]:
    """Returns a case for each image and the mask of the same name.

    Raises:
        IsthmusError: images without a mask, masks without an image, or no images.
    """
    problems = [
        f"{path}: an image without a mask; download the masks again, or leave it out"
        for name, path in images.items()
        if name not in masks
    ]
    problems += [
        f"{path}: a mask without an image; download the images again, or leave it out"
        for name, path in masks.items()
        if name not in images
    ]
    refuse(problems, root)
    if not images:
        raise IsthmusError(f"{root}: no images here; download the data set again")
    return [Case(name, (Source(path),), (Source(masks[name]),), group(name)) for name, path in images.items()]


def slices(image: Path, mask: Path, name: str, group: str | None) -> Iterator[Case]:
    """Yields a case for each slice of a volume; `group=None`: each slice is a group of its own.

    Raises:
        IsthmusError: a header is damaged, or the volumes have different sizes.
    """
    axis, number = slice_axis(image), geometry(image).array_shape
    if geometry(mask, image).array_shape != number:
        sizes = [size_text(geometry(path, image).array_shape) for path in (mask, image)]
        raise IsthmusError(
            f"{mask}: {sizes[0]} voxels but its image {image} has {sizes[1]}; download both again"
        )
    digits = max(3, len(str(number[axis] - 1)))
    steps = spacing(image, axis)
    for page in range(number[axis]):
        id = f"{name}-{page:0{digits}d}"
        yield Case(id, (Source(image, page, axis),), (Source(mask, page, axis),), group or id, steps)

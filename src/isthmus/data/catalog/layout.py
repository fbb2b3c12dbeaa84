"""Finding one's way in downloaded folders: the few things that all readers of the catalog need."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator
from pathlib import Path

from isthmus.data.cases import Case, Source
from isthmus.data.checks.problems import refuse
from isthmus.errors import IsthmusError
from isthmus.io.formats import FORMATS, stem, suffix
from isthmus.io.volumes import geometry, slice_axis, spacing

DEPTH = 2
"""Folders between the one a user names and the data; archives bring one or two of their own."""


def locate(root: Path, name: str, layout: str, *wanted: str, prefer: str = "") -> Path:
    """The folder that holds all of `wanted`: `root`, or the only such folder below it.

    Nearer ones win, so a tree that an archive holds a second time, deeper down, is not looked at. Of several
    at one depth the one called `prefer` is taken.

    Raises:
        IsthmusError: none, or several; says what is here and what was expected.
    """
    level = [root]
    for _ in range(DEPTH + 1):
        found = [folder for folder in level if all((folder / one).exists() for one in wanted)]
        found = [folder for folder in found if folder.name == prefer] or found
        if len(found) == 1:
            return found[0]
        if found:
            raise IsthmusError(
                f"{root}: {name} stands here twice, in {found[0]} and {found[1]}; name one of them"
            )
        level = [below for folder in level for below in folders(folder)]
    here = ", ".join(path.name for path in sorted(root.iterdir())[:6]) or "nothing"
    raise IsthmusError(
        f"{root}: no {' and '.join(wanted)} here (found: {here}); {name} is a folder with {layout}"
    )


def only_folder(root: Path) -> Path | None:
    """The one folder in a folder, as archives unpack; None where there are several or none."""
    found = folders(root)
    return found[0] if len(found) == 1 else None


def folders(folder: Path) -> list[Path]:
    """Folders in a folder, but for hidden ones and what macOS leaves in archives."""
    return sorted(
        (path for path in folder.iterdir() if path.is_dir() and not path.name.startswith((".", "__MACOSX"))),
        key=in_order,
    )


def pictures(folder: Path, suffixes: Container[str] = FORMATS) -> dict[str, Path]:
    """Images in a folder by stem, numbers in their order; other files are passed over.

    Raises:
        IsthmusError: two files of one stem.
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
    """Sorts by name, numbers in it by value: 2 before 10.

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
    """A case for each image and the mask of the same name.

    Raises:
        IsthmusError: images without a mask, masks without an image, or neither.
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
    """A case for each slice of a volume; `group=None`: each slice is one of its own.

    Raises:
        IsthmusError: a damaged header, or volumes of different sizes.
    """
    axis, number = slice_axis(image), geometry(image).array_shape
    if geometry(mask, image).array_shape != number:
        sizes = [
            " x ".join(str(n) for n in reversed(geometry(path, image).array_shape)) for path in (mask, image)
        ]
        raise IsthmusError(
            f"{mask}: {sizes[0]} voxels but its image {image} has {sizes[1]}; download both again"
        )
    digits = max(3, len(str(number[axis] - 1)))
    steps = spacing(image, axis)
    for page in range(number[axis]):
        id = f"{name}-{page:0{digits}d}"
        yield Case(id, (Source(image, page, axis),), (Source(mask, page, axis),), group or id, steps)

"""Finds the files that no command may replace: the images it was given, and their masks."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from isthmus.data.cases import Case
from isthmus.data.csv_files import from_csv
from isthmus.data.layouts.pairing import find_folders
from isthmus.errors import IsthmusError


def originals(paths: Iterable[Path], cases: Iterable[Case] = ()) -> list[Path]:
    """Returns the files and folders of data: those of the cases, and each path with the folder of its masks.

    A path is a folder of images or of a data set, a CSV, or an image.
    """
    found = [source.path for case in cases for source in (*case.images, *case.masks)]
    for path in paths:
        found += _with_masks(path)
    return list(dict.fromkeys(found))


def refuse_among(out: Path, paths: Iterable[Path]) -> None:
    """Refuses a folder of results inside a folder of images or masks, where results would be read as data.

    Raises:
        IsthmusError: names both folders.
    """
    for folder in originals(paths):
        if folder.is_dir() and out.resolve().is_relative_to(folder.resolve()):
            raise IsthmusError(
                f"{out} lies in {folder}, so its files would be read as data next time; choose another --out"
            )


def _with_masks(path: Path) -> list[Path]:
    """Returns a path with the files and folders that belong to it."""
    if path.is_file() and path.suffix.lower() == ".csv":
        try:
            return [path, *originals((), from_csv(path).cases)]
        except IsthmusError:
            return [path]
    if path.is_file():
        return [path, *_pair(path.parent)]
    if not path.is_dir():
        return []
    described = [path / name for name in ("dataset.json", "splits_final.json")]
    return [*(each for each in described if each.is_file()), *(find_folders(path) or _pair(path))]


def _pair(path: Path) -> tuple[Path, ...]:
    """Returns the folders of images and masks if this folder is one of the two; otherwise ()."""
    place = find_folders(path.resolve().parent)
    return place if place is not None and path.resolve() in [each.resolve() for each in place] else ()

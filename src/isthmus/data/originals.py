"""The files that no command may replace: the images it was given, and their masks."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from isthmus.data.cases import Case
from isthmus.data.csv_files import from_csv
from isthmus.data.layouts.pairing import find_folders
from isthmus.errors import IsthmusError


def originals(paths: Iterable[Path], cases: Iterable[Case] = ()) -> list[Path]:
    """Files and folders of data: of each path (a folder of images or of a data set, a CSV, an image) with the folder of
    masks that belongs to it; and of cases."""
    found = [source.path for case in cases for source in (*case.images, *case.masks)]
    for path in paths:
        found += _with_masks(path)
    return list(dict.fromkeys(found))


def refuse_among(out: Path, paths: Iterable[Path]) -> None:
    """Refuse a folder of results inside a folder of images or masks, where they would be taken for data.

    Raises:
        IsthmusError: it is such.
    """
    for folder in originals(paths):
        if folder.is_dir() and out.resolve().is_relative_to(folder.resolve()):
            raise IsthmusError(
                f"{out} lies in {folder}, so its files would be taken for data next time; choose another --out"
            )


def _with_masks(path: Path) -> list[Path]:
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
    """Folders of images and of masks that lie side by side, of which this is one; nothing where it is none."""
    place = find_folders(path.resolve().parent)
    return place if place is not None and path.resolve() in [each.resolve() for each in place] else ()

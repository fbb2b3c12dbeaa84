"""Finds the images that a trained network is to segment, in files and folders."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from isthmus.data.cases import Case, clashes
from isthmus.data.checks.problems import refuse
from isthmus.data.csv_files import from_csv
from isthmus.data.expansion import expanded, sets_among, shared_name
from isthmus.data.layouts import decathlon, nnunet
from isthmus.data.layouts.pairing import find_folders, flat_masks
from isthmus.data.listing import files_in, readable
from isthmus.data.sources import by_picture, is_described, open_dataset
from isthmus.io.formats import stem as file_stem
from isthmus.io.tiff_axes import as_axes
from isthmus.io.volumes import is_volume


def images_in(
    paths: Path | Iterable[Path], channels: int | None = None, axes: str | None = None
) -> list[Case]:
    """Returns the images of files, folders (with their sub-folders) and CSVs; a stack gives a case per page.

    - In a folder that has `images/`, only that is searched.
    - In a folder with a `dataset.json` (nnU-Net, Decathlon) the training images are taken; a folder `imagesTs` beside
      one is read as it states.
    - Masks that lie beside their images (`a.png`, `a_mask.png`) are left out.
    - A CSV names the files in its column `image`.

    Args:
        channels: number of channels of the network; a TIFF of as many pages (but 1 or 3) is one image, unless `axes`
            states otherwise.
        axes: what the axes of the files mean, as the run stores it (`isthmus.io.tiff_axes`).

    Raises:
        IsthmusError: a path does not exist, a folder has no images, or two images would have one name.
    """
    problems: list[str] = []
    cases: list[Case] = []
    axes = as_axes(axes)
    paths = [paths] if isinstance(paths, Path) else list(paths)
    files = _pictures({str(path): path for path in paths if path.is_file()})
    for path in paths:
        if path.is_dir():
            cases += _in_folder(path, channels, axes, problems)
        elif path.is_file() and path.suffix.lower() == ".csv":
            cases += _without_masks(from_csv(path, False, axes, channels).cases)
        elif path.is_file():
            for stem in [file_stem(Path(name)) for name, file in files.items() if file == path]:
                cases += expanded(stem, path, None, stem, problems, channels, axes)
        else:
            problems.append(f"{path}: no such file or folder")
    problems += clashes(cases)
    refuse(problems, "the images")
    return cases


def _in_folder(path: Path, channels: int | None, axes: str, problems: list[str]) -> list[Case]:
    """Returns the images in a folder; what is wrong goes to `problems`."""
    if is_volume(path):
        return expanded(path.name, path, None, path.name, problems)
    if (described := _described(path)) is not None:
        return described
    if pictures := by_picture(path):
        return _without_masks(pictures)
    place = find_folders(path)
    folder = place[0] if place else path / "images" if (path / "images").is_dir() else path
    found = files_in(folder, problems, beside=place is None and folder == path)
    if not found and not problems:
        problems.append(f"{path}: no images here ({readable()})")
    masks = flat_masks(found) if place is None else {}
    images = _pictures({stem: file for stem, file in found.items() if stem not in masks})
    return [
        case
        for stem, image in images.items()
        for case in expanded(stem, image, None, stem, problems, channels, axes)
    ]


def _without_masks(cases: Iterable[Case]) -> list[Case]:
    return [replace(case, masks=()) for case in cases]


def _pictures(files: dict[str, Path]) -> dict[str, Path]:
    """Returns files by name; the files that an OME header joins are the first of them, under the name they share."""
    sets = sets_among(files)
    members = {name for names in sets.values() for name in names[1:]}
    return {
        shared_name(sets[name]) if name in sets else name: file
        for name, file in files.items()
        if name not in members
    }


def _described(path: Path) -> list[Case] | None:
    """Returns the images of a folder in nnU-Net's or the Decathlon's layout; None for any other folder."""
    if is_described(path):
        return _without_masks(open_dataset(path).cases)
    root = path.resolve().parent
    if path.name.startswith(("imagesTs", "imagesTr")) and (root / "dataset.json").is_file():
        first = next((file for file in sorted(path.iterdir()) if file.name[0] != "."), path)
        listed = decathlon.is_decathlon(root) and not file_stem(first).endswith("_0000")
        return decathlon.images(path) if listed else nnunet.images(root / path.name)
    return None

"""Describes a folder that is not a data set, and how it could become one."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from isthmus.data.layouts.pairing import IMAGE_FOLDERS, MASK_FOLDERS, find_folders, folders
from isthmus.errors import few
from isthmus.io.formats import FORMATS, stem, suffix
from isthmus.io.volumes import data_files

LAYOUT = "a data set is a folder with images/ and masks/, or a CSV with the columns image and mask"


def what_is_here(root: Path) -> str:
    """Returns one line about a folder that is not a data set: what was found and what to do."""
    inside = [folder.name for folder in folders(root) if find_folders(folder)]
    if inside:
        return (
            f"{root}: images and masks are in {few(inside, 4)}; name one of these folders, "
            "or list the files of all of them in a CSV with the columns image and mask"
        )
    names = [folder.name for folder in folders(root)]
    pictures = _pictures(root)
    if pictures and not {name.lower() for name in names} & {*IMAGE_FOLDERS, *MASK_FOLDERS}:
        return (
            f"{root}: {_unpaired(pictures)}; put images into images/ and masks into masks/, name the mask of a.png "
            "a_mask.png, or list both in a CSV with the columns image and mask"
        )
    missing = "masks" if "images" in {name.lower() for name in names} else "images"
    here = f" (found: {few(names, 4)})" if names else ""
    return f"{root}: no folder {missing}/ here{here}; {LAYOUT}"


def _unpaired(pictures: list[Path]) -> str:
    """Returns what is wrong with images none of which is the mask of another."""
    for one, other in pairwise(pictures):
        if _stem(one) == _stem(other):
            return f"{one.name} and {other.name} differ only in their endings, so neither is known to be the mask"
    return f"images without masks here ({few([path.name for path in pictures], 4)})"


def _pictures(root: Path) -> list[Path]:
    """Returns the images directly in a folder, sorted by name; a header and its voxels count as one."""
    found = [
        path for path in root.iterdir() if path.is_file() and path.name[0] != "." and suffix(path) in FORMATS
    ]
    voxels = {file for path in found for file in data_files(path)}
    return sorted((path for path in found if path not in voxels), key=lambda path: (_stem(path), path.name))


def _stem(path: Path) -> str:
    return stem(path).lower()

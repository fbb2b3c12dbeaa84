"""Which mask belongs to which image, by their names and those of their folders."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath

MASK_ENDINGS = ("", "_mask", "-mask", "_segmentation", "_seg", "_anno", "_label", "_labels")
"""What may stand behind the image's stem in the name of its mask; other habits are recognised where they are plain."""

IMAGE_FOLDERS = (
    "images",
    "image",
    "imgs",
    "img",
    "imagestr",
    "originals",
    "original",
    "frames",
    "inputs",
    "input",
)
MASK_FOLDERS = (
    *("masks", "mask", "labels", "label", "labelstr", "groundtruth", "gt", "annotations", "annotation"),
    *("segmentations", "segmentation", "seg", "targets", "target"),
)
"""Names of folders, the usual ones first; capitals, blanks, hyphens and underscores do not count."""

DEPTH = 2
"""Folders that an archive puts above the data."""

_WORDS = r"(?:images?|imgs?|originals?|masks?|segm?|segmentations?|annos?|annotations?|labels?|gt|groundtruth|manual1?)"
_AFFIX = re.compile(rf"^{_WORDS}(?:[ _.-]+|$)|(?:[ _.-]+|^){_WORDS}$")


def find_folders(root: Path) -> tuple[Path, Path] | None:
    """The folders of the images and of their masks in a folder, or in the only folder that it holds."""
    for _ in range(DEPTH + 1):
        found = folders(root)
        images, masks = _called(found, IMAGE_FOLDERS), _called(found, MASK_FOLDERS)
        if images and masks:
            return images, masks
        if len(found) != 1 or images or masks:
            return None
        root = found[0]
    return None


def folders(root: Path) -> list[Path]:
    """Folders in a folder, but for hidden ones and what macOS leaves in archives."""
    return [
        path
        for path in sorted(root.iterdir())
        if path.is_dir() and not path.name.startswith((".", "__MACOSX"))
    ]


def masks_of(images: Iterable[str], masks: Iterable[str]) -> dict[str, list[str]]:
    """For each image the masks that bear its name; several are one too many. Images without any are left out.

    Names are relative paths without suffix. Strict habits go first: the same name, the name with one of
    `MASK_ENDINGS`. What is left is compared without words such as "image" or "mask", then without zeros in front of
    numbers, and is matched where only one image and one mask come to the same.

    >>> masks_of(["a", "img_2"], ["a_mask", "mask_002"])
    {'a': ['a_mask'], 'img_2': ['mask_002']}
    """
    names, left = list(images), dict.fromkeys(masks)
    taken = set(names)
    found: dict[str, list[str]] = {}
    for name in names:
        # the mask of an image called 'a_mask' is not one of the image 'a'
        wanted = [name + ending for ending in MASK_ENDINGS if not ending or name + ending not in taken]
        here = [mask for mask in wanted if mask in left]
        if here:
            found[name] = here
            for mask in here:
                del left[mask]
    for key in (_core, _core_number):
        lone = [name for name in names if name not in found]
        ours, theirs = _unique(lone, key), _unique(left, key)
        for name, mask in ((ours[core], theirs[core]) for core in ours if core in theirs):
            found[name] = [mask]
            del left[mask]
    return found


def flat_masks(names: Iterable[str]) -> dict[str, str]:
    """Of names in one folder, each mask and the image that it lies beside: one bears the other's name and an ending.

    >>> flat_masks(["a", "a_mask", "b", "c_Seg", "c"])
    {'a_mask': 'a', 'c_Seg': 'c'}
    """
    known = set(names)
    found = {}
    for name in names:
        for ending in MASK_ENDINGS[1:]:
            image = name[: len(name) - len(ending)]
            if name.lower().endswith(ending) and image in known:
                found[name] = image
    return found


def same_letters(name: str) -> str:
    """One spelling for an accented letter, of which file systems have two."""
    return unicodedata.normalize("NFC", name)


def _called(found: list[Path], names: tuple[str, ...]) -> Path | None:
    plain = {re.sub(r"[\W_]", "", path.name.lower()): path for path in reversed(found)}
    return next((plain[name] for name in names if name in plain), None)


def _core(name: str) -> str:
    """The name in small letters, without words that say what kind of file it is."""
    path = PurePosixPath(name.lower())
    stem, before = path.name, ""
    while stem != before:
        stem, before = _AFFIX.sub("", stem), stem
    return str(path.parent / stem)


def _core_number(name: str) -> str:
    return re.sub(r"\d+", lambda digits: str(int(digits[0])), _core(name))


def _unique(names: Iterable[str], key: Callable[[str], str]) -> dict[str, str]:
    """Name by key, where no other name has that key."""
    keys = {name: key(name) for name in names}
    times = Counter(keys.values())
    return {core: name for name, core in keys.items() if times[core] == 1}

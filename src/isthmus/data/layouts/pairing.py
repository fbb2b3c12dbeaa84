"""Finds the mask of each image by their names and those of their folders."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import product
from pathlib import Path, PurePosixPath

MASK_ENDINGS = ("", "_mask", "-mask", "_segmentation", "_seg", "_anno", "_label", "_labels")
"""What may follow the name of an image in the name of its mask; other conventions are recognised if unambiguous."""

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
    "jpegimages",
    "raw",
)
MASK_FOLDERS = (
    *("masks", "mask", "labels", "label", "labelstr", "groundtruth", "gt", "annotations", "annotation"),
    *(
        "segmentations",
        "segmentation",
        "seg",
        "targets",
        "target",
        "segmentationclass",
        "groundtruths",
        "truth",
    ),
)
"""Names of folders, the usual ones first; case, spaces, hyphens and underscores are ignored."""

DEPTH = 2
"""Number of folders that an archive may put above the data."""

IMAGE_WORDS = frozenset(
    (
        *("image", "images", "img", "imgs", "im", "pic", "picture", "photo", "frame", "frames", "fram"),
        *("original", "originals", "orig", "raw", "input", "inputs"),
    )
)
MASK_WORDS = frozenset(
    (
        *("mask", "masks", "msk", "seg", "segs", "segm", "segmentation", "segmentations", "segmented"),
        *("anno", "annos", "annot", "annotation", "annotations", "ann", "gt", "groundtruth", "truth"),
        *("label", "labels", "labelled", "labeled", "labelling", "lbl", "binary", "manual"),
        *("target", "targets", "instance", "instances"),
    )
)
"""Words in the names of images and masks that state the kind of file, and do not identify it."""

_PHRASES = (
    (re.compile(r"\.(?:ome\.)?(?:tiff?|png|jpe?g|bmp)$"), ""),  # a1.tif.png is the mask of a1.tif
    (
        re.compile(
            r"simple[ _-]segmentation|object[ _-]identities|ground[ _-]truth|cp[ _-]masks?|man[ _-](?:seg|track)"
        ),
        "mask",
    ),
    (re.compile(r"manual\d|(?<=[_ -])[12](?:st|nd)ho"), "mask"),
)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z][a-z])")
_TOKEN = re.compile(
    r"\d+|[^\W\d_]+"  # numbers and words
    r"|[^\w\s.,#()\[\]{}-]"  # a sign, such as the plus of CD4+
    r"|(?<=[^\W_])-(?=[-_. ]|$)|(?<![^_ (])-(?=\d)"  # a minus: the hyphen of CD4- and of z_-3, not that of a-b
)

Key = tuple[str, ...]


def find_folders(root: Path) -> tuple[Path, Path] | None:
    """Returns the folders of the images and of their masks in a folder, or in the only folder inside it."""
    for _ in range(DEPTH + 1):
        found = folders(root)
        images, masks = _named(found, IMAGE_FOLDERS, IMAGE_WORDS), _named(found, MASK_FOLDERS, MASK_WORDS)
        if images and masks:
            return images, masks
        if len(found) != 1 or images or masks:
            return None
        root = found[0]
    return None


def folders(root: Path) -> list[Path]:
    """Returns the folders in a folder, without hidden ones and those that macOS leaves in archives."""
    return [
        path
        for path in sorted(root.iterdir())
        if path.is_dir() and not path.name.startswith((".", "__MACOSX"))
    ]


def masks_of(images: Iterable[str], masks: Iterable[str]) -> dict[str, list[str]]:
    """Returns the masks that have the name of each image (more than one is an error); images without any are left out.

    Names are relative paths without suffix. Strict conventions come first: the same name, and the name with one of
    `MASK_ENDINGS`. The other names are compared without words such as "image" or "mask" at the ends, then without
    leading zeros, without a channel number 0000, and without such words anywhere; they match if exactly one image and
    one mask become equal. Finally, words that all images (or all masks) share are removed, if that gives each image a
    mask and leaves none over.

    >>> masks_of(["a", "img_2", "t001"], ["a_mask", "mask_002", "man_seg001"])
    {'a': ['a_mask'], 'img_2': ['mask_002'], 't001': ['man_seg001']}
    """
    names, others = list(images), list(dict.fromkeys(masks))
    left = dict.fromkeys(others)
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
    for key in (_as_written, _counted, _first_channel, _without_words):
        ours, theirs = _unique(names, key), _unique(others, key)
        for core in ours.keys() & theirs.keys():
            if ours[core] not in found and theirs[core] in left:
                found[ours[core]] = [theirs[core]]
                del left[theirs[core]]
    found |= _by_common_words([name for name in names if name not in found], list(left))
    return {name: found[name] for name in names if name in found}


def flat_masks(names: Iterable[str]) -> dict[str, str]:
    """Returns the masks among the names in one folder, each with its image; the name of a mask identifies it as one.

    >>> flat_masks(["a", "a_mask", "b", "c_Seg", "c"])
    {'a_mask': 'a', 'c_Seg': 'c'}
    """
    known = list(names)
    present = set(known)
    found = {
        name: name[: len(name) - len(ending)]
        for name in known
        for ending in (*MASK_ENDINGS[1:], ".tif", ".tiff", ".png", ".jpg", ".jpeg", ".bmp")
        if name.lower().endswith(ending) and name[: len(name) - len(ending)] in present
    }
    rest = [name for name in known if name not in found and name not in found.values()]
    masks = [name for name in rest if _says_mask(name)]
    images = [name for name in rest if not _says_mask(name)]
    found |= {own[0]: image for image, own in masks_of(images, masks).items() if len(own) == 1}
    return found


def same_letters(name: str) -> str:
    """Returns a name with one spelling of accented letters, for which file systems use two."""
    return unicodedata.normalize("NFC", name)


def _named(found: list[Path], names: tuple[str, ...], words: frozenset[str]) -> Path | None:
    """Returns the folder with the first of these names, or the only one named with such words only."""
    plain = {re.sub(r"[\W_]", "", path.name.lower()): path for path in reversed(found)}
    others = [path for path in found if (tokens := _tokens(path.name)) and words.issuperset(tokens)]
    return next((plain[name] for name in names if name in plain), others[0] if len(others) == 1 else None)


def _tokens(stem: str) -> list[str]:
    """Returns the words, numbers and signs of a name in lower case, without the separators between them.

    >>> _tokens("Cell-03_Simple Segmentation"), _tokens("CD4+_z_-3")
    (['cell', '03', 'mask'], ['cd', '4', '+', 'z', '-', '3'])
    """
    text = _CAMEL.sub(" ", stem).lower()
    for phrase, word in _PHRASES:
        text = phrase.sub(word, text)
    return _TOKEN.findall(text)


def _stripped(tokens: list[str]) -> list[str]:
    """Removes words at the ends that state the kind of file."""
    words = IMAGE_WORDS | MASK_WORDS
    while tokens and tokens[0] in words:
        tokens = tokens[1:]
    while tokens and tokens[-1] in words:
        tokens = tokens[:-1]
    return tokens


def _above(name: str) -> Key:
    """Returns the folders above a file, without those named after images or masks."""
    parts = PurePosixPath(name.lower()).parent.parts
    return tuple(part for part in parts if _stripped(_tokens(part)))


def _key(name: str, tokens: Iterable[str]) -> Key:
    return (*_above(name), "/", *(token.lstrip("0") or "0" if token.isdigit() else token for token in tokens))


def _as_written(name: str) -> Key:
    return (*_above(name), "/", *_stripped(_tokens(PurePosixPath(name).name)))


def _counted(name: str) -> Key:
    return _key(name, _stripped(_tokens(PurePosixPath(name).name)))


def _first_channel(name: str) -> Key:
    tokens = _stripped(_tokens(PurePosixPath(name).name))
    return _key(name, tokens[:-1] if len(tokens) > 1 and tokens[-1] == "0000" else tokens)


def _without_words(name: str) -> Key:
    words = IMAGE_WORDS | MASK_WORDS
    return _key(name, (token for token in _tokens(PurePosixPath(name).name) if token not in words))


def _says_mask(name: str) -> bool:
    return any(token in MASK_WORDS for token in _tokens(PurePosixPath(name).name))


def _by_common_words(images: list[str], masks: list[str]) -> dict[str, list[str]]:
    """Pairs all remaining names, where either the images or the masks share words that the others lack.

    Numbers and signs are never removed. If two ways give different pairs, there are none.
    """
    if not images or len(images) != len(masks):
        return {}
    ways: list[dict[str, str]] = []
    for one, other in ((images, masks), (masks, images)):
        known = {_counted(name): name for name in other}
        tokens = {name: _stripped(_tokens(PurePosixPath(name).name)) for name in one}
        before, behind = _shared(list(tokens.values())), _shared([found[::-1] for found in tokens.values()])
        for first, last in product(range(before + 1), range(behind + 1)):
            cut = {name: found[first : len(found) - last] for name, found in tokens.items()}
            pairs = {name: known.get(_key(name, found)) for name, found in cut.items() if found}
            matched = {name: mask for name, mask in pairs.items() if mask is not None}
            if len(matched) == len(set(matched.values())) == len(one) == len(known):
                turned = {mask: name for name, mask in matched.items()}
                ways.append(matched if one is images else turned)
    if not ways or any(way != ways[0] for way in ways):
        return {}
    return {image: [mask] for image, mask in ways[0].items()}


def _shared(lists: list[list[str]]) -> int:
    """Returns the number of leading words that all lists share, up to a number or a sign."""
    count = 0
    for tokens in zip(*lists, strict=False):
        if len(set(tokens)) > 1 or not tokens[0].isalpha():
            break
        count += 1
    return count


def _unique(names: Iterable[str], key: Callable[[str], Key]) -> dict[Key, str]:
    """Returns the names by key, for keys that only one name has."""
    keys = {name: key(name) for name in names}
    times = Counter(keys.values())
    return {core: name for name, core in keys.items() if times[core] == 1}

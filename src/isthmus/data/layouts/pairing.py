"""Which mask belongs to which image, by their names and those of their folders."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import product
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
"""Names of folders, the usual ones first; capitals, blanks, hyphens and underscores do not count."""

DEPTH = 2
"""Folders that an archive puts above the data."""

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
"""Words in the names of images and masks that say what kind of file it is, and not which."""

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
    """The folders of the images and of their masks in a folder, or in the only folder that it holds."""
    for _ in range(DEPTH + 1):
        found = folders(root)
        images, masks = _called(found, IMAGE_FOLDERS, IMAGE_WORDS), _called(found, MASK_FOLDERS, MASK_WORDS)
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
    `MASK_ENDINGS`. What is left is compared without words such as "image" or "mask" at the ends, then without zeros in
    front of numbers, without a channel number 0000, and without such words anywhere; it is matched where only one image
    and one mask come to the same. Last, words that all images (or all masks) have in common are taken away, where that
    gives each image a mask and leaves none over.

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
    """Of names in one folder, each mask and the image that it lies beside: a mask says so in its name.

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
    """One spelling for an accented letter, of which file systems have two."""
    return unicodedata.normalize("NFC", name)


def _called(found: list[Path], names: tuple[str, ...], words: frozenset[str]) -> Path | None:
    """The folder of the first of these names, else the only one that is called by such words alone."""
    plain = {re.sub(r"[\W_]", "", path.name.lower()): path for path in reversed(found)}
    others = [path for path in found if (tokens := _tokens(path.name)) and words.issuperset(tokens)]
    return next((plain[name] for name in names if name in plain), others[0] if len(others) == 1 else None)


def _tokens(stem: str) -> list[str]:
    """Words, numbers and signs of a name, in small letters; blanks, hyphens and the like between them do not count.

    >>> _tokens("Cell-03_Simple Segmentation"), _tokens("CD4+_z_-3")
    (['cell', '03', 'mask'], ['cd', '4', '+', 'z', '-', '3'])
    """
    text = _CAMEL.sub(" ", stem).lower()
    for phrase, word in _PHRASES:
        text = phrase.sub(word, text)
    return _TOKEN.findall(text)


def _stripped(tokens: list[str]) -> list[str]:
    """Without words at the ends that say what kind of file it is."""
    words = IMAGE_WORDS | MASK_WORDS
    while tokens and tokens[0] in words:
        tokens = tokens[1:]
    while tokens and tokens[-1] in words:
        tokens = tokens[:-1]
    return tokens


def _above(name: str) -> Key:
    """Folders above a file, but those that say images or masks."""
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
    """Pairs of all that is left, where either the images or the masks have words in common that the others lack.

    Numbers and signs are never taken away, and where two ways give different pairs there is none.
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
    """How many words all lists begin with; a number or a sign ends them."""
    count = 0
    for tokens in zip(*lists, strict=False):
        if len(set(tokens)) > 1 or not tokens[0].isalpha():
            break
        count += 1
    return count


def _unique(names: Iterable[str], key: Callable[[str], Key]) -> dict[Key, str]:
    """Name by key, where no other name has that key."""
    keys = {name: key(name) for name in names}
    times = Counter(keys.values())
    return {core: name for name, core in keys.items() if times[core] == 1}

"""Opens a data set: a folder of images and masks, a CSV that names them, or a public data set by name."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from isthmus.data.cases import Case, Dataset, Source, clashes
from isthmus.data.catalog import DATASETS
from isthmus.data.checks.problems import refuse
from isthmus.data.csv_files import from_csv
from isthmus.data.expansion import expanded, joined_files, sets_among, with_axes
from isthmus.data.layouts import decathlon, nnunet
from isthmus.data.layouts.pairing import find_folders, flat_masks, folders, masks_of
from isthmus.data.layouts.unrecognised import LAYOUT, what_is_here
from isthmus.data.listing import files_in, readable
from isthmus.errors import IsthmusError, few
from isthmus.io.tiff_axes import as_axes


def open_dataset(name_or_path: str | Path, root: Path | None = None, axes: str | None = None) -> Dataset:
    """Opens a data set by name (with the folder it was downloaded to), or the user's own folder or CSV.

    A folder with a `dataset.json` is one of nnU-Net or of the Medical Segmentation Decathlon.

    Args:
        axes: the meaning of the axes of TIFF images, if files and masks do not show it (`isthmus.io.tiff_axes`).

    Raises:
        IsthmusError: there is no such data set, or its layout is another one.
    """
    name, path, letters = str(name_or_path), Path(name_or_path), as_axes(axes)
    if root is None and path.is_dir():
        if is_described(path):
            return decathlon.read(path) if decathlon.is_decathlon(path) else nnunet.read(path)
        return from_folder(path, letters)
    if root is None and path.is_file():
        if path.suffix.lower() != ".csv":
            raise IsthmusError(f"{path}: not a data set; {LAYOUT}")
        return from_csv(path, axes=letters)
    try:
        entry = DATASETS.find(name)
    except IsthmusError as error:
        if root is not None:
            raise
        raise IsthmusError(f"{name}: no such folder or CSV, and {error}; {LAYOUT}") from error
    if root is None:
        raise IsthmusError(
            f"{name}: give the folder of this data set (--root, or --data of `isthmus reproduce`), which contains "
            f"{entry.layout}"
        )
    if not root.is_dir():
        raise IsthmusError(f"{root}: no such folder; --root is the folder with {entry.layout}")
    return entry.read(root)


def from_folder(root: Path, axes: str = "") -> Dataset:
    """Reads a folder with `images/` and `masks/` (or other common names), or with masks beside their images.

    Each image is a case, and a group of its own. A mask has the name of its image, perhaps with one of `MASK_ENDINGS`
    (see `isthmus.data.layouts.pairing`), and any suffix that is read. Sub-folders are entered and become part of the
    id. A stack of N pages with a mask of N pages is N cases of one group; with a mask of one page its pages are
    channels (`isthmus.io.tiff_axes`). A folder for each image, with its own `images/` and `masks/`, is read too;
    several masks are then one object each.

    Raises:
        IsthmusError: lists everything that does not fit.
    """
    if not root.is_dir():
        raise IsthmusError(f"{root}: no such folder; {LAYOUT}")
    problems: list[str] = []
    notes: list[str] = []
    place = find_folders(root)
    if place is None:
        if pictures := by_picture(root):
            return Dataset(root.resolve().name, tuple(pictures))
        place = (root, root)
        files = files_in(root, problems, notes, beside=True)
        beside = flat_masks(files)
        if not beside:
            raise IsthmusError(what_is_here(root))
        masks = {stem: files[stem] for stem in beside}
        images = {stem: path for stem, path in files.items() if stem not in masks}
    else:
        images, masks = (files_in(folder, problems, notes) for folder in place)
    if not images and not masks and not problems:
        raise IsthmusError(
            f"{place[0]}: no images here; put some in, and their masks in {place[1]} ({readable()})"
        )
    cases = _of_pairs(images, masks, place, problems, axes)
    problems += clashes(cases)
    refuse(problems, root)
    return with_axes(Dataset(root.resolve().name, tuple(cases), notes=tuple(notes)))


def _of_pairs(
    images: dict[str, Path], masks: dict[str, Path], place: tuple[Path, Path], problems: list[str], axes: str
) -> list[Case]:
    """Returns the cases of images and masks by name; files without a partner go to `problems`."""
    sets = sets_among(images)
    found = _matched(images, masks)
    if images and masks and not found and not problems and not sets:
        raise IsthmusError(
            f"{place[0].parent}: no mask has the name of its image: images are "
            f"{few(list(images), 4)}, masks {few(list(masks), 4)}; give each mask the name of its image "
            "(_mask may follow it), or pair them in a CSV"
        )
    used = {name for own in found.values() for name in own}
    cases: list[Case] = []
    members = {stem for stems in sets.values() for stem in stems}
    for stem, image in images.items():
        own = found.get(stem, [])
        if stem in sets:
            of_one, taken = joined_files(sets[stem], images, masks, found, problems, axes)
            cases += of_one
            used |= set(taken)
        elif stem in members:
            continue
        elif len(own) == 1:
            cases += expanded(stem, image, masks[own[0]], stem, problems, axes=axes)
        elif own:
            listing = " and ".join(masks[name].name for name in own)
            problems.append(f"{image}: has {len(own)} masks, {listing}; keep one")
        else:
            problems.append(f"{image}: an image without a mask; add {place[1] / stem}.png or move it away")
    for stem in sorted(masks.keys() - used):
        problems.append(f"{masks[stem]}: a mask without an image; add {place[0] / stem}.png or move it away")
    return cases


def _matched(images: dict[str, Path], masks: dict[str, Path]) -> dict[str, list[str]]:
    """Returns the masks of each image by stem; a DICOM series alone in a folder may also have that folder's name."""
    above: dict[str, list[str]] = {}
    for stem, path in images.items():
        if path.is_dir():
            for parent in PurePosixPath(stem).parents:
                above.setdefault(parent.as_posix(), []).append(stem)
    found = masks_of(images, masks)
    left = masks.keys() - {name for own in found.values() for name in own}
    lone = {name: stems[0] for name, stems in above.items() if len(stems) == 1 and name not in images}
    for name, own in masks_of(lone, sorted(left)).items():
        if lone[name] not in found:
            found[lone[name]] = own
    return found


def is_described(path: Path) -> bool:
    """Returns whether a folder's `dataset.json` describes it; one beside `images/` may belong to any other program."""
    own = (path / "imagesTr").is_dir() or not (path / "images").is_dir()
    return (path / "dataset.json").is_file() and own


def by_picture(root: Path) -> list[Case]:
    """Returns the cases of a folder per image, as in DSB-2018: `<id>/images/` with one file and `<id>/masks/`.

    [] if the layout is another one.
    """
    cases = []
    for folder in folders(root):
        place = find_folders(folder)
        if place is None:
            return []
        images, masks = (list(files_in(part, []).values()) for part in place)
        if len(images) != 1 or not masks:
            return []
        cases.append(Case(folder.name, (Source(images[0]),), tuple(map(Source, sorted(masks))), folder.name))
    return cases

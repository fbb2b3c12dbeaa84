"""The user's own data: a folder of images and masks, a CSV that names them, or images alone."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from isthmus.data.case_paths import refuse_name
from isthmus.data.cases import Case, Dataset, Source
from isthmus.data.catalog import DATASETS
from isthmus.data.checks.problems import refuse
from isthmus.data.expansion import expanded, of_set, sets_among, shared_name
from isthmus.data.layouts import decathlon, nnunet
from isthmus.data.layouts.pairing import find_folders, flat_masks, folders, masks_of
from isthmus.data.layouts.unrecognised import LAYOUT, what_is_here
from isthmus.data.listing import files_in, readable
from isthmus.errors import IsthmusError, nearest
from isthmus.io.formats import stem as file_stem
from isthmus.io.tiff_axes import as_axes, common
from isthmus.io.volumes import is_volume

COLUMNS = ("image", "mask", "group", "id")
"""Columns of a CSV; the first two are needed."""


def open_dataset(name_or_path: str | Path, root: Path | None = None, axes: str | None = None) -> Dataset:
    """A data set by name (with the folder it was downloaded to), or the user's own folder or CSV.

    A folder with a `dataset.json` is one of nnU-Net or of the Medical Segmentation Decathlon.

    Args:
        axes: what the axes of TIFF images mean, where the files and their masks do not tell (`isthmus.io.tiff_axes`).

    Raises:
        IsthmusError: no such data set, or one that is not laid out as described.
    """
    name, path = str(name_or_path), Path(name_or_path)
    if root is None and path.is_dir():
        if _says_what_it_is(path):
            return decathlon.read(path) if decathlon.is_decathlon(path) else nnunet.read(path)
        return from_folder(path, as_axes(axes))
    if root is None and path.is_file():
        if path.suffix.lower() != ".csv":
            raise IsthmusError(f"{path}: not a data set; {LAYOUT}")
        return from_csv(path, axes=as_axes(axes))
    if name in DATASETS:
        entry = DATASETS[name]
        if root is None:
            raise IsthmusError(
                f"{name}: say where it lies (--root, of `isthmus reproduce` --data): a folder with {entry.layout}"
            )
        if not root.is_dir():
            raise IsthmusError(f"{root}: no such folder; --root is the folder with {entry.layout}")
        return entry.read(root)
    if root is not None:
        raise IsthmusError(f"{name}: no data set of this name to read from {root}; {nearest(name, DATASETS)}")
    raise IsthmusError(
        f"{name}: no such folder, CSV or data set; {LAYOUT}, or a name: {nearest(name, DATASETS)}"
    )


def from_folder(root: Path, axes: str = "") -> Dataset:
    """`images/` and `masks/`, or what else people call them, matched by stem; or images with their masks beside them.

    Each image is a case, and a group of its own. A mask has the stem of its image, or that with one of
    `MASK_ENDINGS`, and any of `IMAGE_SUFFIXES`; see `isthmus.data.layouts.pairing`. Sub-folders are entered and
    become part
    of the id. A stack of N pages with a mask of N pages is N cases of one group; with a mask of one page they are
    channels (`isthmus.io.tiff_axes`). A folder for each picture, with its own `images/` and `masks/`, is read too;
    several masks are then an object each.

    Raises:
        IsthmusError: everything that does not fit, in one list.
    """
    if not root.is_dir():
        raise IsthmusError(f"{root}: no such folder; {LAYOUT}")
    problems: list[str] = []
    notes: list[str] = []
    place = find_folders(root)
    if place is None:
        if pictures := _by_picture(root):
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
    return _described_axes(Dataset(root.resolve().name, tuple(cases), notes=tuple(notes)))


def _of_pairs(
    images: dict[str, Path], masks: dict[str, Path], place: tuple[Path, Path], problems: list[str], axes: str
) -> list[Case]:
    """The cases of images and masks by name; what has no partner goes to `problems`."""
    sets = sets_among(images)
    found = _matched(images, masks)
    if images and masks and not found and not problems and not sets:
        raise IsthmusError(
            f"{place[0].parent}: no mask has the name of its image: images are {_few(images)}, masks {_few(masks)}; "
            "give each mask the name of its image (_mask may follow it), or pair them in a CSV"
        )
    used = {name for own in found.values() for name in own}
    cases: list[Case] = []
    members = {stem for stems in sets.values() for stem in stems}
    for stem, image in images.items():
        own = found.get(stem, [])
        if stem in sets:
            of_one, taken = of_set(sets[stem], images, masks, found, problems, axes)
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


def _described_axes(dataset: Dataset) -> Dataset:
    """With what the axes of its files mean."""
    axes, note = common(source for case in dataset.cases for source in case.images)
    return replace(dataset, axes=axes, notes=(*dataset.notes, note)) if axes else dataset


def from_csv(path: Path, masks: bool = True, axes: str = "", channels: int | None = None) -> Dataset:
    """A table with the columns `image` and `mask`, and where wanted `group` and `id`; paths relative to the
    file.

    Without an id a case is called after its image (with as many folders as tell the images apart), without a
    group it is one of its own. Commas, semicolons or tabs separate; stacks become cases by page as in a
    folder. With `masks=False` the images alone count, and the column `mask` may be missing or empty.

    Raises:
        IsthmusError: a column that is missing or unknown, and every line that does not fit.
    """
    rows = _rows(path, ("image", "mask") if masks else ("image",))
    names = _names([Path(row["image"]) for _, row in rows])
    problems: list[str] = []
    cases: list[Case] = []
    for (line, row), name in zip(rows, names, strict=True):
        where = f"{path}, line {line}"
        stem = row["id"] or name
        if not row["image"] or (masks and not row["mask"]):
            problems.append(
                f"{where}: names no {'mask' if row['image'] else 'image'}; fill it in or drop the line"
            )
        elif row["id"] and (why := _no_name(stem)):
            problems.append(f"{where}: {why}")
        else:
            image, mask = path.parent / row["image"], path.parent / row["mask"] if masks else None
            missing = [
                f"{where}: no file {file}; paths are relative to the CSV"
                for file in (image, mask)
                if file is not None and not file.exists()
            ]
            problems += missing
            if not missing:
                cases += expanded(stem, image, mask, row["group"] or stem, problems, channels, axes)
    if not rows:
        raise IsthmusError(f"{path}: no lines below the header; name an image and a mask in each")
    problems += clashes(cases)
    refuse(problems, path)
    return _described_axes(Dataset(path.stem, tuple(cases)))


def images_in(
    paths: Path | Iterable[Path], channels: int | None = None, axes: str | None = None
) -> list[Case]:
    """Images to segment: files, folders (with their sub-folders), or several; a stack gives a case per page.

    Args:
        channels: of the network; a TIFF of as many pages (but 1 or 3) is one picture, where `axes` says nothing else.
        axes: what the axes of the files mean, as the run stores it (`isthmus.io.tiff_axes`).

    In a folder that has `images/`, only that is looked at; in one with a `dataset.json` (nnU-Net, Decathlon) the
    training images, and a folder `imagesTs` beside one is read as it says. Masks that lie beside their images
    (`a.png`, `a_mask.png`) are left out. A CSV gives the files in its column `image`.

    Raises:
        IsthmusError: a path that does not exist, a folder without images, two images that would get one name.
    """
    problems: list[str] = []
    cases: list[Case] = []
    axes = as_axes(axes)
    paths = [paths] if isinstance(paths, Path) else list(paths)
    given = _pictures({str(path): path for path in paths if path.is_file()})
    for path in paths:
        if path.is_dir() and is_volume(path):
            cases += expanded(path.name, path, None, path.name, problems)
        elif path.is_dir() and (described := _described(path)) is not None:
            cases += described
        elif path.is_dir() and (pictures := _by_picture(path)):
            cases += [replace(case, masks=()) for case in pictures]
        elif path.is_dir():
            place = find_folders(path)
            folder = place[0] if place else path / "images" if (path / "images").is_dir() else path
            found = files_in(folder, problems, beside=place is None and folder == path)
            if not found and not problems:
                problems.append(f"{path}: no images here ({readable()})")
            beside = flat_masks(found) if place is None else {}
            for stem, image in _pictures(
                {at: file for at, file in found.items() if at not in beside}
            ).items():
                cases += expanded(stem, image, None, stem, problems, channels, axes)
        elif path.is_file() and path.suffix.lower() == ".csv":
            cases += [replace(case, masks=()) for case in from_csv(path, False, axes, channels).cases]
        elif path.is_file():
            for name in [name for name, file in given.items() if file == path]:
                stem = file_stem(Path(name))
                cases += expanded(stem, path, None, stem, problems, channels, axes)
        else:
            problems.append(f"{path}: no such file or folder")
    problems += clashes(cases)
    refuse(problems, "the images")
    return cases


def _pictures(files: dict[str, Path]) -> dict[str, Path]:
    """Files by their names, of those that an OME header makes one picture of the first alone, by what they share."""
    sets = sets_among(files)
    members = {name for names in sets.values() for name in names[1:]}
    return {
        shared_name(sets[name]) if name in sets else name: file
        for name, file in files.items()
        if name not in members
    }


def _says_what_it_is(path: Path) -> bool:
    """Whether a folder's `dataset.json` describes it; one beside `images/` may be of any other program."""
    own = (path / "imagesTr").is_dir() or not (path / "images").is_dir()
    return (path / "dataset.json").is_file() and own


def _described(path: Path) -> list[Case] | None:
    """The images of nnU-Net's or the Decathlon's layout: of a folder beside a `dataset.json`, or all for training."""
    if _says_what_it_is(path):
        return [replace(case, masks=()) for case in open_dataset(path).cases]
    root = path.resolve().parent
    if path.name.startswith(("imagesTs", "imagesTr")) and (root / "dataset.json").is_file():
        first = next((file for file in sorted(path.iterdir()) if file.name[0] != "."), path)
        listed = decathlon.is_decathlon(root) and not file_stem(first).endswith("_0000")
        return decathlon.images(path) if listed else nnunet.images(root / path.name)
    return None


def _by_picture(root: Path) -> list[Case]:
    """A folder for each picture, as in DSB-2018: `<id>/images/` with one file, `<id>/masks/` with one an object."""
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


def _matched(images: dict[str, Path], masks: dict[str, Path]) -> dict[str, list[str]]:
    """The masks of each image by stem; a DICOM series alone in a folder may bear the name of that folder too."""
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


def _no_name(case: str) -> str:
    """Why a case cannot be called so; nothing where it can."""
    try:
        refuse_name(case)
    except IsthmusError as error:
        return str(error)
    return ""


def clashes(cases: Sequence[Case]) -> list[str]:
    first: dict[str, Case] = {}
    problems = []
    for case in cases:
        if first.setdefault(case.id, case) is not case:
            other = first[case.id].images[0]
            problems.append(f"{case.images[0]}: would be called '{case.id}', as {other} is; name them apart")
    return problems


def _rows(path: Path, needs: Sequence[str]) -> list[tuple[int, dict[str, str]]]:
    """Line number and cells of a CSV by known column."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise IsthmusError(f"{path}: cannot be read as text ({error}); save it as CSV in UTF-8") from error
    header = text.partition("\n")[0]
    table = csv.reader(text.splitlines(), delimiter=max(",;\t", key=header.count), skipinitialspace=True)
    names = [name.strip().lower() for name in next(table, [])]
    for needed in needs:
        if needed not in names:
            found = ", ".join(name for name in names if name) or "nothing"
            raise IsthmusError(
                f"{path}: no column '{needed}' in its first line ({found}); the columns are image, mask"
            )
    for name, times in Counter(names).items():
        if name not in COLUMNS:
            raise IsthmusError(f"{path}: unknown column '{name}'; {nearest(name, COLUMNS)}")
        if times > 1:
            raise IsthmusError(f"{path}: the column '{name}' stands twice; keep one")
    rows = []
    for cells in table:
        if len(cells) > len(names):
            raise IsthmusError(
                f"{path}, line {table.line_num}: more values than columns; put quotes around commas"
            )
        padded = dict.fromkeys(COLUMNS, "") | dict(zip(names, (cell.strip() for cell in cells), strict=False))
        if any(padded.values()):
            rows.append((table.line_num, padded))
    return rows


def _few(names: Iterable[str], most: int = 4) -> str:
    listed = list(names)
    return ", ".join(listed[:most]) + ", …" * (len(listed) > most)


def _names(images: Sequence[Path]) -> list[str]:
    """Stems, preceded by as many folders as tell them apart.

    >>> _names([Path("a/x.png"), Path("b/x.png")])
    ['a/x', 'b/x']
    """
    paths = [
        [part for part in (image.parent / file_stem(image)).parts if part not in ("..", image.anchor)]
        for image in images
    ]
    for depth in range(1, max((len(parts) for parts in paths), default=1) + 1):
        names = ["/".join(parts[-depth:]) for parts in paths]
        if len(set(names)) == len(names):
            return names
    return ["/".join(parts[-1:]) for parts in paths]

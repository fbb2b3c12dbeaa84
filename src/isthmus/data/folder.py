"""The user's own data: a folder of images and masks, a CSV that names them, or images alone."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from isthmus.data.cases import Case, Dataset, Source
from isthmus.data.catalog import DATASETS
from isthmus.data.formats import IMAGE_SUFFIXES, pages
from isthmus.data.problems import refuse
from isthmus.errors import IsthmusError, nearest

MASK_ENDINGS = ("", "_mask", "-mask", "_segmentation", "_seg", "_anno", "_label", "_labels")
"""What may stand behind the image's stem in the name of its mask."""

COLUMNS = ("image", "mask", "group", "id")

_BYSTANDERS = (
    ".txt",
    ".md",
    ".csv",
    ".json",
    ".xml",
    ".yaml",
    ".yml",
    ".html",
    ".pdf",
    ".ini",
    ".db",
    ".zip",
    ".log",
)


def open_dataset(name_or_path: str | Path, root: Path | None = None) -> Dataset:
    """A data set by name (with the folder it was downloaded to), or the user's own folder or CSV.

    Raises:
        IsthmusError: no such data set, or one that is not laid out as described.
    """
    name = str(name_or_path)
    path = Path(name_or_path)
    if root is None and path.is_dir():
        return from_folder(path)
    if root is None and path.is_file():
        if path.suffix.lower() != ".csv":
            raise IsthmusError(
                f"{path}: a data set is a folder with images/ and masks/, or a .csv that names them"
            )
        return from_csv(path)
    if name in DATASETS:
        entry = DATASETS[name]
        if root is None:
            raise IsthmusError(f"{name}: say with --root where it lies: a folder with {entry.layout}")
        if not root.is_dir():
            raise IsthmusError(f"{root}: no such folder; --root is the folder with {entry.layout}")
        return entry.read(root)
    if root is not None:
        raise IsthmusError(f"no data set '{name}' to read from {root}: {nearest(name, DATASETS)}")
    raise IsthmusError(
        f"{name}: neither a folder, nor a CSV file, nor a data set with a name; {nearest(name, DATASETS)}"
    )


def from_folder(root: Path) -> Dataset:
    """`images/` and `masks/`, matched by stem: each image is a case and a group of its own.

    A mask has the stem of its image, or that with one of `MASK_ENDINGS`, and any suffix of `IMAGE_SUFFIXES`.
    Sub-folders are entered and become part of the id. A stack of N pages with a mask of N pages is N cases of one
    group.

    Raises:
        IsthmusError: everything that does not fit, in one list.
    """
    if not root.is_dir():
        raise IsthmusError(f"{root}: no such folder")
    image_dir, mask_dir = _subfolder(root, "images"), _subfolder(root, "masks")
    problems: list[str] = []
    images, masks = _by_stem(image_dir, problems), _by_stem(mask_dir, problems)
    if not images and not problems:
        raise IsthmusError(f"{image_dir}: no images here ({', '.join(IMAGE_SUFFIXES)} are read)")
    cases: list[Case] = []
    used: set[str] = set()
    for stem, image in images.items():
        found = [stem + ending for ending in MASK_ENDINGS if stem + ending in masks]
        if stem not in found:  # the mask of the image 'a_mask' is not one of the image 'a'
            found = [name for name in found if name not in images]
        elif len(found) > 1:
            found = [stem, *(name for name in found[1:] if name not in images)]
        used.update(found)
        if not found:
            problems.append(
                f"{image}: an image without a mask; add {mask_dir / (stem + '.png')} or move the image away"
            )
        elif len(found) > 1:
            listing = " and ".join(str(masks[name]) for name in found)
            problems.append(f"{image}: has several masks, {listing}; keep one")
        else:
            cases += _expand(stem, image, masks[found[0]], stem, problems)
    for stem in masks.keys() - used:
        problems.append(
            f"{masks[stem]}: a mask without an image; add {image_dir / stem}.png or move the mask away"
        )
    refuse(sorted(problems), root)
    return Dataset(root.resolve().name, tuple(cases))


def from_csv(path: Path) -> Dataset:
    """A table with the columns `image` and `mask`, and where wanted `group` and `id`; paths relative to the file.

    Raises:
        IsthmusError: a column that is missing or unknown, and every line that does not fit.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise IsthmusError(f"{path}: cannot be read as text ({error}); save it as CSV in UTF-8") from error
    header = text.partition("\n")[0]
    delimiter = max(",;\t", key=header.count)
    rows = csv.DictReader(text.splitlines(), delimiter=delimiter, skipinitialspace=True)
    names = [(name or "").strip().lower() for name in rows.fieldnames or []]
    for needed in ("image", "mask"):
        if needed not in names:
            close = nearest(needed, [name for name in names if name] or ["nothing"])
            raise IsthmusError(f"{path}: no column '{needed}' in the first line; {close}")
    unknown = [name for name in names if name not in COLUMNS]
    if unknown:
        raise IsthmusError(f"{path}: unknown column '{unknown[0]}'; {nearest(unknown[0], COLUMNS)}")
    rows.fieldnames = names
    problems: list[str] = []
    cases: list[Case] = []
    for row in rows:
        line = f"{path}, line {rows.line_num}"
        cells = {name: (row.get(name) or "").strip() for name in COLUMNS}
        if row.get(None) is not None or not cells["image"] or not cells["mask"]:
            problems.append(f"{line}: an image and a mask are needed, one value per column")
            continue
        image, mask = path.parent / cells["image"], path.parent / cells["mask"]
        missing = [str(file) for file in (image, mask) if not file.is_file()]
        if missing:
            problems.append(f"{line}: no file {' and no file '.join(missing)}; paths are relative to the CSV")
            continue
        stem = cells["id"] or Path(cells["image"]).with_suffix("").as_posix()
        cases += _expand(stem, image, mask, cells["group"] or stem, problems)
    if not cases and not problems:
        raise IsthmusError(f"{path}: no lines below the header; name an image and a mask in each")
    problems += _duplicates(cases, str(path))
    refuse(problems, path)
    return Dataset(path.stem, tuple(cases))


def images_in(paths: Path | Iterable[Path]) -> list[Case]:
    """Images to segment: files, folders (with their sub-folders), or several of them; a stack gives a case per page.

    In a data set folder only `images/` is looked at.

    Raises:
        IsthmusError: a path that does not exist, a folder without images, two images that would get one name.
    """
    problems: list[str] = []
    cases: list[Case] = []
    for path in [paths] if isinstance(paths, Path) else list(paths):
        if path.is_dir():
            folder = path / "images" if (path / "images").is_dir() else path
            found = _by_stem(folder, problems, strict=False)
            if not found and not problems:
                raise IsthmusError(f"{path}: no images here ({', '.join(IMAGE_SUFFIXES)} are read)")
            for stem, image in found.items():
                cases += _expand(stem, image, None, stem, problems)
        elif path.is_file():
            cases += _expand(path.stem, path, None, path.stem, problems)
        else:
            problems.append(f"{path}: no such file or folder")
    problems += _duplicates(cases, "the images")
    refuse(problems, "the images")
    return cases


def _subfolder(root: Path, name: str) -> Path:
    folders = sorted(path.name for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    for folder in folders:
        if folder.lower() == name:
            return root / folder
    if folders:
        raise IsthmusError(
            f"{root}: no folder {name}/ here; a data set is a folder with images/ and masks/ ({', '.join(folders[:8])} found)"
        )
    raise IsthmusError(f"{root}: no folder {name}/ here; a data set is a folder with images/ and masks/")


def _by_stem(folder: Path, problems: list[str], *, strict: bool = True) -> dict[str, Path]:
    """Image files below a folder by relative path without suffix, sorted; what is wrong with them goes to `problems`."""
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if any(part.startswith(".") for part in relative.parts) or not path.is_file():
            continue
        suffix = path.suffix.lower()
        if suffix not in IMAGE_SUFFIXES:
            if strict and suffix not in _BYSTANDERS:
                known = ", ".join(IMAGE_SUFFIXES)
                problems.append(
                    f"{path}: no image format that is read here ({known}); convert it or move it away"
                )
            continue
        stem = relative.with_suffix("").as_posix()
        if stem in found:
            problems.append(
                f"{path}: has the same name as {found[stem].name}; rename one of them or move it away"
            )
        else:
            found[stem] = path
    return found


def _expand(stem: str, image: Path, mask: Path | None, group: str, problems: list[str]) -> list[Case]:
    """One case, or one per page of a stack."""
    counts: list[int] = []
    for path in (image, mask):
        try:
            counts.append(pages(path) if path is not None else counts[0])
        except IsthmusError as error:
            problems.append(str(error))
    if len(counts) < 2:
        return []
    number = counts[0]
    if counts[1] != number:
        problems.append(
            f"{mask}: has {counts[1]} pages but its image {image} has {number}; export both alike"
        )
        return []
    if number == 1:
        return [Case(stem, (Source(image),), (Source(mask),) if mask else (), group)]
    digits = max(3, len(str(number - 1)))
    return [
        Case(
            f"{stem}-{page:0{digits}d}", (Source(image, page),), (Source(mask, page),) if mask else (), group
        )
        for page in range(number)
    ]


def _duplicates(cases: Sequence[Case], where: str) -> list[str]:
    seen: dict[str, Case] = {}
    problems = []
    for case in cases:
        if case.id in seen:
            first = seen[case.id].images[0]
            problems.append(
                f"{where}: {case.images[0]} and {first} would both be called '{case.id}'; name them apart"
            )
        seen.setdefault(case.id, case)
    return problems

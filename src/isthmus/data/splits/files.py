"""Reads and writes files of splits: of a run, of `isthmus data splits --out`, and nnU-Net's `splits_final.json`.

nnU-Net has no test set: its file is `[{"train": [...], "val": [...]}, ...]`, one entry for each fold, with cases named
as its files are.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from isthmus.data.cases import Case
from isthmus.data.splits.folds import Split, natural
from isthmus.errors import IsthmusError, few, nearest
from isthmus.files import read_json, write_bytes

NNUNET = "splits_final.json"
"""nnU-Net's name for its file of splits."""

SHOWN = 5


def read_nnunet_splits(path: Path) -> tuple[Split, ...]:
    """Reads the folds of a `splits_final.json`, with the names of cases as they are in the file.

    Raises:
        IsthmusError: the file cannot be read, has another content, or has a case on both sides.
    """
    folds = read_json(path)
    if (
        not isinstance(folds, list)
        or not folds
        or not all(
            isinstance(fold, dict)
            and isinstance(fold.get("train"), list)
            and isinstance(fold.get("val"), list)
            for fold in folds
        )
    ):
        raise IsthmusError(
            f'{path}: not splits of nnU-Net, which are a list of {{"train": [...], "val": [...]}}'
        )
    return tuple(
        _split(path, i, {"train": fold["train"], "validation": fold["val"]}) for i, fold in enumerate(folds)
    )


def read_splits(path: Path) -> tuple[Split, ...]:
    """Reads splits of any origin: `splits_final.json`, a file of `isthmus data splits --out`, a run, or a
    cross-validation.

    Raises:
        IsthmusError: none of these, or a case on two sides.
    """
    if path.is_dir():
        folds = sorted(path.glob("fold-*/splits.json"), key=lambda file: natural(file.parent.name))
        files = [path / "splits.json"] if (path / "splits.json").is_file() else folds
        if not files:
            raise IsthmusError(f"{path}: no splits.json here, nor in fold-0, fold-1, …; give a run or a file")
        return tuple(_split(file, i, read_json(file)) for i, file in enumerate(files))
    found = read_json(path)
    if isinstance(found, dict):
        return (_split(path, 0, found),)
    if isinstance(found, list) and found and isinstance(found[0], dict) and "validation" in found[0]:
        return tuple(_split(path, i, one) for i, one in enumerate(found))
    return read_nnunet_splits(path)


def write_nnunet_splits(path: Path, splits: Iterable[Split]) -> None:
    """Writes folds for nnU-Net; test cases are in neither list.

    Raises:
        IsthmusError: the file cannot be written.
    """
    write_bytes(path, as_json(path, splits))


def as_json(path: Path, splits: Iterable[Split]) -> bytes:
    """Returns the content of a file of splits: as nnU-Net reads it if the file is called `NNUNET`, else everything."""
    if path.name == NNUNET:
        listed: list[Any] = [
            {"train": [case_name(i) for i in split.train], "val": [case_name(i) for i in split.validation]}
            for split in splits
        ]
    else:
        listed = [asdict(split) for split in splits]
    return json.dumps(listed, indent=2, ensure_ascii=False).encode(errors="backslashreplace")


def is_splits(path: Path) -> bool:
    """Returns whether a file has the form in which `isthmus data splits --out` writes splits."""
    try:
        found = read_json(path)
    except IsthmusError:
        return False
    keys = {field.name for field in fields(Split)}
    return isinstance(found, list) and all(isinstance(one, dict) and one.keys() == keys for one in found)


def assign(splits: Sequence[Split], cases: Sequence[Case], where: object, strict: bool = True) -> list[Split]:
    """Returns splits with the ids of these cases in place of the names in a file, which may be nnU-Net's.

    Args:
        splits: the splits as they were read.
        cases: cases of the data set.
        where: the file, for messages.
        strict: whether a name of no case is an error; otherwise it is left out, and noted.

    Raises:
        IsthmusError: a name of no case, or a set without cases.
    """
    known = {case_name(case.id): case.id for case in cases} | {case.id: case.id for case in cases}
    result = []
    for split in splits:
        unknown = [name for ids in split.sides().values() for name in ids if name not in known]
        if unknown and strict:
            raise IsthmusError(
                f"{where}, fold {split.fold}: no case '{unknown[0]}' in the data; {nearest(unknown[0], known)}"
            )
        sides = {
            side: tuple(sorted(known[name] for name in ids if name in known))
            for side, ids in split.sides().items()
        }
        for side in ("train", "validation"):
            if not sides.get(side):
                raise IsthmusError(
                    f"{where}, fold {split.fold}: no case of the data is in its {side} list; is this the right file?"
                )
        unused = sorted({case.id for case in cases} - {name for ids in sides.values() for name in ids})
        notes = [f"listed in {where} but not among the cases: {few(unknown, SHOWN)}"] * bool(unknown)
        notes += [f"in no list of {where}, so neither trained on nor scored: {few(unused, SHOWN)}"] * bool(
            unused
        )
        result.append(
            replace(
                split,
                train=sides["train"],
                validation=sides["validation"],
                test=sides.get("test", ()),
                notes=(*split.notes, *notes),
            )
        )
    return result


def beside(cases: Sequence[Case]) -> Path:
    """Finds the `splits_final.json` in the folder of a data set, or beside its images.

    Raises:
        IsthmusError: there is none.
    """
    if not cases or not cases[0].images:
        raise IsthmusError(f"no folder in which to look for {NNUNET}; give the file")
    folder = cases[0].images[0].path.parent
    for place in (folder.parent, folder):
        if (place / NNUNET).is_file():
            return place / NNUNET
    raise IsthmusError(
        f"{folder.parent}: no {NNUNET} here; nnU-Net writes it to its folder of preprocessed data: copy it"
    )


def case_name(case_id: str) -> str:
    """Returns an id as nnU-Net names files, without folders.

    >>> case_name("patient 1/scan-2")
    'patient 1_scan-2'
    """
    return case_id.replace("/", "_")


def _split(path: Path, number: int, content: Any) -> Split:
    """Reads one split from lists of ids by set, or from tables from id to group."""
    try:
        sides = {
            side: tuple(str(name) for name in content.get(side, ()))
            for side in ("train", "validation", "test")
        }
        split = Split(
            **sides,
            fold=int(content.get("fold", number)),
            repeat=int(content.get("repeat", 0)),
            independent=bool(content.get("independent", True)),
            notes=tuple(str(note) for note in content.get("notes", ())),
        )
    except (AttributeError, TypeError, ValueError) as error:
        raise IsthmusError(
            f"{path}: not a file of splits, which holds the ids of train and validation"
        ) from error
    first: dict[str, str] = {}
    for side, ids in split.sides().items():
        for name in ids:
            if first.setdefault(name, side) != side:
                raise IsthmusError(
                    f"{path}, fold {number}: {name} is in {first[name]} and in {side}; remove it from one"
                )
    if not split.train or not split.validation:
        raise IsthmusError(f"{path}, fold {number}: a split without cases to train or to validate on")
    return split

"""Writes into a run folder which files it read and how it split them, and refuses to resume if either has changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from isthmus.data.cases import Case
from isthmus.data.splits.folds import Split
from isthmus.errors import IsthmusError
from isthmus.runs.environment import describe_environment
from isthmus.runs.files import write_json
from isthmus.runs.folder import RunFolder
from isthmus.training.images import describe_images
from isthmus.training.preparation.prepared import Prepared


def describe(folder: RunFolder, prepared: Prepared) -> None:
    """Writes the files that are missing: hashes, split, environment, and what the images are like."""
    if not folder.data.is_file():
        write_json(folder.data, prepared.hashes())
    if not folder.splits.is_file():
        write_json(folder.splits, _content(prepared.split, prepared.data.dataset.cases))
    if not folder.environment.is_file():
        write_json(folder.environment, describe_environment())
    if not folder.images.is_file():
        write_json(folder.images, describe_images(prepared).to_dict())


def refuse_changes(folder: RunFolder, prepared: Prepared) -> None:
    """Raises an error if the data or the split has changed since the run began.

    Raises:
        IsthmusError: a file has changed, appeared or vanished; or the recipe now splits the cases differently.
    """
    before, now = folder.hashes(), prepared.hashes()
    changed = sorted(set(before) ^ set(now)) or [
        case for case in now if sorted(before[case].values()) != sorted(now[case].values())
    ]
    if changed:
        raise IsthmusError(
            f"the data of {folder.path} has changed since it began (case '{changed[0]}', {len(changed)} in all); "
            "restore it or start a new run"
        )
    stored, split = folder.split(), _content(prepared.split, prepared.data.dataset.cases)
    if any(getattr(stored, name) != split[name] for name in ("train", "validation", "test")):
        raise IsthmusError(f"{folder.splits} does not belong to the recipe beside it; start a new run")


def _content(split: Split, cases: Sequence[Case]) -> dict[str, Any]:
    """Returns the content of `splits.json`: the group of each case, by set."""
    groups = {case.id: case.group for case in cases}
    sets = {"train": split.train, "validation": split.validation, "test": split.test}
    return {name: {case: groups[case] for case in ids} for name, ids in sets.items()} | {
        "notes": list(split.notes)
    }

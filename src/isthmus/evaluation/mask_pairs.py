"""Matches predicted masks with true ones, on both sides by the names that `isthmus train` understands."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from isthmus.data.cases import Case, Dataset, clashes
from isthmus.data.checks.problems import refuse
from isthmus.data.expansion import expanded
from isthmus.data.layouts.pairing import MASK_FOLDERS, find_folders, flat_masks, folders, masks_of
from isthmus.data.listing import files_in, readable
from isthmus.data.new_images import images_in
from isthmus.data.sources import open_dataset
from isthmus.errors import IsthmusError, few
from isthmus.watch import Watch

Pair: TypeAlias = tuple[Case, Case]
"""The case with the true masks, and the case whose image is the predicted mask."""

BESIDE = ("probabilities/", "overlays/")  # what `predict_folder` writes beside masks


def true_masks(truth: Path, name: str, root: Path | None, axes: str | None = None) -> Dataset:
    """Returns the masks of a data set (a folder of images and masks in any layout that trains, a CSV, a name), or of a
    folder in which every file is a mask.

    Args:
        truth: the folder.
        name: the name as the user gave it.
        root: folder of a built-in data set.
        axes: of TIFF images, as "CYX".

    Raises:
        IsthmusError: as `open_dataset`; a folder without masks.
    """
    if root is not None or not truth.is_dir() or _is_dataset(truth):
        return open_dataset(name, root, axes)
    called = {path: re.sub(r"[\W_]", "", path.name.lower()) for path in folders(truth)}
    alone = [path for path, word in called.items() if word in MASK_FOLDERS]  # their images are elsewhere
    if len(alone) != 1 and {"images", "image"} & set(called.values()):
        return open_dataset(name)  # refuses images without masks, and says which folder is missing
    place = alone[0] if len(alone) == 1 else truth
    cases = [Case(case.id, (), case.images, case.group, case.spacing) for case in _masks_in(place)]
    return Dataset(name, tuple(cases))


def paired(
    predictions: Path, truth: Path | str, cases: Sequence[Case], partial: bool, watch: Watch
) -> list[Pair]:
    """Returns every true mask with the prediction of its name, in the order of the cases, and reports the others.

    Equal names match first; the others match as those of images and masks do (`isthmus.data.layouts.pairing`), such as
    `x` and `x_mask`.

    Args:
        predictions: folder of predicted masks.
        truth: the truth as the user gave it.
        cases: the cases with the true masks.
        partial: whether true masks may lack a prediction.
        watch: receives a note on masks that match nothing.

    Raises:
        IsthmusError: no pair at all; true masks without a prediction, unless `partial`; two masks for one name.
    """
    found = matched(predictions, truth, cases)
    lacking = [case.id for case in cases if case.id not in found.masks]
    if lacking and not partial:
        raise IsthmusError(
            f"{len(lacking)} of {len(cases)} true masks have no prediction in {predictions}: {few(lacking)}; "
            "predict them, or score the others with --partial"
        )
    if lacking:
        watch.say(
            f"{len(found.masks)} of {len(cases)} true masks have a prediction and are scored; without one: "
            f"{few(lacking)}"
        )
    for line in found.remarks():
        watch.say(line)
    pairs = [(case, found.masks[case.id]) for case in cases if case.id in found.masks]
    return [(_called(case, prediction.id), prediction) for case, prediction in pairs]


@dataclass(frozen=True)
class Matched:
    """The masks of a folder that have a true mask, by the name of that, and the names of all others."""

    masks: Mapping[str, Case]
    extra: Sequence[str]

    def remarks(self) -> Iterator[str]:
        """Yields lines about masks that match nothing, and names that are not equal."""
        if self.extra:
            yield f"predictions without a true mask are not scored: {few(self.extra)}"
        unlike = [f"{mask.id} and {name}" for name, mask in self.masks.items() if mask.id != name]
        if unlike:
            yield f"masks were matched although their names differ: {few(unlike)}"


def matched(predictions: Path, truth: Path | str, cases: Sequence[Case]) -> Matched:
    """Matches the masks of a folder with true ones, as `paired` does.

    Raises:
        IsthmusError: no pair at all; two masks for one name.
    """
    predicted = {case.id: case for case in _masks_in(predictions) if not case.id.startswith(BESIDE)}
    names = matched_names([case.id for case in cases], list(predicted), truth)
    if not names:
        raise IsthmusError(
            f"no mask in {predictions} has the name of one in {truth}; masks are matched by file name"
        )
    masks = {case.id: predicted[names[case.id]] for case in cases if case.id in names}
    return Matched(masks, sorted(set(predicted) - set(names.values())))


def without_prediction(case: Case) -> Case:
    """Returns what stands for the prediction that a true mask lacks; it is read as an empty mask."""
    return replace(case, images=())


def _is_dataset(folder: Path) -> bool:
    """Returns whether images lie beside the masks, in any of the ways in which `open_dataset` finds them."""
    if (folder / "dataset.json").is_file() and (folder / "imagesTr").is_dir():
        return True
    if find_folders(folder) or any(find_folders(inside) for inside in folders(folder)):
        return True
    return bool(flat_masks(files_in(folder, [], beside=True)))


def _masks_in(folder: Path) -> list[Case]:
    """Returns every file below a folder, whatever its name, as the image of a case; a case for each page of a stack."""
    if not folder.is_dir():
        return images_in(folder)
    problems: list[str] = []
    found = files_in(folder, problems)
    if not found and not problems:
        problems.append(f"{folder}: no masks here ({readable()})")
    cases = [
        case
        for stem, path in found.items()
        for case in expanded(stem, path, None, stem, problems, masks_alone=True)
    ]
    refuse(problems + clashes(cases), folder)
    return cases


def matched_names(true: Sequence[str], predicted: Sequence[str], truth: Path | str) -> dict[str, str]:
    """Returns the name of the prediction (or image) of each true mask that has one."""
    same = set(true) & set(predicted)
    names = {name: name for name in true if name in same}
    left = [name for name in predicted if name not in same]
    for ours, theirs in masks_of(left, [name for name in true if name not in same]).items():
        if len(theirs) > 1:
            raise IsthmusError(
                f"{truth}: has {len(theirs)} masks for the prediction '{ours}', {' and '.join(theirs)}; keep one"
            )
        names[theirs[0]] = ours
    return names


def _called(case: Case, name: str) -> Case:
    """Returns the case of a mask; in a plain folder it takes the name of its prediction, which is that of the image."""
    if case.images or case.id == name:
        return case
    return replace(case, id=name, group=name if case.group == case.id else case.group)

"""Masks on disk against the truth on disk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.data.cases import Case, load_mask
from isthmus.data.check import count_values
from isthmus.data.folder import images_in, open_dataset
from isthmus.data.formats import read_mask
from isthmus.data.values import ValueMap
from isthmus.errors import IsthmusError
from isthmus.metrics import score_case
from isthmus.runs.files import write_csv
from isthmus.watch import Silent, Watch

METRICS = ("dice", "iou", "hausdorff_distance", "hausdorff_distance_95", "average_surface_distance")
COLUMNS = ("case", "group", "grid", "class", *METRICS)


@dataclass(frozen=True)
class Evaluation:
    """A row for each case and foreground class."""

    rows: list[dict[str, Any]]
    missed: dict[str, int]  # by class: cases that have the class in the truth and not in the prediction

    def means(self) -> dict[str, dict[str, float]]:
        """By class: the mean of each metric over cases, ``n`` and ``n_missed``; a missed case counts in every mean."""
        result: dict[str, dict[str, float]] = {}
        for name in dict.fromkeys(row["class"] for row in self.rows):
            of_class = [row for row in self.rows if row["class"] == name]
            result[name] = {metric: float(np.mean([row[metric] for row in of_class])) for metric in METRICS}
            result[name] |= {"n": len(of_class), "n_missed": self.missed[name]}
        return result

    def write(self, path: Path) -> None:
        """The rows as CSV."""
        write_csv(path, self.rows, COLUMNS)


def evaluate_folder(
    predictions: Path | str,
    truth: Path | str,
    *,
    root: Path | None = None,
    partial: bool = False,
    watch: Watch | None = None,
) -> Evaluation:
    """Score every predicted mask against the true one of the same name, on the masks' own grid.

    Args:
        predictions: folder of masks, as `predict_folder` writes them.
        truth: folder of true masks, or a data set: a folder with ``masks/``, a CSV or a name (with ``root``).

        partial: score those true masks that have a prediction, and say how many have none.

    Raises:
        IsthmusError: a true mask without a prediction, masks of different sizes, values that fit no class,
            unreadable files (all told together).
    """
    watch = watch or Silent()
    predicted = {
        case.id: case for case in images_in(Path(predictions)) if not case.id.startswith("probabilities/")
    }
    true = _true_masks(Path(truth), str(truth), root)
    wanted = [case for case in true if case.id in predicted]
    lacking = [case.id for case in true if case.id not in predicted]
    if not wanted:
        raise IsthmusError(
            f"no mask in {predictions} has the name of one in {truth}; masks are matched by file name"
        )
    extra = sorted(set(predicted) - {case.id for case in true})
    if lacking and not partial:
        raise IsthmusError(
            f"{len(lacking)} of {len(true)} true masks have no prediction in {predictions}: {_some(lacking)}; "
            "predict them, or score the others with --partial"
        )
    if lacking:
        watch.say(
            f"scored are the {len(wanted)} of {len(true)} true masks that have a prediction; without: {_some(lacking)}"
        )
    if extra:
        watch.say(f"{len(extra)} predictions have no true mask and are not scored: {_some(extra)}")
    watch.stage("reading masks", len(wanted))
    pairs = list(_read([predicted[case.id] for case in wanted], wanted, watch))
    values = _values([(str(case.masks[0]), true) for case, (_, true) in zip(wanted, pairs, strict=True)])
    ours = _predicted_values(
        values, [(str(predicted[c.id].images[0]), p) for c, (p, _) in zip(wanted, pairs, strict=True)]
    )
    watch.say(f"truth: {values.describe()}")
    if ours != values:
        watch.say(f"predictions: {ours.describe()}")
    return _score(wanted, predicted, pairs, values, ours, watch)


def _values(masks: Sequence[tuple[str, NDArray[Any]]]) -> ValueMap:
    return ValueMap.infer_masks({name: count_values(mask) for name, mask in masks})


def _predicted_values(values: ValueMap, masks: Sequence[tuple[str, NDArray[Any]]]) -> ValueMap:
    """The truth's values where the predictions are written in them; else their own, if both have two classes."""
    known = {value for value, _ in values.pairs}
    found = set[int]().union(*(count_values(mask) for _, mask in masks))
    if values.rule == "objects" or (values.rule == "exact" and found <= known):
        return values
    ours = _values(masks)
    if ours.classes == values.classes == 2:
        return ours
    name, mask = next((name, mask) for name, mask in masks if not set(count_values(mask)) <= known)
    strangers = sorted(set(count_values(mask)) - known)[:8]
    raise IsthmusError(
        f"{name}: the values {', '.join(map(str, strangers))} do not occur in the truth ({values.describe()}); "
        "write predictions in the values of the truth"
    )


def _true_masks(truth: Path, name: str, root: Path | None) -> Sequence[Case]:
    if truth.is_dir() and not (truth / "masks").is_dir() and root is None:
        return [Case(case.id, (), case.images, case.group) for case in images_in(truth)]
    if truth.is_dir() and root is None:
        return [Case(case.id, (), case.images, case.group) for case in images_in(truth / "masks")]
    return open_dataset(name, root).cases


def _read(
    predicted: Sequence[Case], true: Sequence[Case], watch: Watch
) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    problems: list[str] = []

    def read(pair: tuple[Case, Case]) -> tuple[NDArray[Any], NDArray[Any]] | IsthmusError:
        try:
            ours, theirs = read_mask(pair[0].images[0]), load_mask(pair[1])
        except IsthmusError as error:
            return error
        if ours.shape != theirs.shape:
            return IsthmusError(
                f"{pair[0].images[0]} has size {ours.shape} but {pair[1].masks[0]} {theirs.shape}; "
                "score masks of one grid"
            )
        return ours, theirs

    with ThreadPoolExecutor() as pool:
        for result in pool.map(read, zip(predicted, true, strict=True)):
            watch.advance()
            if isinstance(result, IsthmusError):
                problems.append(str(result))
            else:
                yield result
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise IsthmusError(problems[0] + more)


def _score(
    cases: Sequence[Case],
    predicted: dict[str, Case],
    pairs: Sequence[tuple[NDArray[Any], NDArray[Any]]],
    values: ValueMap,
    ours: ValueMap,
    watch: Watch,
) -> Evaluation:
    names = dict(enumerate(values.names()[1:], start=1))
    missed = dict.fromkeys(names.values(), 0)

    def score(job: tuple[Case, tuple[NDArray[Any], NDArray[Any]]]) -> dict[str, dict[str, float]]:
        case, (guess, true) = job
        labels = (
            ours.apply(guess, str(predicted[case.id].images[0])),
            values.apply(true, str(case.masks[0])),
        )
        scores: dict[str, dict[str, float]] = score_case(
            *labels, classes=names, spacing=case.spacing, objects=False
        )
        return scores

    rows: list[dict[str, Any]] = []
    watch.stage("scoring", len(cases))
    with ThreadPoolExecutor() as pool:
        for case, scores in zip(cases, pool.map(score, zip(cases, pairs, strict=True)), strict=True):
            for name in names.values():
                own = scores[name]
                missed[name] += own["truth_points"] > 0 and own["prediction_points"] == 0
                row = {"case": case.id, "group": case.group, "grid": "original", "class": name}
                rows.append(row | {metric: own[metric] for metric in METRICS})
            watch.advance()
    return Evaluation(rows, missed)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f", … ({len(names)})" if len(names) > 5 else "")

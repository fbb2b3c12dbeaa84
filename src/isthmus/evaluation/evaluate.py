"""Scores masks on disk against the truth on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from isthmus.data.cases import Dataset
from isthmus.errors import IsthmusError
from isthmus.evaluation.mask_grids import check_spacing, in_one_unit, remarks, unit_of
from isthmus.evaluation.mask_pairs import Pair, paired, true_masks
from isthmus.evaluation.options import EvaluateOptions
from isthmus.evaluation.scorer import Scorer
from isthmus.evaluation.scores import Evaluation
from isthmus.evaluation.survey import PairFacts, for_each, survey_pair
from isthmus.metrics import case_rows
from isthmus.watch import Silent, Watch


def evaluate_folder(
    predictions: Path | str,
    truth: Path | str,
    options: EvaluateOptions | None = None,
    *,
    root: Path | None = None,
    remarks_on: Callable[[Sequence[Pair]], Iterable[str]] | None = None,
    watch: Watch | None = None,
) -> Evaluation:
    """Scores every predicted mask against the true one of the same name, on the masks' own grid.

    Names match as in training: `x_mask.png` is the truth of `x.png`, unless another mask has that name itself. Masks
    are read twice, so that memory holds no more than one case for each core.

    Args:
        predictions: folder of masks, as `isthmus predict` writes them.
        truth: folder of true masks, or a data set: a folder of images and masks in any layout that trains, a CSV or
            a name (with ``root``).
        options: None: the defaults.
        root: folder of a built-in data set.
        remarks_on: receives the scored pairs, and returns lines for the user to print after all scores.
        watch: receives the progress.

    Raises:
        IsthmusError: a true mask without a prediction, masks of different sizes, values that fit no class,
            unreadable files (all reported together); a spacing that fits no mask; an ``ignore`` that no mask holds.
    """
    options, watch = options or EvaluateOptions(), watch or Silent()
    dataset = named_truth(truth, options, root)
    pairs = in_one_unit(paired(Path(predictions), truth, dataset.cases, options.partial, watch))
    watch.stage("reading masks", len(pairs))
    scorer, lines = scorer_of(dataset, pairs, options, watch)
    for line in lines:
        watch.say(line)
    watch.stage("scoring", len(pairs))
    rows: list[dict[str, Any]] = []
    for (case, _), found in zip(pairs, for_each(scorer.score, pairs, watch), strict=True):
        rows += case_rows(found, case=case.id, group=case.group, grid="original")
    for line in remarks_on(pairs) if remarks_on else ():
        watch.say(f"note: {line}")
    return Evaluation(rows, scorer.objects, unit_of(pairs, options.spacing))


def named_truth(truth: Path | str, options: EvaluateOptions, root: Path | None) -> Dataset:
    """Returns the true masks, with the meaning of their values if the options state it.

    Raises:
        IsthmusError: as `isthmus.evaluation.mask_pairs.true_masks`.
    """
    named = options.named_values()
    dataset = true_masks(Path(truth), str(truth), root, options.axes)
    return dataset if named is None else replace(dataset, values=named[0], classes=named[1], regions={})


def scorer_of(
    dataset: Dataset, pairs: Sequence[Pair], options: EvaluateOptions, watch: Watch
) -> tuple[Scorer, list[str]]:
    """Reads all pairs once, and returns what scores them, with lines about how their values are read.

    Args:
        dataset: the true masks, as `named_truth` returns them.
        pairs: true and predicted cases, in one unit.
        options: how masks are read and scored.
        watch: receives a step for each pair.

    Raises:
        IsthmusError: as `evaluate_folder`.
    """
    facts = list(for_each(lambda pair: survey_pair(pair, options.ignore), pairs, watch))
    if options.classes is not None and dataset.values is not None:
        for (case, prediction), each in zip(pairs, facts, strict=True):
            dataset.values.refuse_strangers(each.true, str(case.masks[0]))
            for source in prediction.images:
                dataset.values.refuse_strangers(each.predicted, str(source))
    scorer = Scorer.of(dataset, pairs, facts, options)
    _refuse_wrong_ignore(options.ignore, facts, scorer)
    check_spacing(options.spacing, pairs, [each.axes for each in facts])
    return scorer, [
        *scorer.describe(),
        *remarks(pairs, [(each.elsewhere, each.rounded) for each in facts]),
    ]


def _refuse_wrong_ignore(ignore: int | None, facts: Sequence[PairFacts], scorer: Scorer) -> None:
    if ignore is None:
        return
    if not any(each.ignored for each in facts):
        raise IsthmusError(f"ignore is {ignore}, and no true mask holds this value; give one that they hold")
    if scorer.by_file or dict(scorer.true.pairs).get(ignore, 0):
        raise IsthmusError(f"ignore is {ignore}, which is an object or a class; give a value that is neither")

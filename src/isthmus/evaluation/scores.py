"""Masks on disk against the truth on disk: read twice, so that no more than a case for each core is in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from isthmus.data.cases import Case, Dataset, load_mask
from isthmus.data.checks.survey import count_values, counts_up
from isthmus.data.masks.borders import Borders, borders
from isthmus.data.masks.objects import each_in_one_piece, number_objects, pieces, stack
from isthmus.data.masks.values import ValueMap
from isthmus.errors import IsthmusError
from isthmus.evaluation.mask_grids import Spacing, check_spacing, in_one_unit, remarks, unit_of
from isthmus.evaluation.mask_pairs import Pair, paired, true_masks
from isthmus.evaluation.mask_values import NUMBERS, predicted_values, refuse_doubt
from isthmus.evaluation.score_files import refuse_to_replace
from isthmus.files import sweep
from isthmus.inference.evaluated_images import unlike_training
from isthmus.io.formats import is_lossy
from isthmus.io.images import read_mask, rounding_error
from isthmus.io.volumes import elsewhere, refuse_other_place
from isthmus.machine import cores
from isthmus.metrics import Counts, Summary, case_rows, components, pooled, score_case
from isthmus.metrics.empty import Missing, as_missing
from isthmus.metrics.input_checks import as_tolerance
from isthmus.metrics.rows import by_class, summaries
from isthmus.metrics.table import columns
from isthmus.runs.files import write_csv
from isthmus.watch import Silent, Watch

T = TypeVar("T")
Scores = dict[str, dict[str, float]]  # by class (or region), by metric
MISSES = ("n_missed", "n_both_empty", "n_false_alarm")


@dataclass(frozen=True)
class Evaluation:
    """The scores of every case.

    Attributes:
        rows: one for each case and foreground class, with all metrics and counts (`isthmus.metrics.rows`).
        objects: whether object metrics are among them.
        unit: of the distances, in words.
    """

    rows: list[dict[str, Any]]
    objects: bool = False
    unit: str = "pixels"

    def summaries(self) -> dict[str, dict[str, Summary]]:
        """By class and metric: mean, standard deviation, median, extremes, ``n`` and how many were missed."""
        return summaries(self.rows)

    def means(self) -> dict[str, dict[str, float]]:
        """By class: the mean of each metric over cases, and how many cases there are (``n``), of which ``n_missed``,
        ``n_both_empty`` and ``n_false_alarm``; a missed case counts in every mean."""
        result: dict[str, dict[str, float]] = {}
        for name, found in self.summaries().items():
            one = next(iter(found.values()))
            result[name] = {metric: summary.mean for metric, summary in found.items()}
            result[name]["n"] = sum(row["class"] == name for row in self.rows)
            result[name] |= {count: getattr(one, count) for count in MISSES}
        return result

    def pooled(self) -> dict[str, Counts]:
        """By class: overlap with all cases taken as one large image."""
        return {name: pooled(rows) for name, rows in by_class(self.rows).items()}

    def write(self, path: Path, overwrite: bool = False) -> None:
        """The rows as CSV; other files than an earlier such table are replaced only with ``overwrite``.

        Raises:
            IsthmusError: another file is there, or it cannot be written.
        """
        refuse_to_replace(path, overwrite, instead="choose another name, or replace it with overwrite=True")
        sweep(path.parent)
        write_csv(path, self.rows, columns(objects=self.objects))


def evaluate_folder(
    predictions: Path | str,
    truth: Path | str,
    *,
    root: Path | None = None,
    partial: bool = False,
    objects: bool | None = None,
    instances: bool | None = None,
    classes: Mapping[int, str] | None = None,
    spacing: Spacing = None,
    tolerance: float = 1.0,
    missing: Missing = "diagonal",
    ignore: int | None = None,
    run: Path | None = None,
    axes: str | None = None,
    watch: Watch | None = None,
) -> Evaluation:
    """Score every predicted mask against the true one of the same name, on the masks' own grid.

    Names match as in training: `x_mask.png` is the truth of `x.png`, where no other mask is.

    Args:
        predictions: folder of masks, as `predict_folder` writes them.
        truth: folder of true masks, or a data set: a folder of images and masks in any layout that trains, a CSV or
            a name (with ``root``).
        partial: score those true masks that have a prediction, and say how many have none.
        objects: also score whole objects (F1, Dice, Hausdorff distance, panoptic quality, …); None: where the
            truth tells objects apart, by their numbers or by a file for each. Where it does not, objects are the
            connected components of each class.
        instances: whether values in the masks are numbers of objects; None: as they look. Predicted masks then hold
            numbers too, or one value for all, of which the connected components are taken.
        classes: what each mask value means, on both sides, as ``{1: "liver", 2: "kidney"}``; values of one name are
            one class, 0 is the background and so is each value called as 0 is ("background" without a word about it).
            None: values of the truth, in which predictions have to be written; only 0 and 1 stand for 0 and 255.
        spacing: size of a pixel along each axis, for masks whose files state none; the unit of all distances.
        tolerance: the distance, in that unit, within which surface Dice counts a point.
        missing: the distance of a case in which one mask is empty: "diagonal" of the image, "infinity", or "exclude"
            (no number; the mean is over the others).
        ignore: the value of true masks whose pixels count on neither side (see the metrics' own `ignore`).
        run: the run that predicted, to be told where images and masks are unlike those it was trained on; None: the
            one in whose folder the predictions lie.
        axes: what the axes of the data set's TIFF images mean, where they do not tell, as ``"CYX"``.

    Raises:
        IsthmusError: a true mask without a prediction, masks of different sizes, values that fit no class,
            unreadable files (all told together); a spacing that fits no mask; a wrong option.
    """
    if classes is not None and instances:
        raise IsthmusError("classes name what values mean, and instances=True says that they number objects")
    given = None if classes is None else _given(classes)
    options = {"tolerance": as_tolerance(tolerance), "missing": as_missing(missing)}
    watch = watch or Silent()
    dataset = true_masks(Path(truth), str(truth), root, axes)
    if given is not None:
        dataset = replace(dataset, values=given[0], classes=given[1], regions={})
    pairs = in_one_unit(paired(Path(predictions), truth, dataset.cases, partial, watch))
    watch.stage("reading masks", len(pairs))
    seen = list(_each(lambda pair: _look(pair, ignore), pairs, watch))
    if ignore is not None and not any(one.ignored for one in seen):
        raise IsthmusError(f"ignore is {ignore}, and no true mask holds this value; name one that they hold")
    if given is not None:
        _check_values(given[0], pairs, seen)
    scorer = replace(_Scorer.of(dataset, pairs, seen, objects, instances, options), ignore=ignore)
    if ignore is not None and (scorer.by_file or dict(scorer.true.pairs).get(ignore, 0)):
        raise IsthmusError(
            f"ignore is {ignore}, which is an object or a class; name a value that means neither"
        )
    check_spacing(spacing, pairs, [one.axes for one in seen])
    for line in (*scorer.describe(), *remarks(pairs, [(one.elsewhere, one.rounded) for one in seen])):
        watch.say(line)
    watch.stage("scoring", len(pairs))
    rows: list[dict[str, Any]] = []
    scores = _each(lambda pair: scorer.score(pair, spacing), pairs, watch)
    for (case, _), found in zip(pairs, scores, strict=True):
        rows += case_rows(found, case=case.id, group=case.group, grid="original")
    for line in unlike_training(run, Path(predictions), pairs):
        watch.say(f"note: {line}")
    return Evaluation(rows, scorer.objects, unit_of(pairs, spacing))


@dataclass(frozen=True)
class _Seen:
    """What one pair of masks holds."""

    axes: int
    true: Mapping[int, int]
    predicted: Mapping[int, int]
    elsewhere: str
    rounded: float
    numbered: bool  # whether true values may number objects
    borders: Borders  # of the true mask
    predicted_borders: Borders
    pieces: int  # of a true mask of one value
    ignored: int  # pixels of the true mask that do not count


def _look(pair: Pair, ignore: int | None) -> _Seen:
    case, prediction = pair
    true, predicted = _read(pair)
    ignored = 0 if ignore is None else int(np.count_nonzero(true == ignore))
    if ignored == true.size:
        raise IsthmusError(f"{case.masks[0]} is {ignore} everywhere, which is ignored; leave it out")
    if ignored:
        true = np.where(true == ignore, 0, true).astype(true.dtype)
    off = max(rounding_error(source) for source in (*case.masks, *prediction.images))
    away = elsewhere(case.masks[0].path, prediction.images[0].path)
    counts, others = count_values(true), count_values(predicted)
    lone = len(set(counts) - {0}) == 1
    return _Seen(
        true.ndim,
        counts,
        others,
        away,
        off,
        counts_up(counts) and each_in_one_piece(true),
        borders(true) if len(counts) > 2 else {},
        borders(predicted) if len(others) > 2 else {},
        pieces(true) if lone else 1,
        ignored,
    )


def _read(pair: Pair) -> tuple[NDArray[Any], NDArray[Any]]:
    case, prediction = pair
    true, predicted = load_mask(case), read_mask(case.alike(prediction.images[0]))
    if predicted.shape != true.shape:
        raise IsthmusError(
            f"{prediction.images[0]} has size {predicted.shape} but {case.masks[0]} {true.shape}; "
            "score masks of one grid"
        )
    refuse_other_place(case.masks[0].path, prediction.images[0].path)
    return true, predicted


def _each(work: Callable[[Pair], T], pairs: Sequence[Pair], watch: Watch) -> Iterator[T]:
    """The results in order, all cores at work; what is wrong is told at the end, together."""
    problems: list[str] = []

    def attempt(pair: Pair) -> T | IsthmusError:
        try:
            return work(pair)
        except IsthmusError as error:
            return error

    pool = ThreadPoolExecutor(cores(), thread_name_prefix="isthmus-evaluate")
    try:
        for result in pool.map(attempt, pairs):
            watch.advance()
            if isinstance(result, IsthmusError):
                problems.append(str(result))
            else:
                yield result
    finally:  # an interrupt too: do not go through ten thousand masks first
        pool.shutdown(wait=True, cancel_futures=True)
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise IsthmusError(problems[0] + more)


@dataclass(frozen=True)
class _Scorer:
    """What the masks mean, and how a pair of them is scored.

    Attributes:
        true, predicted: what the values on either side mean.
        numbered: whether true objects are told apart; `by_file`: by a file for each, else by their numbers.
        predicted_numbers: whether predicted values are numbers of objects.
        options: of `score_case`.
        parted: true masks of one value in several pieces, where numbers of objects are expected.
        ignore: the true value of pixels that do not count.
    """

    names: Mapping[int, str]
    regions: Mapping[str, Sequence[int]]
    true: ValueMap
    predicted: ValueMap
    objects: bool
    numbered: bool
    by_file: bool
    predicted_numbers: bool
    options: Mapping[str, Any]
    parted: int = 0
    ignore: int | None = None

    @classmethod
    def of(
        cls,
        dataset: Dataset,
        pairs: Sequence[Pair],
        seen: Sequence[_Seen],
        objects: bool | None,
        instances: bool | None,
        options: Mapping[str, Any],
    ) -> _Scorer:
        by_file = any(len(case.masks) > 1 for case, _ in pairs)
        values = dataset.values
        parted = sum(each.pieces > 1 for each in seen)
        if instances and not by_file:
            values = NUMBERS
        elif values is None:
            lossy = [str(c.masks[0]) for c, _ in pairs if is_lossy(c.masks[0].path)]
            held = {str(case.masks[0]): each.true for (case, _), each in zip(pairs, seen, strict=True)}
            edges = {str(case.masks[0]): each.borders for (case, _), each in zip(pairs, seen, strict=True)}
            values = ValueMap.infer_masks(held, None, lossy, edges)
            if instances is None and dataset.instances is None:
                refuse_doubt(values, [each.true for each in seen], [each.numbered for each in seen])
            if instances is False and values.rule == "objects":
                values = ValueMap.infer_masks(held, "exact", lossy)
        if instances is None:
            instances = dataset.instances
        if instances is None:
            instances = by_file or values.rule == "objects"
        by_file = by_file and instances and values.classes == 2
        numbered = by_file or (instances and values.rule == "objects")
        guesses = {str(guess.images[0]): each for (_, guess), each in zip(pairs, seen, strict=True)}
        masks = {name: each.predicted for name, each in guesses.items()}
        edges = {name: each.predicted_borders for name, each in guesses.items()}
        predicted, numbers = predicted_values(values, masks, numbered, edges)
        named = dataset.classes or values.names()
        return cls(
            dict(enumerate(named[1:], start=1)),
            dataset.regions,
            values,
            predicted,
            numbered if objects is None else objects,
            numbered and objects is not False,
            by_file,
            numbers,
            options,
            parted if numbered and not by_file else 0,
        )

    def describe(self) -> Iterator[str]:
        """Lines that say what the values were taken for."""
        yield f"truth: {self.true.describe(['background', *self.names.values()])}" + (
            ", a file for each object" if self.by_file else ""
        )
        if self.predicted_numbers or self.predicted != self.true:
            yield f"predictions: {self.predicted.describe()}"
        if self.parted:
            yield (
                f"{self.parted} true masks hold one value in several pieces and no numbers of objects: each piece "
                "counts as an object, in true and predicted masks"
            )
        if self.objects and not (self.numbered and self.predicted_numbers):
            yield (
                f"{'predicted objects' if self.numbered else 'objects'} are the connected components of each "
                "class, for nothing tells those that touch apart"
            )

    def score(self, pair: Pair, spacing: Spacing) -> Scores:
        """All scores of one case, by class or region."""
        case, prediction = pair
        guess = read_mask(case.alike(prediction.images[0]))
        how = {"spacing": spacing if case.spacing is None else case.spacing, **self.options}
        if self.numbered:
            if self.predicted_numbers:
                ours: NDArray[Any] = number_objects(guess, str(prediction.images[0]))
            else:
                ours = components(self._labels(guess, prediction) > 0)
            (name,) = self.names.values()
            if self.by_file:
                return {name: score_case(ours, self._numbers(case), instances=True, **how)}
            mask, hide = self._truth(case)
            theirs = hide(number_objects(mask, str(case.masks[0])))
            return {name: score_case(ours, theirs, instances=True, ignore=self._outside, **how)}
        mask, hide = self._truth(case)
        how |= {"objects": self.objects, "ignore": self._outside}
        p, t = self._labels(guess, prediction), self.true.apply(mask, str(case.masks[0]))
        if self.regions:
            return {
                name: score_case(np.isin(p, list(classes)), hide(np.isin(t, list(classes))), **how)
                for name, classes in self.regions.items()
            }
        scores: Scores = score_case(p, hide(t), classes=self.names, **how)
        return scores

    @property
    def _outside(self) -> int | None:
        """What pixels that do not count hold in what is scored."""
        return None if self.ignore is None else -1

    def _truth(self, case: Case) -> tuple[NDArray[Any], Callable[[NDArray[Any]], NDArray[Any]]]:
        """The true mask, background where a pixel does not count, and what puts `_outside` there in what is made of
        it."""
        mask = load_mask(case)
        if self.ignore is None:
            return mask, lambda made: made
        outside = mask == self.ignore
        background = next(value for value, index in self.true.pairs if index == 0)
        mask = np.where(outside, background, mask).astype(mask.dtype)
        return mask, lambda made: np.where(outside, -1, made.astype(np.int64))

    def _labels(self, guess: NDArray[Any], prediction: Case) -> NDArray[np.uint8]:
        return self.predicted.apply(guess, str(prediction.images[0]))

    def _numbers(self, case: Case) -> NDArray[Any]:
        pieces = (self.true.apply(read_mask(case.alike(source)), str(source)) > 0 for source in case.masks)
        return stack(pieces, str(case.masks[0]))


def _given(classes: Mapping[int, str]) -> tuple[ValueMap, tuple[str, ...]]:
    """The map and the names of the classes that values were given."""
    background = classes.get(0, "background")
    names = tuple(dict.fromkeys([background, *classes.values()]))
    pairs = {0: background, **classes}
    if len(names) < 2:
        raise IsthmusError(f"classes {dict(classes)} names no foreground; write {{1: 'liver', 2: 'kidney'}}")
    return ValueMap(tuple((value, names.index(name)) for value, name in pairs.items())), names


def _check_values(values: ValueMap, pairs: Sequence[Pair], seen: Sequence[_Seen]) -> None:
    """Told before anything is scored."""
    for (case, prediction), each in zip(pairs, seen, strict=True):
        values.refuse_strangers(each.true, str(case.masks[0]))
        values.refuse_strangers(each.predicted, str(prediction.images[0]))

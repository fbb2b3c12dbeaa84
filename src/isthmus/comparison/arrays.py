"""Scores masks in memory: arrays by case for the truth and for each program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.comparison.masks import CaseMasks, Rows, score_masks
from isthmus.comparison.scores import ProgramScores
from isthmus.data.checks.survey import count_values, counts_up
from isthmus.data.masks.objects import each_in_one_piece, number_objects
from isthmus.data.masks.values import ValueMap
from isthmus.errors import IsthmusError, few
from isthmus.evaluation.mask_values import NUMBERS, predicted_values, refuse_doubt
from isthmus.evaluation.options import EvaluateOptions
from isthmus.evaluation.scorer import Scorer, ignoring
from isthmus.metrics import components
from isthmus.metrics.input_checks import Mask, as_mask, ignored
from isthmus.watch import Watch

Arrays = Mapping[str, Mask]
"""A mask `(*spatial)` of booleans or integers by the name of its case."""


@dataclass(frozen=True)
class ArrayMasks:
    """Masks in memory, whose values are read as those of files are.

    Attributes:
        truth: the true mask of each case.
        programs: the masks of each program by case.
        scorers: how the values of each program are read, and how its masks are scored.
        notes: lines about how masks are read.
    """

    truth: Mapping[str, NDArray[Any]]
    programs: Mapping[str, Mapping[str, NDArray[Any]]]
    scorers: Mapping[str, Scorer]
    notes: tuple[str, ...]

    @classmethod
    def of(cls, truth: Arrays, programs: Mapping[str, Arrays], options: EvaluateOptions) -> ArrayMasks:
        """Checks the masks and finds out what their values mean.

        Raises:
            IsthmusError: no mask; masks of different shapes; values that fit no class of the truth.
        """
        if not truth:
            raise IsthmusError("there is no true mask; give at least one, {'case 1': mask, …}")
        true = _named(truth, "the true mask of")
        ours: dict[str, dict[str, NDArray[Any]]] = {}
        notes: list[str] = []
        for name, given in programs.items():
            ours[name] = _named(given, f"{name}: the mask of")
            notes += _refuse_other(name, ours[name], true)
        values, numbered = _true_values(true, options)
        scorers = {}
        for name, masks in ours.items():
            counts = {f"{name}: {case}": count_values(mask) for case, mask in masks.items() if case in true}
            predicted, numbers = predicted_values(values, counts, {}, numbered)
            scorers[name] = _scorer(values, predicted, numbered, numbers, options)
            notes += [
                line if line.startswith("truth:") else f"{name}: {line}" for line in scorers[name].describe()
            ]
        return cls(true, ours, scorers, tuple(dict.fromkeys(notes)))

    def read(self, case: str, groups: Mapping[str, str]) -> CaseMasks:
        """Returns the masks of a case as its scorers read them."""
        truth, shape = self._truth(case), self.truth[case].shape
        masks = {name: self._mask(name, case, shape) for name in self.programs}
        numbered = next(iter(self.scorers.values())).numbered
        return CaseMasks(case, groups.get(case, case), truth, masks, numbered=numbered)

    def score(self, groups: Mapping[str, str] | None, watch: Watch) -> ProgramScores:
        """Scores every case; `groups` are the group of each case."""
        groups = groups or {case: case for case in self.truth}
        scorer = next(iter(self.scorers.values()))
        lacking = {
            name: [case for case in self.truth if case not in masks] for name, masks in self.programs.items()
        }
        rows: Rows = []
        between: Rows = []
        watch.stage("scoring", len(self.truth))
        for case in self.truth:
            absent = [name for name, cases in lacking.items() if case in cases]
            ours, others = score_masks(self.read(case, groups), scorer, absent)
            rows += ours
            between += others
            watch.advance()
        unit = "pixels" if scorer.options.spacing is None else "the unit of the spacing"
        return ProgramScores(
            tuple(self.programs), rows, between, groups, lacking, unit, scorer.objects, self.notes
        )

    def _truth(self, case: str) -> NDArray[Any]:
        scorer = next(iter(self.scorers.values()))
        mask, outside = self.truth[case], ignored(self.truth[case], scorer.options.ignore)
        if outside is not None:
            mask = np.where(outside, 0, mask)
        made = number_objects(mask, case) if scorer.numbered else scorer.true.apply(mask, case)
        return made if outside is None else ignoring(made, outside)

    def _mask(self, name: str, case: str, shape: tuple[int, ...]) -> NDArray[Any]:
        scorer, mask = self.scorers[name], self.programs[name].get(case)
        if mask is None:
            return np.zeros(shape, np.uint8)
        if scorer.numbered and scorer.predicted_numbers:
            return number_objects(mask, f"{name}: {case}")
        labels = scorer.predicted.apply(mask, f"{name}: {case}")
        return components(labels > 0) if scorer.numbered else labels


def _named(masks: Arrays, what: str) -> dict[str, NDArray[Any]]:
    """Returns masks of integers by the name of their case."""
    found = {str(case): _integers(mask, f"{what} '{case}'") for case, mask in masks.items()}
    if len(found) < len(masks):
        twice = next(name for name in found if [str(case) for case in masks].count(name) > 1)
        raise IsthmusError(f"{what} '{twice}' is given twice, as a number and as text; keep one")
    return found


def _integers(mask: Mask, name: str) -> NDArray[Any]:
    array = as_mask(mask, name)
    return array.view(np.uint8) if array.dtype.kind == "b" else array


def _refuse_other(
    name: str, masks: Mapping[str, NDArray[Any]], true: Mapping[str, NDArray[Any]]
) -> list[str]:
    """Refuses masks of other shapes, and a program without any true case; returns notes about the others."""
    if not set(masks) & set(true):
        raise IsthmusError(
            f"'{name}' has none of the cases of the truth ({few(list(true), 3)}); name them alike"
        )
    for case, mask in masks.items():
        if case in true and mask.shape != true[case].shape:
            raise IsthmusError(
                f"{name}: the mask of '{case}' has shape {mask.shape} and the true one {true[case].shape}; compare "
                "masks of one grid"
            )
    extra, lacking = (
        [case for case in masks if case not in true],
        [case for case in true if case not in masks],
    )
    notes = [f"{name}: masks without a true mask are not scored: {few(extra)}"] if extra else []
    return notes + ([f"{name}: lacks {len(lacking)} of {len(true)} cases: {few(lacking)}"] if lacking else [])


def _true_values(true: Mapping[str, NDArray[Any]], options: EvaluateOptions) -> tuple[ValueMap, bool]:
    """Returns what true values mean, and whether they number objects."""
    if options.instances:
        return NUMBERS, True
    if (named := options.named_values()) is not None:
        return named[0], False
    counts = [count_values(_without(mask, options.ignore)) for mask in true.values()]
    values = ValueMap.infer_masks(dict(zip(true, counts, strict=True)))
    if options.instances is None:
        numbered = [
            counts_up(count) and each_in_one_piece(mask)
            for count, mask in zip(counts, true.values(), strict=True)
        ]
        refuse_doubt(values, counts, numbered)
    elif values.rule == "objects":
        return ValueMap.infer_masks(dict(zip(true, counts, strict=True)), "exact"), False
    return values, values.rule == "objects" and options.objects is not False


def _without(mask: NDArray[Any], ignore: int | None) -> NDArray[Any]:
    outside = ignored(mask, ignore)
    return mask if outside is None else np.where(outside, 0, mask).astype(mask.dtype)


def _scorer(
    values: ValueMap, predicted: ValueMap, numbered: bool, numbers: bool, options: EvaluateOptions
) -> Scorer:
    named = options.named_values()
    names = values.names() if named is None else named[1]
    return Scorer(
        names=dict(enumerate(names[1:], start=1)),
        regions={},
        true=values,
        predicted=predicted,
        objects=numbered if options.objects is None else options.objects,
        numbered=numbered,
        by_file=False,
        predicted_numbers=numbers,
        parted=0,
        options=options,
    )

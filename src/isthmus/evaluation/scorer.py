"""Scores a pair of masks whose values have a known meaning."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.data.cases import Case, Dataset, load_mask
from isthmus.data.masks.objects import number_objects, stack
from isthmus.data.masks.values import ValueMap
from isthmus.evaluation.mask_pairs import Pair
from isthmus.evaluation.mask_values import predicted_values, true_values
from isthmus.evaluation.options import EvaluateOptions
from isthmus.evaluation.survey import PairFacts
from isthmus.io.images import read_mask
from isthmus.metrics import components, score_case

Scores = dict[str, dict[str, float]]
"""By class (or region), by metric."""


@dataclass(frozen=True)
class Scorer:
    """What masks mean, and how a pair of them is scored.

    Attributes:
        names: names of the foreground classes, by index.
        regions: unions of classes by name, which are scored instead of the classes; ``{}``: the classes are.
        true, predicted: meaning of the values on either side.
        objects: whether whole objects are scored.
        numbered: whether true objects are separated: by a file for each if `by_file`, else by their numbers.
        by_file: whether every object of a case has a mask of its own.
        predicted_numbers: whether predicted values are numbers of objects.
        parted: true masks of one value in several pieces, where numbers of objects are expected.
        options: options of the user.
    """

    names: Mapping[int, str]
    regions: Mapping[str, Sequence[int]]
    true: ValueMap
    predicted: ValueMap
    objects: bool
    numbered: bool
    by_file: bool
    predicted_numbers: bool
    parted: int
    options: EvaluateOptions

    @classmethod
    def of(
        cls, dataset: Dataset, pairs: Sequence[Pair], facts: Sequence[PairFacts], options: EvaluateOptions
    ) -> Scorer:
        """Returns the scorer of masks with these facts.

        Raises:
            IsthmusError: values that fit no class, or that may be classes or numbers of objects.
        """
        by_file = any(len(case.masks) > 1 for case, _ in pairs)
        values = true_values(dataset, pairs, facts, options.instances)
        instances = options.instances if options.instances is not None else dataset.instances
        if instances is None:
            instances = by_file or values.rule == "objects"
        by_file = by_file and instances and values.classes == 2
        numbered = by_file or (instances and values.rule == "objects")
        predicted, numbers = predicted_values(values, pairs, facts, numbered)
        named = dataset.classes or values.names()
        parted = sum(each.pieces > 1 for each in facts)
        return cls(
            names=dict(enumerate(named[1:], start=1)),
            regions=dataset.regions,
            true=values,
            predicted=predicted,
            objects=numbered if options.objects is None else options.objects,
            numbered=numbered and options.objects is not False,
            by_file=by_file,
            predicted_numbers=numbers,
            parted=parted if numbered and not by_file else 0,
            options=options,
        )

    def describe(self) -> Iterator[str]:
        """Yields lines that say how the values were read."""
        yield f"truth: {self.true.describe(['background', *self.names.values()])}" + (
            ", a file for each object" if self.by_file else ""
        )
        if self.predicted_numbers or self.predicted != self.true:
            yield f"predictions: {self.predicted.describe()}"
        if self.parted:
            yield (
                f"{self.parted} true masks hold one value in several pieces and no object numbers: each piece "
                "counts as an object, in true and predicted masks"
            )
        if self.objects and not (self.numbered and self.predicted_numbers):
            yield (
                f"{'predicted objects' if self.numbered else 'objects'} are the connected components of each "
                "class, because nothing separates those that touch"
            )

    def score(self, pair: Pair) -> Scores:
        """Returns all scores of one case, by class or region."""
        case, prediction = pair
        guess = read_mask(case.oriented(prediction.images[0]))
        how: dict[str, Any] = {
            "spacing": self.options.spacing if case.spacing is None else case.spacing,
            "tolerance": self.options.tolerance,
            "missing": self.options.missing,
        }
        if self.numbered:
            return self._score_numbers(case, prediction, guess, how)
        mask, mark_ignored = self._truth(case)
        how |= {"objects": self.objects, "ignore": self._marker}
        p, t = self._labels(guess, prediction), self.true.apply(mask, str(case.masks[0]))
        if self.regions:
            return {
                name: score_case(np.isin(p, list(classes)), mark_ignored(np.isin(t, list(classes))), **how)
                for name, classes in self.regions.items()
            }
        scores: Scores = score_case(p, mark_ignored(t), classes=self.names, **how)
        return scores

    def _score_numbers(
        self, case: Case, prediction: Case, guess: NDArray[Any], how: dict[str, Any]
    ) -> Scores:
        """Returns the scores of a case whose objects are separated."""
        (name,) = self.names.values()
        if self.predicted_numbers:
            ours: NDArray[Any] = number_objects(guess, str(prediction.images[0]))
        else:
            ours = components(self._labels(guess, prediction) > 0)
        if self.by_file:
            return {name: score_case(ours, self._stacked(case), instances=True, **how)}
        mask, mark_ignored = self._truth(case)
        theirs = mark_ignored(number_objects(mask, str(case.masks[0])))
        return {name: score_case(ours, theirs, instances=True, ignore=self._marker, **how)}

    @property
    def _marker(self) -> int | None:
        """The value of pixels that do not count, in what is scored."""
        return None if self.options.ignore is None else -1

    def _truth(self, case: Case) -> tuple[NDArray[Any], Callable[[NDArray[Any]], NDArray[Any]]]:
        """Returns the true mask, background where a pixel does not count, and a function that puts `_marker` there in
        an array made of it."""
        mask = load_mask(case)
        if self.options.ignore is None:
            return mask, lambda made: made
        outside = mask == self.options.ignore
        background = next(value for value, index in self.true.pairs if index == 0)
        mask = np.where(outside, background, mask).astype(mask.dtype)
        return mask, lambda made: np.where(outside, -1, made.astype(np.int64))

    def _labels(self, guess: NDArray[Any], prediction: Case) -> NDArray[np.uint8]:
        return self.predicted.apply(guess, str(prediction.images[0]))

    def _stacked(self, case: Case) -> NDArray[Any]:
        """Returns numbers of the objects of a case with a mask for each."""
        pieces = (self.true.apply(read_mask(case.oriented(source)), str(source)) > 0 for source in case.masks)
        return stack(pieces, str(case.masks[0]))

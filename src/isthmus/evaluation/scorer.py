"""Scores a pair of masks whose values have a known meaning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
        there = [(str(p.images[0]), each) for (_, p), each in zip(pairs, facts, strict=True) if p.images]
        masks = {name: each.predicted for name, each in there}
        edges = {name: each.predicted_borders for name, each in there}
        predicted, numbers = predicted_values(values, masks, edges, numbered)
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
        case, _ = pair
        truth = self.truth(case)
        return self.between(self.prediction(pair, truth.shape), truth, case.spacing)

    def truth(self, case: Case) -> NDArray[Any]:
        """Returns the true mask of a case `(*spatial)`: object numbers where objects are separated, else classes.

        Pixels that do not count are -1.
        """
        if self.by_file:
            return self._stacked(case)
        mask, outside = load_mask(case), None
        if self.options.ignore is not None:
            outside = mask == self.options.ignore
            background = next(value for value, index in self.true.pairs if index == 0)
            mask = np.where(outside, background, mask).astype(mask.dtype)
        name = str(case.masks[0])
        made = number_objects(mask, name) if self.numbered else self.true.apply(mask, name)
        return made if outside is None else ignoring(made, outside)

    def prediction(self, pair: Pair, shape: tuple[int, ...]) -> NDArray[Any]:
        """Returns the predicted mask of a pair `shape`: object numbers where objects are separated, else classes."""
        case, prediction = pair
        if not prediction.images:
            return np.zeros(shape, np.uint8)
        name = str(prediction.images[0])
        guess = read_mask(case.oriented(prediction.images[0]))
        if self.numbered and self.predicted_numbers:
            return number_objects(guess, name)
        labels = self.predicted.apply(guess, name)
        return components(labels > 0) if self.numbered else labels

    def between(
        self, prediction: NDArray[Any], truth: NDArray[Any], spacing: tuple[float, ...] | None
    ) -> Scores:
        """Returns all scores of one mask against another, both as `truth` and `prediction` return them.

        Args:
            prediction, truth: `(*spatial)`; a pixel that does not count is -1 in `truth`.
            spacing: size of a pixel as the file states it; None: that of the options.
        """
        how: dict[str, Any] = {
            "spacing": self.options.spacing if spacing is None else spacing,
            "tolerance": self.options.tolerance,
            "missing": self.options.missing,
            "ignore": None if self.options.ignore is None else -1,
        }
        if self.numbered:
            (name,) = self.names.values()
            return {name: score_case(prediction, truth, instances=True, **how)}
        how["objects"] = self.objects
        if not self.regions:
            scores: Scores = score_case(prediction, truth, classes=self.names, **how)
            return scores
        return {
            name: score_case(np.isin(prediction, list(classes)), self._region(truth, classes), **how)
            for name, classes in self.regions.items()
        }

    def _region(self, truth: NDArray[Any], classes: Sequence[int]) -> NDArray[Any]:
        inside = np.isin(truth, list(classes))
        return inside if self.options.ignore is None else ignoring(inside, truth == -1)

    def _stacked(self, case: Case) -> NDArray[Any]:
        """Returns numbers of the objects of a case with a mask for each."""
        pieces = (self.true.apply(read_mask(case.oriented(source)), str(source)) > 0 for source in case.masks)
        return stack(pieces, str(case.masks[0]))


def ignoring(mask: NDArray[Any], outside: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Returns a mask `(*spatial)` in which pixels that do not count are -1."""
    return np.where(outside, -1, mask.astype(np.int64))

"""What became of each object: found, missed, false, merged or split.

Objects are matched by IoU > 0.5, as in panoptic quality, so that no object is in two pairs. What is left is told apart
by one relation, which is the same from both sides: an object *covers* another one of the other mask if it holds more
than half of its points. No object is covered by two.

| state | true objects | predicted objects |
|---|---|---|
| found | has a match | has a match |
| merged | no match; covered by a predicted object that covers several | no match; covers several true objects |
| split | no match; covers several predicted objects | no match; covered by a true object that covers several |
| missed, false | any other | any other |

The first that fits counts, where "covers" goes before "covered", so every object has exactly one state, and one that
covers others without a match always has the name of what it did to them. Swapping truth and prediction swaps missed
with false, and merged with split.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isthmus.metrics.input_checks import Mask
from isthmus.metrics.object_matching import Overlaps
from isthmus.metrics.objects import Indices

FOUND, ALONE, COVERED, COVERS = range(4)
TRUE_STATES = ("found", "missed", "merged", "split")
PREDICTED_STATES = ("found", "false", "split", "merged")
"""The names of these four, by side."""
MATCH = 0.5
"""Objects match if their IoU is larger."""

OF_TRUTH = ("found_objects", "missed_objects", "merged_objects", "split_objects")
OF_PREDICTION = ("found_objects", "false_predictions", "splitting_predictions", "merging_predictions")
"""The columns that count the objects of each state, by side."""


@dataclass(frozen=True)
class ObjectStates:
    """The state of every object of a case.

    Attributes:
        truth: index into `TRUE_STATES` of each true object in the order of their numbers, uint8 `(objects,)`.
        prediction: index into `PREDICTED_STATES` of each predicted object, uint8 `(objects,)`.
    """

    truth: NDArray[np.uint8]
    prediction: NDArray[np.uint8]

    @classmethod
    def of(cls, overlaps: Overlaps) -> ObjectStates:
        """Returns the states of two masks of which the overlaps are known."""
        p, t, shared = overlaps.p, overlaps.t, overlaps.shared
        predicted, true = (np.full(len(side), ALONE, np.uint8) for _, side in overlaps.sides)
        merged = _of_several(p, 2 * shared > overlaps.truth.areas[t], len(predicted))
        split = _of_several(t, 2 * shared > overlaps.prediction.areas[p], len(true))
        true[t[merged]], predicted[p[split]] = COVERED, COVERED
        predicted[p[merged]], true[t[split]] = COVERS, COVERS
        matched = overlaps.matched_above(MATCH)
        true[t[matched]], predicted[p[matched]] = FOUND, FOUND
        return cls(true, predicted)

    def counts(self) -> dict[str, int]:
        """Returns the number of objects by column of ``cases.csv``.

        Those of `OF_TRUTH` add up to the true objects, and those of `OF_PREDICTION` to the predicted ones.
        """
        sides = ((OF_TRUTH, self.truth), (OF_PREDICTION, self.prediction))
        return {
            name: int(count)
            for names, states in sides
            for name, count in zip(names, np.bincount(states, minlength=len(names)), strict=True)
        }


def object_states(prediction: Mask, truth: Mask, *, ignore: int | None = None) -> ObjectStates:
    """Tells which objects are found, missed, false, merged and split; the definitions stand in this module.

    Args:
        prediction, truth: masks of object numbers `(*spatial)`, 0 is background.
        ignore: value of the truth whose points are in neither mask.

    Returns:
        The state of every object; `ObjectStates.counts` counts them.

    Raises:
        IsthmusError: masks of different shapes, boolean ones, or negative numbers.

    To cover more than half of an object is the Cell Tracking Challenge's test of detection (Matula et al., PLoS ONE 10
    (2015) e0144959, doi:10.1371/journal.pone.0144959), here taken in both directions.

    >>> states = object_states([[1, 1, 1, 1, 0, 2]], [[1, 1, 2, 2, 0, 0]])  # one for two, and one of nothing
    >>> [TRUE_STATES[state] for state in states.truth], [PREDICTED_STATES[state] for state in states.prediction]
    (['merged', 'merged'], ['merged', 'false'])
    """
    return ObjectStates.of(Overlaps.of(prediction, truth, ignore))


def add_up(rows: Iterable[Mapping[str, float]]) -> dict[str, int]:
    """Returns the sum of each count of objects over cases; {} if a row lacks one, as those of earlier versions do.

    >>> add_up([{"dice": 1.0}])
    {}
    """
    names, rows = dict.fromkeys((*OF_TRUTH, *OF_PREDICTION)), list(rows)
    if not all(math.isfinite(row.get(name, math.nan)) for row in rows for name in names):
        return {}
    return {name: int(sum(row[name] for row in rows)) for name in names}


def in_words(counts: Mapping[str, int]) -> dict[str, str]:
    """Returns the number of objects of each state, by its name; of merged and split ones on both sides.

    >>> names = [*OF_TRUTH, *OF_PREDICTION[1:]]
    >>> in_words(dict(zip(names, [70, 3, 13, 0, 1, 2, 6])))
    {'found': '70', 'missed': '3', 'false': '1', 'merged': '13 true, 6 predicted', 'split': '2 predicted'}
    """
    both = {
        "merged": (counts["merged_objects"], counts["merging_predictions"]),
        "split": (counts["split_objects"], counts["splitting_predictions"]),
    }
    one = {
        "found": counts["found_objects"],
        "missed": counts["missed_objects"],
        "false": counts["false_predictions"],
    }
    sides = {
        state: ", ".join(f"{n} {side}" for n, side in zip(pair, ("true", "predicted"), strict=True) if n)
        for state, pair in both.items()
    }
    return {state: str(n) for state, n in one.items()} | {state: text or "0" for state, text in sides.items()}


def in_a_line(counts: Mapping[str, int]) -> str:
    """Returns the number of objects of each state in a line.

    >>> in_a_line(dict.fromkeys([*OF_TRUTH, *OF_PREDICTION], 0) | {"found_objects": 7, "merged_objects": 1})
    'found 7; missed 0; false 0; merged 1 true; split 0'
    """
    return "; ".join(f"{state} {number}" for state, number in in_words(counts).items())


def _of_several(owner: Indices, covers: NDArray[np.bool_], owners: int) -> NDArray[np.bool_]:
    """Marks the pairs `(pairs,)` in which an owner covers its partner, and at least one more."""
    return covers & (np.bincount(owner[covers], minlength=owners) > 1)[owner]

"""Scores the masks of one case: each program against the truth, and every two programs against each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.evaluation.scorer import Scorer, Scores, ignoring
from isthmus.metrics import case_rows, components

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class CaseMasks:
    """The masks of one case on one grid, as a `Scorer` reads them: classes or object numbers.

    Attributes:
        case, group: its names.
        truth: `(*spatial)`; a pixel that does not count is -1.
        masks: `(*spatial)`, the mask of each program; empty where a program lacks the case.
        spacing: size of a pixel along each axis; None: not stated.
        numbered: whether values are numbers of objects.
    """

    case: str
    group: str
    truth: NDArray[Any]
    masks: Mapping[str, NDArray[Any]]
    spacing: tuple[float, ...] | None = None
    numbered: bool = False


def score_masks(given: CaseMasks, scorer: Scorer, lacking: Sequence[str] = ()) -> tuple[Rows, Rows]:
    """Returns the rows of each program against the truth, and of every two programs against each other.

    Args:
        given: the masks of a case.
        scorer: how they are scored.
        lacking: programs without a mask of this case, which agree with none.
    """
    rows, between = [], []
    for name, mask in given.masks.items():
        scores = scorer.between(mask, given.truth, given.spacing)
        rows += [{"program": name, **row} for row in _rows(scores, given)]
    outside = given.truth == -1 if scorer.options.ignore is not None else None
    for first, second in combinations((name for name in given.masks if name not in lacking), 2):
        other = given.masks[second]
        scores = scorer.between(
            given.masks[first], other if outside is None else ignoring(other, outside), given.spacing
        )
        between += [{"first": first, "second": second, **row} for row in _rows(scores, given)]
    return rows, between


def _rows(scores: Scores, given: CaseMasks) -> Rows:
    return case_rows(scores, case=given.case, group=given.group, grid="original")


def objects(mask: NDArray[Any], numbered: bool) -> NDArray[Any]:
    """Returns the object numbers of a mask of one class, in which pixels that do not count are background."""
    return drawn(mask) if numbered else components(mask > 0)


def drawn(mask: NDArray[Any]) -> NDArray[Any]:
    """Returns a mask for a picture, in which pixels that do not count are background."""
    return np.where(mask < 0, 0, mask) if mask.dtype.kind == "i" else mask

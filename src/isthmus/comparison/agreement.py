"""How far programs and readers agree with each other, and not only with the truth."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from isthmus.comparison.scores import ALL, TRUTH, ProgramScores
from isthmus.metrics.overlap import Counts
from isthmus.metrics.summary import mean_of
from isthmus.metrics.table import COUNTS
from isthmus.statistics import Interval, Spread, bootstrap, over_cases
from isthmus.statistics.comparison import FEWEST_FOLDS

SHOWN = ("dice", "panoptic_quality", "average_surface_distance", "hausdorff_distance_95")
"""Metrics of two masks that do not depend on which of them is the truth."""


@dataclass(frozen=True)
class Agreement:
    """Two readers, on the cases of which both have a mask.

    Attributes:
        label: the class, or all of them.
        first, second: names; one may be the truth.
        cases: number of cases.
        kappa: Cohen's kappa over all points of an image, over cases.
        scores: mean and deviation of each metric of `SHOWN` over cases.
        interval: bootstrap interval of the mean Dice; None if there are too few cases or groups.
        farthest: the case with the smallest Dice.
    """

    label: str
    first: str
    second: str
    cases: int
    kappa: Spread
    scores: Mapping[str, Spread]
    interval: Interval | None
    farthest: str


def agreements(scores: ProgramScores, label: str, seed: int = 0) -> list[Agreement]:
    """Compares the truth with each program, and every two programs; empty if masks are not known."""
    if not set(COUNTS) <= set(scores.rows[0]):
        return []
    ours = [
        (
            TRUTH,
            name,
            [r for r in scores.rows if r["program"] == name and r["case"] not in scores.lacking[name]],
        )
        for name in scores.programs
    ]
    theirs = [
        (a, b, [r for r in scores.between if (r["first"], r["second"]) == (a, b)])
        for a, b in combinations(scores.programs, 2)
    ]
    return [
        _agreement(scores, label, first, second, rows, seed)
        for first, second, rows in (*ours, *theirs)
        if rows
    ]


def _agreement(
    scores: ProgramScores, label: str, first: str, second: str, rows: Sequence[Mapping[str, Any]], seed: int
) -> Agreement:
    of_case: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        if label in (row["class"], ALL):
            of_case.setdefault(row["case"], []).append(row)
    columns = {
        name: {case: mean_of(float(row[name]) for row in own) for case, own in of_case.items()}
        for name in SHOWN
        if name in rows[0]
    }
    kappa = [mean_of(_counts(row).kappa for row in own) for own in of_case.values()]
    dice = columns["dice"]
    return Agreement(
        label,
        first,
        second,
        len(of_case),
        over_cases(kappa),
        {name: _spread(list(column.values())) for name, column in columns.items()},
        _interval(dice, scores.clusters, seed),
        min(dice, key=lambda case: dice[case]),
    )


def _counts(row: Mapping[str, Any]) -> Counts:
    return Counts(*(int(row[name]) for name in COUNTS))


def _spread(values: Sequence[float]) -> Spread:
    known = [value for value in values if not math.isnan(value)]
    return over_cases(known) if known else Spread(math.nan, math.nan, 0)


def _interval(dice: Mapping[str, float], clusters: Mapping[str, str] | None, seed: int) -> Interval | None:
    groups = None if clusters is None else [clusters[case] for case in dice]
    if len(dice) < 2 or (groups is not None and len(set(groups)) < FEWEST_FOLDS):
        return None
    return bootstrap(list(dice.values()), groups=groups, seed=seed)

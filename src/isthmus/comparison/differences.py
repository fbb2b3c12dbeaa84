"""Differences of every two programs, their intervals and tests, and verdicts on non-inferiority."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from isthmus.comparison.options import CompareOptions
from isthmus.comparison.scores import ProgramScores
from isthmus.statistics import (
    Comparison,
    Interval,
    Verdict,
    compare_all,
    non_inferiority,
    not_different_from_best,
)
from isthmus.statistics.comparison import FEWEST_FOLDS

Values: TypeAlias = dict[str, dict[str, float]]
"""A metric by program and case."""


@dataclass(frozen=True)
class Difference:
    """Two programs in one metric: the first one's scores minus the second one's.

    Attributes:
        label: the class, or all of them.
        metric: name of the metric.
        sign: 1 if higher is better, -1 if lower is, 0 if neither.
        comparison: all statistics; `adjusted` is Holm's p over the pairs of programs of this metric and class.
    """

    label: str
    metric: str
    sign: int
    comparison: Comparison

    @property
    def record(self) -> tuple[int, int, int] | None:
        """Wins, ties and losses of the first program; None if neither direction is better."""
        c = self.comparison
        return {1: (c.larger, c.equal, c.smaller), -1: (c.smaller, c.equal, c.larger)}.get(self.sign)


@dataclass(frozen=True)
class Claim:
    """Whether a program is non-inferior to another: new minus reference, and None where cases or groups are too few for
    an interval that decides."""

    label: str
    new: str
    reference: str
    difference: float
    interval: Interval | None
    verdict: Verdict | None


def defined(scores: ProgramScores, label: str, metric: str) -> tuple[Values, list[str]]:
    """Returns the scores of the cases that are defined for every program, and the other cases."""
    values = {name: scores.by_case(name, label, metric) for name in scores.programs}
    left_out = [case for case in scores.cases if any(math.isnan(each[case]) for each in values.values())]
    kept = {
        name: {case: value for case, value in each.items() if case not in left_out}
        for name, each in values.items()
    }
    return kept, left_out


def differences(
    scores: ProgramScores, label: str, metric: str, options: CompareOptions
) -> Sequence[Difference]:
    """Compares every two programs in a metric; empty if no case has a score."""
    values, _ = defined(scores, label, metric)
    if not any(values.values()):
        return []
    found = compare_all(values, groups=scores.clusters, confidence=options.confidence, seed=options.seed)
    return [Difference(label, metric, options.sign(metric), each) for each in found]


def as_good_as_best(scores: ProgramScores, label: str, metric: str, options: CompareOptions) -> set[str]:
    """Returns the programs that are printed in bold: the best one and those that do not differ significantly."""
    values, _ = defined(scores, label, metric)
    sign = options.sign(metric)
    if sign == 0 or not any(values.values()):
        return set()
    return set(
        not_different_from_best(values, options.alpha, higher_is_better=sign > 0, groups=scores.clusters)
    )


def claims(found: Sequence[Difference], options: CompareOptions) -> list[Claim]:
    """Judges non-inferiority of either program of each pair; empty without a margin, or if neither is better."""
    if options.margin is None:
        return []
    made = []
    for each in found:
        c = each.comparison
        between = c.interval if (c.groups or c.n) >= FEWEST_FOLDS else None
        turned = between and Interval(-between.estimate, -between.high, -between.low, between.confidence)
        sides = ((c.first, c.second, c.difference, between), (c.second, c.first, -c.difference, turned))
        for new, reference, difference, interval in sides:
            verdict = (
                non_inferiority(interval, options.margin, higher_is_better=each.sign > 0)
                if interval and each.sign
                else None
            )
            made.append(Claim(each.label, new, reference, difference, interval, verdict))
    return made

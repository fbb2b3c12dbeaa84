"""Differences of every two programs, their intervals and tests, and verdicts on non-inferiority."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TypeAlias

from isthmus import statistics
from isthmus.comparison.options import CompareOptions
from isthmus.comparison.scores import ProgramScores
from isthmus.statistics import Comparison, Interval, Verdict, compare, holm, non_inferiority, wilcoxon
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


def defined(scores: ProgramScores, label: str, metric: str) -> Values:
    """Returns the scores of each program in the cases in which it has one."""
    return {
        name: {case: x for case, x in scores.by_case(name, label, metric).items() if not math.isnan(x)}
        for name in scores.programs
    }


def _of_both(values: Values, first: str, second: str) -> tuple[dict[str, float], dict[str, float]]:
    """Returns the scores of two programs in the cases in which both have one."""
    shared = sorted(values[first].keys() & values[second].keys())
    return {case: values[first][case] for case in shared}, {case: values[second][case] for case in shared}


def differences(
    scores: ProgramScores, label: str, metric: str, options: CompareOptions
) -> Sequence[Difference]:
    """Compares every two programs in a metric, each two on the cases in which both have a score, if there are any.

    What a third program lacks does not matter to them. Holm's correction is over all pairs.
    """
    values = defined(scores, label, metric)
    found = [
        compare(
            *both,
            names=(first, second),
            groups=scores.clusters,
            confidence=options.confidence,
            seed=options.seed,
        )
        for first, second in combinations(scores.programs, 2)
        if (both := _of_both(values, first, second))[0]
    ]
    adjusted = holm([each.wilcoxon.p for each in found]) if found else ()
    return [
        Difference(label, metric, options.sign(metric), replace(each, adjusted=p))
        for each, p in zip(found, adjusted, strict=True)
    ]


def as_good_as_best(scores: ProgramScores, label: str, metric: str, options: CompareOptions) -> set[str]:
    """Returns the programs that are printed in bold: the best one and those that do not differ significantly."""
    values, sign = defined(scores, label, metric), options.sign(metric)
    means = {name: sign * math.fsum(each.values()) / len(each) for name, each in values.items() if each}
    if sign == 0 or not means:
        return set()

    def p_value(best: str, name: str) -> float:
        first, second = _of_both(values, best, name)
        if not first:
            return 1.0
        groups = scores.clusters and [scores.clusters[case] for case in first]
        if groups and len(set(groups)) == len(groups):
            groups = None
        return wilcoxon(list(first.values()), list(second.values()), groups=groups).p

    return statistics.as_good_as_best(means, p_value, options.alpha)


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

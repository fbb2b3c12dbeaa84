"""Tests which networks are as good as the best, and compares all pairs of networks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from isthmus import statistics
from isthmus.errors import IsthmusError
from isthmus.statistics import (
    Comparison,
    Outcome,
    compare,
    corrected_resampled_t,
    holm,
    paired_t,
    wilcoxon,
)
from isthmus.studies.results import Results, Sample, better
from isthmus.studies.study import Measure, Study

NAMES = {
    "wilcoxon": "Wilcoxon's signed-rank test over cases",
    "t": "paired t-test over cases",
    "t-folds": "paired t-test over folds",
    "corrected": "corrected resampled t-test over folds",
}


@dataclass(frozen=True)
class Pair:
    """Two networks on one data set: their comparison, the study's test, and its p-value after Holm correction."""

    data: str
    label: str
    comparison: Comparison
    test: Outcome | None
    adjusted: float


def samples(results: Results, data: str, label: str, measure: Measure) -> dict[str, Sample]:
    """Returns every network's scores on the cases, folds and repeats that all networks with scores share."""
    found = {name: results.sample(data, name, label, measure) for name in results.networks}
    found = {name: sample for name, sample in found.items() if sample.values}
    if not found:
        return {}
    shared = set.intersection(*(sample.places for sample in found.values()))
    return {name: sample.only(shared) for name, sample in found.items()} if shared else {}


def p_value(study: Study, first: Sample, second: Sample, share: float) -> Outcome | None:
    """Applies the study's test to two networks; None if there is too little to test.

    Args:
        study: the study.
        first, second: the scores of the two networks on the same cases.
        share: the number of scored cases per training case, for the corrected test.
    """
    by_fold = study.test in ("t-folds", "corrected")
    a, b = (first.by_fold(), second.by_fold()) if by_fold else (first.by_case(), second.by_case())
    keys = sorted(a)
    x, y = [a[key] for key in keys], [b[key] for key in keys]
    try:
        if study.test == "wilcoxon":
            return wilcoxon(x, y)
        if study.test == "corrected" and math.isnan(share):
            return None
        if study.test == "corrected":
            return corrected_resampled_t(x, y, train=1, test=share)
        return paired_t(x, y)
    except IsthmusError:
        return None  # one case or one fold


def as_good_as_best(study: Study, measure: Measure, found: Mapping[str, Sample], share: float) -> set[str]:
    """Returns what is printed in bold: the best network and those not significantly different from it (after Holm)."""
    if len(found) < 2 or not better(measure):
        return set()
    means = {name: better(measure) * sample.spread(study.over).mean for name, sample in found.items()}
    return statistics.as_good_as_best(
        means, lambda best, name: _p(p_value(study, found[best], found[name], share)), study.alpha
    )


def every_pair(results: Results, data: str, label: str, measure: Measure) -> list[Pair]:
    """Compares all pairs of networks; the p-values of the study's test are adjusted for the number of pairs."""
    found = samples(results, data, label, measure)
    study, share = results.study, results.share(data)
    chosen = [_ordered(a, b, found, measure) for a, b in combinations(found, 2)]
    outcomes = [p_value(study, found[a], found[b], share) for a, b in chosen]
    adjusted = holm([_p(outcome) for outcome in outcomes]) if outcomes else ()
    pairs = []
    for (a, b), outcome, p in zip(chosen, outcomes, adjusted, strict=True):
        fold_of = found[a].fold_of()
        both = compare(
            found[a].by_case(),
            found[b].by_case(),
            names=(a, b),
            folds=fold_of,
            share=None if math.isnan(share) else share,
        )
        pairs.append(Pair(data, label, both, outcome, p))
    return pairs


def _ordered(a: str, b: str, found: Mapping[str, Sample], measure: Measure) -> tuple[str, str]:
    """Returns two networks, the better one first."""
    sign = better(measure)
    first, second = (sign * found[name].spread("cases").mean for name in (a, b))
    return (a, b) if first >= second else (b, a)


def _p(outcome: Outcome | None) -> float:
    return 1.0 if outcome is None or math.isnan(outcome.p) else outcome.p


def sizes(found: Sequence[Pair]) -> int:
    """Cases that pairs were compared on, at most."""
    return max((pair.comparison.n for pair in found), default=0)

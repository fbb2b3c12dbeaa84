"""Comparison of networks on the same cases, and which of them are as good as the best."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal, TypeVar

import numpy as np

from isthmus.errors import IsthmusError
from isthmus.statistics.bootstrap import Interval, bootstrap
from isthmus.statistics.effects import cohens_dz, probability_of_superiority, rank_biserial
from isthmus.statistics.hypotheses import Outcome, corrected_resampled_t, holm, paired_t, wilcoxon
from isthmus.statistics.pairs import Floats, Paired, Scores, differences, listed, pair
from isthmus.statistics.spread import fold_means

TestName = Literal["wilcoxon", "t", "corrected"]
Name = TypeVar("Name", bound=Hashable)

FEWEST_FOLDS = 4
"""The fewest folds (or groups) for which an interval of whole folds is given."""

Labels = Mapping[str, object] | None
"""The fold or the group of each case; None: not known."""


@dataclass(frozen=True)
class _Settings:
    """What depends on which, and how an interval is computed."""

    folds: Labels = None
    groups: Labels = None
    share: float | None = None
    confidence: float = 0.95
    seed: int = 0


@dataclass(frozen=True)
class Comparison:
    """A comparison of two networks: the first one's scores minus the second one's, case by case.

    Attributes:
        first, second: names.
        n: number of cases.
        groups: number of groups (patients, slides); None if cases are independent.
        difference: mean of the paired differences, in the unit of the score.
        sd: their standard deviation over cases, which `cases_needed` takes; NaN for one case.
        interval: BCa bootstrap interval of the mean difference, by whole folds or groups if these are known; None for
            one case or too few of them.
        t, wilcoxon, corrected: tests; t is None for one case (or group), and corrected without folds.
        larger, equal, smaller: number of cases in which the first score is larger, equal or smaller.
        dz, rank_biserial, superiority: effect sizes; dz is NaN for one case.
        adjusted: Holm's p of the test chosen in `compare_all`; None for a single comparison.
    """

    first: str
    second: str
    n: int
    difference: float
    sd: float
    interval: Interval | None
    t: Outcome | None
    wilcoxon: Outcome
    corrected: Outcome | None
    dz: float
    rank_biserial: float
    superiority: float
    adjusted: float | None = None
    larger: int = 0
    equal: int = 0
    smaller: int = 0
    groups: int | None = None


def compare(
    first: Scores,
    second: Scores,
    *,
    names: tuple[str, str] = ("first", "second"),
    folds: Labels = None,
    groups: Labels = None,
    share: float | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> Comparison:
    """Compares two networks on the same cases in every respect.

    Args:
        first, second: finite score of each case. Cases that are NaN for both networks are left out.
        names: names of the networks, for messages and tables.
        folds: the fold in which each case was scored. The interval then draws whole folds, and the corrected
            resampled t-test compares the means of folds. Fewer than four folds give no interval, because it would be
            far too short (with five folds it covers the truth in four of five cases).
        groups: the patient or slide of each case, instead of folds. The interval then draws whole groups (four at
            least), and the t-test and Wilcoxon's test treat only groups as independent (see `paired_t`, `wilcoxon`).
        share: n_test / n_train for the corrected test; None: that of k folds, 1 / (k - 1).
        confidence, seed: confidence and seed of the bootstrap interval.

    Raises:
        IsthmusError: cases that are not paired (the message names them), scores that are NaN or infinite, cases
            without a fold.

    >>> found = compare({"a": 0.75, "b": 0.5, "c": 1.0}, {"a": 0.5, "b": 0.5, "c": 0.5})
    >>> found.difference, found.superiority, found.wilcoxon.p
    (0.25, 0.8333333333333334, 0.5)
    """
    if names[0] == names[1]:
        raise IsthmusError(f"both networks are called '{names[0]}'; give them two names")
    how = _Settings(folds, groups, share, confidence, seed)
    return _compare(pair(dict(zip(names, (first, second), strict=True))), 0, 1, how)


def compare_all(
    scores: Mapping[str, Scores],
    *,
    folds: Labels = None,
    groups: Labels = None,
    test: TestName = "wilcoxon",
    confidence: float = 0.95,
    seed: int = 0,
) -> tuple[Comparison, ...]:
    """Compares all pairs of networks, and adjusts the p of one test for the number of comparisons by Holm.

    Args:
        scores: score of each case, by network.
        folds, groups: as in `compare`.
        test: the test whose p is adjusted: ``"wilcoxon"``, ``"t"``, or ``"corrected"`` (needs ``folds``).

    Raises:
        IsthmusError: as in `compare`; fewer than two networks; a test that these scores do not allow.
    """
    found = pair(scores)
    if len(found.networks) < 2:
        raise IsthmusError("at least two networks can be compared, found 1")
    how = _Settings(folds, groups, None, confidence, seed)
    every = [_compare(found, i, j, how) for i, j in combinations(range(len(found.networks)), 2)]
    adjusted = holm([_p(one, test) for one in every])
    return tuple(replace(one, adjusted=p) for one, p in zip(every, adjusted, strict=True))


def not_different_from_best(
    scores: Mapping[str, Scores],
    alpha: float = 0.05,
    *,
    higher_is_better: bool = True,
    folds: Labels = None,
    groups: Labels = None,
    test: TestName = "wilcoxon",
) -> tuple[str, ...]:
    """Finds the network with the best mean, and all that do not differ significantly from it (bold in tables).

    Each network is tested against the best, and the p-values are adjusted by Holm. Networks with a p above ``alpha``
    are kept. A few cases cannot show anything, so all networks are kept.

    Args:
        scores: finite score of each case, by network; all networks have the same cases.
        alpha: level of the tests.
        higher_is_better: False for distances and losses.
        folds, groups, test: as in `compare_all`.

    Returns:
        Names in the given order.

    Raises:
        IsthmusError: cases that are not paired (the message names them), NaN, infinite scores, alpha out of range.

    >>> cases = range(10)
    >>> good, bad = {f"{i}": 0.9 + i / 1000 for i in cases}, {f"{i}": 0.5 + i / 500 for i in cases}
    >>> not_different_from_best({"unet": bad, "mildnet": good, "sharp_unet": good})
    ('mildnet', 'sharp_unet')
    """
    if not 0 < alpha < 1:
        raise IsthmusError(f"alpha must lie between 0 and 1, found {alpha!r}")
    found = pair(scores)
    _refuse_infinite(found)
    sign = 1 if higher_is_better else -1
    means = {i: sign * math.fsum(row) / len(row) for i, row in enumerate(found.values)}
    if len(found.cases) == 1 and test != "corrected":
        return found.networks
    good = as_good_as_best(
        means, lambda best, i: _test(found, best, i, _Settings(folds, groups), test).p, alpha
    )
    return tuple(name for i, name in enumerate(found.networks) if i in good)


def as_good_as_best(
    means: Mapping[Name, float], p_value: Callable[[Name, Name], float], alpha: float
) -> set[Name]:
    """Finds the largest mean, and all that do not differ significantly from it after Holm's adjustment.

    Args:
        means: means to compare, by name; larger is better.
        p_value: p-value of a test of two names.
        alpha: level of the tests.
    """
    best = max(means, key=lambda name: means[name])
    others = [name for name in means if name != best]
    adjusted = holm([p_value(best, name) for name in others])
    return {best, *(name for name, p in zip(others, adjusted, strict=True) if p > alpha)}


def _compare(found: Paired, i: int, j: int, how: _Settings) -> Comparison:
    _refuse_infinite(found)
    first, second = found.values[i], found.values[j]
    change, n = differences(first, second), len(found.cases)
    folds, groups = _folds(found, how.folds), _groups(found, how)
    blocks = folds if groups is None else groups
    count = n if blocks is None else len(set(blocks))
    has_interval = count > 1 if blocks is None else count >= FEWEST_FOLDS
    several = n > 1
    return Comparison(
        found.networks[i],
        found.networks[j],
        n,
        math.fsum(change) / n,
        float(change.std(ddof=1)) if several else math.nan,
        bootstrap(change, groups=blocks, confidence=how.confidence, seed=how.seed) if has_interval else None,
        paired_t(first, second, groups=groups) if several and (groups is None or count > 1) else None,
        wilcoxon(first, second, groups=groups),
        _corrected(first, second, folds, how.share) if folds is not None and len(set(folds)) > 1 else None,
        cohens_dz(first, second) if several else math.nan,
        rank_biserial(first, second),
        probability_of_superiority(first, second),
        larger=int((change > 0).sum()),
        equal=int((change == 0).sum()),
        smaller=int((change < 0).sum()),
        groups=None if groups is None else count,
    )


def _test(found: Paired, i: int, j: int, how: _Settings, test: TestName) -> Outcome:
    first, second = found.values[i], found.values[j]
    if test == "wilcoxon":
        return wilcoxon(first, second, groups=_groups(found, how))
    if test == "t":
        return paired_t(first, second, groups=_groups(found, how))
    if test != "corrected":
        raise IsthmusError(f"the test is {test!r}; choose 'wilcoxon', 't' or 'corrected'")
    labels = _folds(found, how.folds)
    if labels is None:
        raise IsthmusError("the corrected resampled t-test compares folds: give the fold of each case")
    return _corrected(first, second, labels)


def _p(one: Comparison, test: TestName) -> float:
    if test not in ("wilcoxon", "t", "corrected"):
        raise IsthmusError(f"the test is {test!r}; choose 'wilcoxon', 't' or 'corrected'")
    outcome = {"wilcoxon": one.wilcoxon, "t": one.t, "corrected": one.corrected}[test]
    if outcome is None:
        needed = "two folds, and the fold of each case" if test == "corrected" else "two cases"
        raise IsthmusError(f"the test '{test}' needs at least {needed}")
    return outcome.p


def _corrected(first: Floats, second: Floats, labels: list[str], share: float | None = None) -> Outcome:
    share = 1 / max(1, len(set(labels)) - 1) if share is None else share
    return corrected_resampled_t(fold_means(first, labels), fold_means(second, labels), train=1, test=share)


def _folds(found: Paired, folds: Labels, what: str = "fold") -> list[str] | None:
    if folds is None:
        return None
    missing = [case for case in found.cases if case not in folds]
    if missing:
        raise IsthmusError(f"no {what} is known for {listed(missing)}: give the {what} of every scored case")
    return [str(folds[case]) for case in found.cases]


def _groups(found: Paired, how: _Settings) -> list[str] | None:
    """Returns the group of each case; None if none are known, or if each case is one of its own."""
    if how.folds is not None and how.groups is not None:
        raise IsthmusError("folds and groups are both given; give the one whose cases depend on each other")
    labels = _folds(found, how.groups, "group")
    return None if labels is None or len(set(labels)) == len(labels) else labels


def _refuse_infinite(found: Paired) -> None:
    wrong = ~np.isfinite(found.values).all(axis=0)
    if wrong.any():
        cases = [found.cases[i] for i in np.flatnonzero(wrong)]
        raise IsthmusError(
            f"infinite scores for {listed(cases)} have no mean: score missed cases by the image diagonal"
        )

"""Mean and standard deviation over cases, folds or repeats, as the papers use them.

The three answer different questions. Over cases (HMEDN: "mean (std)" of the test scans) they show how much images
differ, over folds (MultiResUNet, MILDNet: five networks with one score each) how much the result depends on the
split, and over repeats (Sharp U-Net: five runs) how much it depends on chance. All are sample deviations (n -
1) unless ``ddof=0`` asks for those of a population; no paper says which it uses.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from isthmus.errors import IsthmusError
from isthmus.statistics.pairs import Floats, labels_of, values_of

Labels = Iterable[object]


@dataclass(frozen=True)
class Spread:
    """A mean, the standard deviation of the averaged values (NaN for one value), and their number."""

    mean: float
    sd: float
    n: int


def over_cases(values: ArrayLike, cases: Labels | None = None, *, ddof: int = 1) -> Spread:
    """Computes mean and standard deviation of the cases' scores (HMEDN, tables I to VI).

    Args:
        values: scores in any unit, one for each case.
        cases: names, if a case was scored several times (by the networks of several folds or repeats). Its scores are
            averaged first, so that every case counts once.
        ddof: 1 for the deviation of a sample, 0 for that of a population.

    Raises:
        IsthmusError: there are no scores, some are NaN or infinite, or there is not one label for each.

    >>> over_cases([0.5, 1.0, 1.5])
    Spread(mean=1.0, sd=0.5, n=3)
    """
    found = values_of(values)
    return _spread(found if cases is None else _means(found, _labels(found, cases=cases)), ddof)


def over_folds(values: ArrayLike, folds: Labels, repeats: Labels | None = None, *, ddof: int = 1) -> Spread:
    """Computes mean and deviation of the folds' scores, each the mean over its cases (MultiResUNet, table 4).

    Every fold counts the same, however many cases it has. MILDNet's five networks, all scored on one test set, are
    folds too. With ``repeats``, the folds of each repeat count separately.

    Raises:
        IsthmusError: as in `over_cases`.

    >>> over_folds([1.0, 0.5, 0.25, 0.25], folds=[0, 0, 1, 1], ddof=0)
    Spread(mean=0.5, sd=0.25, n=2)
    """
    return _spread(fold_means(values, folds, repeats), ddof)


def over_repeats(values: ArrayLike, repeats: Labels, folds: Labels | None = None, *, ddof: int = 1) -> Spread:
    """Computes mean and deviation of the repeats' scores (Sharp U-Net, tables 1 to 3: five runs).

    A repeat's score is the mean over its cases or, with ``folds``, over the means of its folds.

    Raises:
        IsthmusError: as in `over_cases`.

    >>> over_repeats([0.75, 1.25, 0.25, 0.75], repeats=[0, 0, 1, 1], ddof=0)
    Spread(mean=0.75, sd=0.25, n=2)
    """
    found = values_of(values)
    if folds is None:
        return _spread(_means(found, _labels(found, repeats=repeats)), ddof)
    pairs = _labels(found, repeats=repeats, folds=folds)
    outer = [repeat for repeat, _ in sorted(set(pairs))]
    return _spread(_means(_means(found, pairs), [(repeat,) for repeat in outer]), ddof)


def fold_means(values: ArrayLike, folds: Labels, repeats: Labels | None = None) -> Floats:
    """Computes the mean of each fold (of each repeat), in the order of their names.

    >>> fold_means([0.5, 1.0, 0.25], ["a", "a", "b"]).tolist()
    [0.75, 0.25]
    """
    found = values_of(values)
    if repeats is None:
        return _means(found, _labels(found, folds=folds))
    return _means(found, _labels(found, repeats=repeats, folds=folds))


def _labels(values: Floats, **named: Labels) -> list[tuple[str, ...]]:
    columns = [labels_of(labels, len(values), what) for what, labels in named.items()]
    return list(zip(*columns, strict=True))


def _means(values: Floats, labels: Sequence[tuple[str, ...]]) -> Floats:
    """Computes the mean of each label, in the order of the labels."""
    groups: dict[tuple[str, ...], list[float]] = {}
    for label, value in zip(labels, values, strict=True):
        groups.setdefault(label, []).append(float(value))
    return np.array([math.fsum(groups[label]) / len(groups[label]) for label in sorted(groups)])


def _spread(values: Floats, ddof: int) -> Spread:
    if ddof not in (0, 1):
        raise IsthmusError(f"ddof is {ddof!r}; 1 is the sample's deviation, 0 the population's")
    n = len(values)
    mean = math.fsum(values) / n
    square = math.fsum((value - mean) ** 2 for value in values)
    return Spread(mean, math.sqrt(square / (n - ddof)) if n > 1 else math.nan, n)

"""Aggregates of the scores of cases; no case that a model missed is dropped without being counted."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from isthmus.errors import IsthmusError
from isthmus.metrics.empty import Presence, presence
from isthmus.metrics.overlap import Counts
from isthmus.metrics.table import COUNTS

Row: TypeAlias = Mapping[str, float]


@dataclass(frozen=True)
class Summary:
    """One metric over cases.

    Attributes:
        mean, std, median, minimum, maximum: of the values that are not NaN; NaN if there are none. `std` is that of
            the sample (n - 1), and NaN for fewer than two values.
        n: number of values that are not NaN.
        n_missed, n_both_empty, n_false_alarm: number of all cases in which the prediction alone, both masks, or the
            truth alone was empty.
    """

    mean: float
    std: float
    median: float
    minimum: float
    maximum: float
    n: int
    n_missed: int
    n_both_empty: int
    n_false_alarm: int


def summarise(
    rows: Iterable[Mapping[Any, Any]], *, both_empty: Literal["include", "exclude"] = "include"
) -> Any:
    """Summarises every metric of `score_case` over cases.

    Values that are NaN (distances of missed cases with `missing="exclude"`, gaps where there are none) enter neither
    the mean nor `n`.

    Args:
        rows: scores of each case as `score_case` returns them, or rows read from a CSV file.
        both_empty: whether cases in which both masks are empty enter the mean and `n`.

    Returns:
        A `Summary` by metric, or by class and metric.

    Raises:
        IsthmusError: there are no rows, or they differ in what they hold.

    >>> hit = {"dice": 1.0, "prediction_points": 4.0, "truth_points": 4.0}
    >>> miss = {"dice": 0.0, "prediction_points": 0.0, "truth_points": 4.0}
    >>> dice = summarise([hit, miss])["dice"]
    >>> dice.mean, dice.n, dice.n_missed
    (0.5, 2, 1)
    """
    if both_empty not in ("include", "exclude"):
        raise IsthmusError(f"both_empty is {both_empty!r}; choose 'include' or 'exclude'")
    table = _table(rows)
    if isinstance(next(iter(table[0].values())), Mapping):
        return {name: summarise([row[name] for row in table], both_empty=both_empty) for name in table[0]}
    states = [presence_in(row) for row in table]
    used = [both_empty == "include" or state is not Presence.NEITHER for state in states]
    counts = _counts([{state} for state in states])
    return {
        metric: _summary([value_of(row, metric) for row, use in zip(table, used, strict=True) if use], counts)
        for metric in table[0]
        if metric not in COUNTS
    }


def over_classes(cases: Iterable[Mapping[Any, Row]]) -> dict[str, Summary]:
    """Summarises every metric over cases, where each case is the mean over its classes without NaN.

    A case counts as missed, or as a false alarm, if any of its classes does, and as both empty if all of them do.

    >>> hit = {"dice": 1.0, "prediction_points": 4.0, "truth_points": 4.0}
    >>> miss = {"dice": 0.0, "prediction_points": 0.0, "truth_points": 4.0}
    >>> dice = over_classes([{"gland": hit, "lumen": miss}, {"gland": hit, "lumen": hit}])["dice"]
    >>> dice.mean, dice.n, dice.n_missed
    (0.75, 2, 1)
    """
    table = [list(case.values()) for case in _table(cases, alike=False)]
    counts = _counts([{presence_in(row) for row in rows} for rows in table])
    return {
        metric: _summary([mean_of(value_of(row, metric) for row in rows) for rows in table], counts)
        for metric in table[0][0]
        if metric not in COUNTS
    }


def presence_in(row: Row) -> Presence:
    """Returns which of the two masks of a row has any foreground."""
    return presence(_count(row, "prediction_points"), _count(row, "truth_points"))


def _count(row: Row, name: str) -> float:
    if name not in row:
        raise IsthmusError(
            f"the scores lack {name}, which is needed to detect missed cases; keep all columns"
        )
    found = value_of(row, name)
    if math.isinf(found):
        raise IsthmusError(f"{name} is {row[name]!r}, not a number of pixels; score the cases again")
    return found


def value_of(row: Row, name: str) -> float:
    """Returns a number of a row, also if it is written as text."""
    try:
        return float(row[name])
    except (TypeError, ValueError) as error:
        raise IsthmusError(f"{name} is {row[name]!r}, not a number; score the cases again") from error


def mean_of(values: Iterable[float]) -> float:
    """Computes the mean of the values that are not NaN; NaN if there are none.

    >>> mean_of([1.0, math.nan, 2.0])
    1.5
    """
    numbers = [value for value in values if not math.isnan(value)]
    return sum(numbers) / len(numbers) if numbers else math.nan


def _counts(states: Sequence[Set[Presence]]) -> dict[str, int]:
    """Counts the cases that are missed, empty in both masks, or false alarms; each has the states of its classes."""
    return {
        "n_missed": sum(Presence.MISSED in each for each in states),
        "n_both_empty": sum(each == {Presence.NEITHER} for each in states),
        "n_false_alarm": sum(Presence.FALSE_ALARM in each for each in states),
    }


def pooled(rows: Iterable[Mapping[Any, Any]]) -> Any:
    """Adds up the counts of all cases, as if they were one large image.

    Dice of the pooled counts is 2 sum|P ∩ T| / (sum|P| + sum|T|), in which large objects count more than small ones.

    Returns:
        `Counts`, or a dict of them by class.

    >>> pair = {"prediction_points": 2.0, "truth_points": 2.0, "shared_points": 2.0, "image_points": 9.0}
    >>> miss = {"prediction_points": 0.0, "truth_points": 4.0, "shared_points": 0.0, "image_points": 9.0}
    >>> pooled([pair, miss]).dice  # 2 * 2 / (2 + 6)
    0.5
    """
    table = _table(rows)
    if isinstance(next(iter(table[0].values())), Mapping):
        return {name: pooled([row[name] for row in table]) for name in table[0]}
    return sum((Counts(*(int(_count(row, name)) for name in COUNTS)) for row in table), Counts(0, 0, 0, 0))


def _table(rows: Iterable[Mapping[Any, Any]], alike: bool = True) -> list[Mapping[Any, Any]]:
    table = list(rows) if isinstance(rows, Iterable) else []
    for number, row in enumerate(table):
        if not isinstance(row, Mapping):
            raise IsthmusError(f"row {number} of the scores is {row!r:.60}; give what score_case returned")
    if not table or not all(table):
        raise IsthmusError("there are no scores to summarise; give the rows that score_case returned")
    if not alike:
        return table
    for number, row in enumerate(table):
        if row.keys() != table[0].keys():
            differing = ", ".join(sorted(map(str, row.keys() ^ table[0].keys())))
            raise IsthmusError(
                f"row {number} of the scores differs from row 0 in {differing}; score all cases in the same way"
            )
    return table


def _summary(values: list[float], counts: dict[str, int]) -> Summary:
    numbers = np.asarray([value for value in values if not math.isnan(value)])
    n, nan = numbers.size, math.nan
    if n == 0:
        return Summary(nan, nan, nan, nan, nan, n=0, **counts)
    with np.errstate(invalid="ignore"):  # infinite distances: the mean is inf, their spread has no meaning
        std = float(numbers.std(ddof=1)) if n > 1 else nan
    mean, median = float(numbers.mean()), float(np.median(numbers))
    return Summary(mean, std, median, float(numbers.min()), float(numbers.max()), n=n, **counts)

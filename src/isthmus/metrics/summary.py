"""From the scores of cases to the numbers of a table: no case that a model missed is ever dropped unseen."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from isthmus.errors import IsthmusError
from isthmus.metrics.empty import Presence, presence
from isthmus.metrics.overlap import Counts

Row: TypeAlias = Mapping[str, float]
COUNTS = ("prediction_points", "truth_points", "shared_points", "image_points")


@dataclass(frozen=True)
class Summary:
    """One metric over cases: `n` values that are numbers, and how many of all cases had empty masks.

    `std` is that of the sample (n - 1), NaN for fewer than two values; all are NaN where `n` is 0.
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
    """Every metric of `score_case` over cases: a `Summary` by metric, or by class and metric.

    Values that are NaN (distances of missed cases where `score_case` was told `missing="exclude"`, gaps
    where there are none) do not enter the mean, nor `n`. `n_missed`, `n_both_empty` and `n_false_alarm`
    count all cases in which the prediction alone, both masks, or the truth alone was empty. With
    `both_empty="exclude"` cases with both masks empty do not enter the mean, nor `n`. Rows read back from a
    CSV file serve as well. Raises `IsthmusError` where there are no rows, or they differ in what they hold.

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
    states = [presence(row["prediction_points"], row["truth_points"]) for row in table]
    used = [both_empty == "include" or state is not Presence.NEITHER for state in states]
    counts = {
        "n_missed": states.count(Presence.MISSED),
        "n_both_empty": states.count(Presence.NEITHER),
        "n_false_alarm": states.count(Presence.FALSE_ALARM),
    }
    return {
        metric: _summary([float(row[metric]) for row, use in zip(table, used, strict=True) if use], counts)
        for metric in table[0]
        if metric not in COUNTS
    }


def pooled(rows: Iterable[Mapping[Any, Any]]) -> Any:
    """Overlap of all cases taken as one large image: the `Counts` of their sum, or a dict by class.

    Dice of the pooled counts is 2 sum|P ∩ T| / (sum|P| + sum|T|), in which large objects count more than
    small.

    >>> pair = {"prediction_points": 2.0, "truth_points": 2.0, "shared_points": 2.0, "image_points": 9.0}
    >>> miss = {"prediction_points": 0.0, "truth_points": 4.0, "shared_points": 0.0, "image_points": 9.0}
    >>> pooled([pair, miss]).dice  # 2 * 2 / (2 + 6)
    0.5
    """
    table = _table(rows)
    if isinstance(next(iter(table[0].values())), Mapping):
        return {name: pooled([row[name] for row in table]) for name in table[0]}
    return sum((Counts(*(int(row[name]) for name in COUNTS)) for row in table), Counts(0, 0, 0, 0))


def _table(rows: Iterable[Mapping[Any, Any]]) -> list[Mapping[Any, Any]]:
    table = list(rows)
    if not table or not table[0]:
        raise IsthmusError("there are no scores to summarise; give the rows that score_case returned")
    for number, row in enumerate(table):
        if row.keys() != table[0].keys():
            differing = ", ".join(sorted(map(str, row.keys() ^ table[0].keys())))
            raise IsthmusError(
                f"row {number} of the scores differs from row 0 in {differing}; score all alike"
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

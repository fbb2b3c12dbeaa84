"""From the scores of a case to the rows of a table (`cases.csv`), and from the rows back to summaries."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from isthmus.metrics.summary import Row, Summary, summarise, value_of
from isthmus.metrics.table import COUNTS, KEYS, METRICS


def case_rows(
    scores: Mapping[Any, Row],
    *,
    case: str,
    group: str = "",
    set: str = "",
    fold: int | None = None,
    grid: str = "",
) -> list[dict[str, Any]]:
    """Returns the rows of one case, one for each class: the keys, then every metric and count.

    Args:
        scores: scores as `score_case` returns them, by class name.
        case, group, set, fold, grid: keys of the rows; a fold of None becomes an empty cell.

    >>> from isthmus.metrics import score_case
    >>> from isthmus.metrics.table import columns
    >>> scores = score_case([[1, 1, 0]], [[1, 0, 0]], classes={1: "cell"}, objects=False)
    >>> row = case_rows(scores, case="slide 1", group="patient 7", set="test", grid="original")[0]
    >>> tuple(row) == columns(), row["class"], row["recall"], row["truth_points"]
    (True, 'cell', 1.0, 1)
    """
    where = {"case": case, "group": group, "set": set, "fold": fold, "grid": grid}
    return [
        {**where, "class": str(name), **{column: _cell(column, value) for column, value in row.items()}}
        for name, row in scores.items()
    ]


def _cell(column: str, value: float) -> float:
    """Returns the value as it is written, without a decimal point in a column of whole numbers."""
    whole = column in COUNTS or METRICS[column].unit == "count"
    return int(value) if whole and math.isfinite(value) else value


def by_class(rows: Iterable[Mapping[str, Any]]) -> dict[str, list[dict[str, float]]]:
    """Groups rows by class and keeps only their numbers; an empty cell is NaN.

    Rows come from `case_rows` or `csv.DictReader`.

    >>> by_class([{"case": "a", "class": "cell", "dice": "0.5", "open_gaps": ""}])
    {'cell': [{'dice': 0.5, 'open_gaps': nan}]}
    """
    found: dict[str, list[dict[str, float]]] = {}
    for row in rows:
        numbers = {
            name: math.nan if value in ("", None) else value_of(row, name)
            for name, value in row.items()
            if name not in KEYS
        }
        found.setdefault(row["class"], []).append(numbers)
    return found


def summaries(rows: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Summary]]:
    """Summarises rows by class and metric.

    >>> row = {"case": "a", "class": "cell", "dice": "0.0", "prediction_points": "0", "truth_points": "9"}
    >>> dice = summaries([row])["cell"]["dice"]
    >>> dice.mean, dice.n_missed
    (0.0, 1)
    """
    return {name: summarise(each) for name, each in by_class(rows).items()}

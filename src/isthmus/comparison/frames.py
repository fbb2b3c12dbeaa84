"""Scores that were computed elsewhere: a data frame, or rows of a table."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from isthmus.comparison.scores import ProgramScores
from isthmus.errors import IsthmusError, few
from isthmus.metrics.table import COUNTS, KEYS, METRICS

LONG = ("metric", "score")
"""Columns of a frame with a row for each metric."""
NAMES = ("case", "program", "group", "class")


def is_frame(given: Any) -> bool:
    """Returns whether something is a data frame (of pandas, polars or alike) or a list of rows."""
    return hasattr(given, "columns") or isinstance(given, list | tuple)


def read_frame(frame: Any, common: bool) -> ProgramScores:
    """Reads a table of scores with the columns ``case`` and ``program``, and optionally ``group`` and ``class``.

    Every other column is a metric; or the column ``metric`` names it and ``score`` holds its value.

    Args:
        frame: a data frame, or a list of rows (mappings).
        common: whether cases that not every program has are left out.

    Raises:
        IsthmusError: a column is missing, a name is missing in it, a row occurs twice, a case is in two groups, a score
            is no number, or a program lacks a case whose score as a miss is not known.
    """
    table = [_renamed(row) for row in _records(frame)]
    if not table:
        raise IsthmusError("the table of scores has no rows; give one for each case and program")
    for column in ("case", "program"):
        if any(column not in row for row in table):
            raise IsthmusError(
                f"the table of scores has no column '{column}' ({', '.join(map(str, table[0]))}); it needs case, "
                "program and a column of scores"
            )
    long = all(set(LONG) <= set(row) for row in table)
    rows = _filled(_wide(table) if long else [_numbers(row) for row in table])
    programs, cases, classes = (
        tuple(dict.fromkeys(row[key] for row in rows)) for key in ("program", "case", "class")
    )
    found = {(row["program"], row["case"], row["class"]): row for row in rows}
    if len(found) < len(rows):
        twice = next(key for key in found if sum(_key(row) == key for row in rows) > 1)
        raise IsthmusError(f"'{twice[0]}' has two scores of case {twice[1]}; keep one, or average them first")
    lacking = {
        name: [case for case in cases if any((name, case, label) not in found for label in classes)]
        for name in programs
    }
    groups = _groups(rows)
    if not common:
        for name, missing in lacking.items():
            rows += [
                _miss(name, case, label, rows[0], groups)
                for case in missing
                for label in classes
                if (name, case, label) not in found
            ]
    notes = [
        f"{name}: lacks {len(missing)} of {len(cases)} cases: {few(missing)}"
        for name, missing in lacking.items()
        if missing
    ]
    return ProgramScores(programs, rows, [], groups, lacking, "the unit of the scores", notes=notes)


def _records(frame: Any) -> Iterable[Mapping[Any, Any]]:
    if isinstance(frame, list | tuple):
        records: Any = frame
    elif hasattr(frame, "to_dicts"):  # polars
        records = frame.to_dicts()
    elif hasattr(frame, "to_dict"):  # pandas
        records = frame.to_dict("records")
    else:
        raise IsthmusError(
            f"a {type(frame).__name__} is no table of scores; give a data frame or a list of rows"
        )
    if not all(isinstance(row, Mapping) for row in records):
        raise IsthmusError("the rows of a table of scores are mappings: {'case': …, 'program': …, 'dice': …}")
    return list(records)


def _renamed(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(key): value for key, value in row.items()}


def _key(row: Mapping[str, Any]) -> tuple[str, str, str]:
    return row["program"], row["case"], row["class"]


def _groups(rows: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Returns the group of each case."""
    groups: dict[str, str] = {}
    for row in rows:
        if groups.setdefault(row["case"], row["group"]) != row["group"]:
            raise IsthmusError(
                f"case {row['case']} is in two groups, {groups[row['case']]} and {row['group']}; keep one"
            )
    return groups


def _named(row: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what a row is about; without a group a case is one of its own."""
    for name in NAMES:
        if name in row and is_missing(row[name]):
            raise IsthmusError(
                f"a row of case {row['case']} and program {row['program']} has no {name}; fill in the column '{name}'"
            )
    case = str(row["case"])
    return {
        "program": str(row["program"]),
        "case": case,
        "group": str(row.get("group", case)),
        "class": str(row.get("class", "foreground")),
    }


def is_missing(value: Any) -> bool:
    """Returns whether a cell is empty, or holds what pandas has for an empty one."""
    return not value.strip() if isinstance(value, str) else str(value) in ("None", "nan", "NaT", "<NA>")


def _numbers(row: Mapping[str, Any]) -> dict[str, Any]:
    scores = {key: value for key, value in row.items() if key not in (*NAMES, *KEYS, *COUNTS)}
    if not scores:
        raise IsthmusError(
            "the table of scores has no column of scores beside case and program; add one, as dice"
        )
    return _named(row) | {key: _number(value, key, row["case"]) for key, value in scores.items()}


def _wide(table: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Returns one row for each case, class and program from rows of one metric each."""
    found: dict[tuple[str, str, str], dict[str, Any]] = {}
    for row in table:
        named, metric = _named(row), str(row["metric"])
        one = found.setdefault(_key(named), named)
        if metric in one:
            raise IsthmusError(
                f"'{named['program']}' has two scores of case {named['case']}; keep one, or average them first"
            )
        one[metric] = _number(row["score"], metric, named["case"])
    return list(found.values())


def _filled(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Returns rows that all have all columns; a score that a row does not state is NaN."""
    columns = dict.fromkeys(key for row in rows for key in row)
    return [{key: row.get(key, math.nan) for key in columns} for row in rows]


def _number(value: Any, name: str, case: Any) -> float:
    try:
        return math.nan if is_missing(value) else float(value)
    except (TypeError, ValueError) as error:
        raise IsthmusError(
            f"'{name}' of case {case} is {value!r}, not a number; leave out columns that hold no scores"
        ) from error


def _miss(
    name: str, case: str, label: str, like: Mapping[str, Any], groups: Mapping[str, str]
) -> dict[str, Any]:
    """Returns the scores of a case that a program lacks: 0 for shares of which more is better."""
    row: dict[str, Any] = {"program": name, "case": case, "group": groups[case], "class": label}
    for metric in like:
        if metric in NAMES:
            continue
        if metric not in METRICS or (METRICS[metric].unit, METRICS[metric].better) != ("share", "higher"):
            raise IsthmusError(
                f"'{name}' has no score of case {case}, and what a miss scores is not known for '{metric}'; add the "
                "score, or leave the case out of all with common=True (--common)"
            )
        row[metric] = 0.0
    return row

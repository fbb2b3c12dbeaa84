"""The table of means."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from isthmus.comparison.differences import as_good_as_best, defined
from isthmus.comparison.options import CompareOptions
from isthmus.comparison.scores import ALL, ProgramScores
from isthmus.comparison.tables.texts import class_cell, class_column, name_of_test, unit_text
from isthmus.errors import few
from isthmus.metrics.empty import Presence
from isthmus.metrics.summary import presence_in
from isthmus.metrics.table import COUNTS
from isthmus.report.printed import PrintedTable
from isthmus.report.summary import decimals, title
from isthmus.report.tables import Cell, Table, spread_cell
from isthmus.statistics import over_cases


def score_table(scores: ProgramScores, metrics: Sequence[str], options: CompareOptions) -> PrintedTable:
    """Returns a row for each class and program with mean and deviation of each metric, and with what it missed."""
    rows, records = [], []
    shown = _shown_counts(scores)
    for label in scores.labels:
        bold = {metric: as_good_as_best(scores, label, metric, options) for metric in metrics}
        for name in scores.programs:
            counts = _counts(scores, name, label)
            cells: list[Cell] = []
            record: dict[str, Any] = {"class": label, "program": name, "cases": len(scores.cases)}
            for metric in metrics:
                values = list(defined(scores, label, metric)[name].values())
                mean, sd = (found.mean, found.sd) if (found := _spread(values)) else (math.nan, math.nan)
                cells.append(spread_cell(mean, sd, decimals(metric, values), strong=name in bold[metric]))
                record |= {metric: mean, f"{metric}, sd": sd, f"{metric}, n": len(values)}
            cells += [Cell(str(counts[count]), counts[count]) for count in shown]
            rows.append([*class_cell(scores, label), Cell(name), *cells])
            records.append(record | counts)
    columns = [*class_column(scores), ("Program", False)]
    columns += [(name, True) for name in (*map(title, metrics), *map(str.capitalize, shown))]
    return PrintedTable(
        "scores", "Scores", _caption(scores, metrics, shown, options), Table(columns, rows), records
    )


def _spread(values: Sequence[float]) -> Any:
    return over_cases(values) if values else None


def _counts(scores: ProgramScores, program: str, label: str) -> dict[str, int]:
    """Returns the numbers of cases that a program missed, marked although the truth is empty, or lacks."""
    lacking = {"lacking": len(scores.lacking.get(program, ()))}
    if not all(name in scores.rows[0] for name in COUNTS):
        return lacking
    states: dict[str, set[Presence]] = {}
    for row in scores.rows:
        if row["program"] == program and label in (row["class"], ALL):
            states.setdefault(row["case"], set()).add(presence_in(row))
    missed, alarms = (
        sum(state in found for found in states.values()) for state in (Presence.MISSED, Presence.FALSE_ALARM)
    )
    return {"missed": missed, "false alarms": alarms} | lacking


def _shown_counts(scores: ProgramScores) -> list[str]:
    """Returns the counts that are not 0 for every program."""
    found = [_counts(scores, name, label) for name in scores.programs for label in scores.labels]
    return [count for count in found[0] if any(each[count] for each in found)]


def _caption(
    scores: ProgramScores, metrics: Sequence[str], shown: Sequence[str], options: CompareOptions
) -> str:
    caption = (
        f"Mean ± standard deviation over {len(scores.cases)} cases. Bold: the best mean of each column and those not "
        f"significantly different from it ({name_of_test(scores)}, Holm correction, alpha {options.alpha:g})."
    )
    fate = (
        "left out for all"
        if options.common
        else "scored as empty ones: misses, unless the truth is empty too"
    )
    meanings = {
        "missed": " Missed: cases in which the mask is empty and the truth is not.",
        "false alarms": " False alarms: cases in which the truth is empty and the mask is not.",
        "lacking": f" Lacking: cases without a mask of the program, which are {fate}.",
    }
    caption += "".join(meanings[count] for count in shown)
    fewer = [
        f"{title(metric)} of {name}, n = {len(known)} (not {few([c for c in scores.cases if c not in known], 3)})"
        for metric in metrics
        for name, known in defined(scores, scores.labels[0], metric).items()
        if len(known) < len(scores.cases)
    ]
    if fewer:
        caption += (
            " Each mean is over the n cases in which the program has a score, and each difference over those in which "
            f"both programs have one: {'; '.join(fewer)}."
        )
    if "prediction_objects" in metrics and "truth_objects" in scores.rows[0]:
        true = [row["truth_objects"] for row in scores.rows if row["program"] == scores.programs[0]]
        caption += f" The truth has {sum(true) / len(scores.cases):.2f} objects a case."
    return caption + unit_text(metrics, scores)

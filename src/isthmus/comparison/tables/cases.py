"""The table of every case."""

from __future__ import annotations

import math
from typing import Any

from isthmus.comparison.options import CompareOptions
from isthmus.comparison.scores import ProgramScores
from isthmus.metrics.summary import mean_of
from isthmus.metrics.table import KEYS
from isthmus.report.printed import PrintedTable
from isthmus.report.summary import decimals, title
from isthmus.report.tables import Cell, Table, value_cell


def ordered(scores: ProgramScores, metric: str, options: CompareOptions) -> list[str]:
    """Returns the cases by the mean of a metric over the programs that have a score, best first."""
    columns = [scores.by_case(name, scores.labels[0], metric) for name in scores.programs]
    sign = options.sign(metric) or 1
    means = {case: sign * mean_of(column[case] for column in columns) for case in scores.cases}
    return sorted(means, key=lambda case: (math.isnan(means[case]), -means[case], case))


def case_table(scores: ProgramScores, metric: str, options: CompareOptions) -> PrintedTable:
    """Returns a row for each case with the first metric of every program; the records hold all metrics."""
    label, grouped = scores.labels[0], scores.clusters is not None
    columns = {name: scores.by_case(name, label, metric) for name in scores.programs}
    digits = decimals(metric, (value for column in columns.values() for value in column.values()))
    lacks = any(scores.lacking.values())
    sign, rows = options.sign(metric), []
    for place, case in enumerate(ordered(scores, metric, options), 1):
        values = [column[case] for column in columns.values()]
        finite = [sign * value for value in values if math.isfinite(value)]
        best = max(finite) if sign and finite and min(finite) < max(finite) else math.nan
        range_ = max(finite) - min(finite) if len(finite) == len(values) else math.nan
        cells = [value_cell(value, digits, strong=sign * value == best) for value in values]
        rows.append(
            [Cell(str(place), place), Cell(case)]
            + [Cell(scores.groups[case])] * grouped
            + cells
            + [value_cell(range_, digits)]
            + [Cell(scores.state(case))] * lacks
        )
    heads = [("#", True), ("Case", False)] + [("Group", False)] * grouped
    heads += [*((name, True) for name in scores.programs), ("Range", True)] + [("Lacking", False)] * lacks
    over_classes = ", mean over its classes" if len(scores.labels) > 1 else ""
    caption = (
        f"{title(metric)} of each case{over_classes}, in the order of the mean over the programs; the best is bold. "
        "Range: the largest difference between two programs."
    )
    return PrintedTable("cases", "Case by case", caption, Table(heads, rows), _records(scores))


def _records(scores: ProgramScores) -> list[dict[str, Any]]:
    """Returns the row of each case, class and program with all metrics."""
    return [
        {
            "program": row["program"],
            "case": row["case"],
            "group": scores.groups[row["case"]],
            "class": row["class"],
            "lacking": int(row["case"] in scores.lacking.get(row["program"], ())),
            **{name: value for name, value in row.items() if name not in (*KEYS, "program")},
        }
        for row in scores.rows
    ]

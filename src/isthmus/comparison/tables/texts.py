"""Words and numbers that several tables share."""

from __future__ import annotations

from collections.abc import Sequence

from isthmus.comparison.scores import ProgramScores
from isthmus.errors import counted
from isthmus.metrics.table import METRICS
from isthmus.report.summary import DASH, number
from isthmus.report.tables import Cell
from isthmus.statistics import Interval
from isthmus.statistics.comparison import FEWEST_FOLDS

Columns = list[tuple[str, bool]]


def class_column(scores: ProgramScores) -> Columns:
    """Returns the column of classes; none if there is only one."""
    return [("Class", False)] * (len(scores.labels) > 1)


def class_cell(scores: ProgramScores, label: str) -> list[Cell]:
    return [Cell(label)] * (len(scores.labels) > 1)


def name_of_test(scores: ProgramScores) -> str:
    """Returns the name of the test."""
    grouped = " for clustered data" if scores.clusters else ""
    return f"Wilcoxon's signed-rank test{grouped}"


def how_clustered(scores: ProgramScores) -> str:
    """Returns a sentence on what counts as independent."""
    if scores.clusters is None:
        return "Cases count as independent: give --group if several come from one patient or slide."
    groups = len({scores.groups[case] for case in scores.cases})
    few = (
        f" {counted(groups, 'group')} are too few for an interval, which takes {FEWEST_FOLDS}."
        if groups < FEWEST_FOLDS
        else ""
    )
    return (
        f"Cases of one group (patient, slide) are not independent: intervals draw whole groups, and tests flip the "
        f"signs of whole groups ({counted(groups, 'group')}, {counted(len(scores.cases), 'case')}).{few}"
    )


def unit_text(metrics: Sequence[str], scores: ProgramScores) -> str:
    """Returns a sentence on the unit of distances; "" if there are none."""
    distances = any(name in METRICS and METRICS[name].unit == "distance" for name in metrics)
    return f" Distances are in {scores.unit}." if distances else ""


def interval_text(interval: Interval | None, digits: int) -> str:
    """Returns an interval as a table shows it."""
    return DASH if interval is None else f"{number(interval.low, digits)} to {number(interval.high, digits)}"

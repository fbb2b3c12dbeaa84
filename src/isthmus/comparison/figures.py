"""The figures of a comparison: boxes with significance bars, and the scores of all programs case by case."""

from __future__ import annotations

import math
from collections.abc import Sequence

from isthmus.comparison.differences import Difference, defined
from isthmus.comparison.options import CompareOptions
from isthmus.comparison.scores import ProgramScores
from isthmus.comparison.tables.cases import ordered
from isthmus.report.boxes import TestBar, box_width, boxes
from isthmus.report.charts import SERIES, marker_key
from isthmus.report.figures.case_scores import case_figure
from isthmus.report.figures.registry import Figure
from isthmus.report.summary import title

MOST_BARS = 6
"""More pairs than this are drawn only with the best program."""


def figures(
    scores: ProgramScores, metrics: Sequence[str], found: Sequence[Difference], options: CompareOptions
) -> list[tuple[str, Figure]]:
    """Returns the figures with their places on the page; those without a finite value are left out."""
    made = [("figure-boxes", box_figure(scores, metrics, found, options))]
    columns = [scores.by_case(name, scores.labels[0], metrics[0]) for name in scores.programs]
    order = ordered(scores, metrics[0], options)
    if len(scores.programs) <= SERIES:
        caption = (
            "Cases in the order of their mean over the programs, best first, numbered as in the table of cases. The "
            "vertical line joins the programs' scores of one case: if one marker is always on top, that program is "
            "steadily better; if the markers cross, there is no clear winner."
        )
        values = [[column[case] for case in order] for column in columns]
        made.append(("figure-cases", case_figure(metrics[0], values, caption, marker_key(scores.programs))))
    return [(anchor, figure) for anchor, figure in made if figure is not None]


def box_figure(
    scores: ProgramScores, metrics: Sequence[str], found: Sequence[Difference], options: CompareOptions
) -> Figure | None:
    """Draws a box plot for each metric, and for each class of the first one."""
    charts = []
    for metric in metrics:
        for label in scores.labels if metric == metrics[0] else scores.labels[:1]:
            values = defined(scores, label, metric)
            name = title(metric) + (f", {label}" if len(scores.labels) > 1 else "")
            own = [each for each in found if (each.label, each.metric) == (label, metric)]
            columns = [list(values[program].values()) for program in scores.programs]
            bars = _bars(scores.programs, columns, own, options.sign(metric))
            charts.append(boxes(name, scores.programs, columns, title(metric), bars))
    caption = (
        "One dot for each case. Boxes show quartiles and median; whiskers reach to the extremes. Bars compare two "
        "programs, p after Holm's correction: * at most 0.05, ** 0.01, *** 0.001, n.s. not significant."
    )
    shown = [chart for chart in charts if chart is not None]
    return (
        Figure("Spread and significance", caption, shown, width=box_width(len(scores.programs)))
        if shown
        else None
    )


def _bars(
    names: Sequence[str], columns: Sequence[Sequence[float]], found: Sequence[Difference], sign: int
) -> list[TestBar]:
    """Returns the bars of all pairs, or of those with the best program if there are many; narrow bars first."""
    if not found:
        return []
    known = [i for i, column in enumerate(columns) if column]
    best = names[max(known, key=lambda i: (sign or 1) * math.fsum(columns[i]) / len(columns[i]))]
    shown = [
        each
        for each in found
        if len(found) <= MOST_BARS or best in (each.comparison.first, each.comparison.second)
    ]
    bars = [
        TestBar(names.index(c.first), names.index(c.second), 1.0 if c.adjusted is None else c.adjusted)
        for c in (each.comparison for each in shown)
    ]
    return sorted(bars, key=lambda bar: abs(bar.first - bar.second))

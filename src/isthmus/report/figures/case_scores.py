"""The figure of one score for every case, best first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from isthmus.report import summary as s
from isthmus.report.charts import case_chart
from isthmus.report.figures.registry import Figure, Reported

WIDTH = 7.2


def draw(reported: Reported) -> Figure | None:
    """Draws the leading metric of every scored case; None for a run without scores."""
    run = reported.run
    if not run.scores:
        return None
    metric = s.leading(run)[0]
    values = s.by_case(run.leading, metric)
    caption = (
        f"Cases of the {run.sets[0]} set, best first, numbered as in the table of scores. If the line is flat and only "
        "a few points at its end are low, those few cases make up most of the error; look at their pictures."
    )
    return case_figure(metric, [[values[case] for case in s.ranked(values, metric)]], caption)


def case_figure(
    metric: str, columns: Sequence[Sequence[float]], caption: str, key: Sequence[tuple[str, str]] = ()
) -> Figure | None:
    """Returns the figure of a metric case by case, with a series for each column; None without a finite value."""
    chart = case_chart(s.title(metric), columns, WIDTH)
    if chart is None:
        return None
    return Figure(f"{s.title(metric)} of each case", caption, [replace(chart, title="")], key, WIDTH)

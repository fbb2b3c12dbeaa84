"""The figure of how a score changes with each key of a study's grid."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from isthmus.report.charts import Chart, line_key
from isthmus.report.figures.registry import Figure
from isthmus.studies.figures import charts
from isthmus.studies.figures.source import FigureSource, without_empty
from isthmus.studies.results import ALL, Results, case_measures
from isthmus.studies.study import Measure

Line = tuple[str, str, str]
"""Data set, class, network."""


def draw(source: FigureSource) -> list[Figure]:
    """Draws a chart for each key of the grid, with all other keys at their centre, or averaged over them."""
    results, study = source.results, source.results.study
    measure = case_measures(results)[0]
    lines = [(data, label, name) for data, label, _ in results.places() for name in study.networks]
    shown = without_empty([_chart(results, measure, key, lines) for key in study.grid])
    if not shown:
        return []
    others = "all others at their centre" if study.around is not None else "mean over all others"
    caption = f"{measure.name}, {others}; vertical lines: standard deviation over {study.over}."
    names = [_line_name(results, line) or measure.name for line in lines]
    width = max(charts.tick_width(len(values) + 1) for values in study.grid.values())
    return [Figure("Influence of each parameter", caption, shown, line_key(names), width)]


def _chart(results: Results, measure: Measure, key: str, lines: Sequence[Line]) -> Chart | None:
    """Draws the means over the values of one key."""
    study = results.study
    values = list(study.grid[key])
    if study.around is not None and study.around[key] not in values:
        values.insert(0, study.around[key])
    series = []
    for data, label, network in lines:
        found = [_mean_sd(results, measure, (data, label, network), key, value) for value in values]
        series.append(([mean for mean, _ in found], [sd for _, sd in found]))
    ticks = ["-".join(map(str, value)) if isinstance(value, list) else f"{value}" for value in values]
    return charts.influence(key.rpartition(".")[2].replace("_", " "), ticks, series, measure.name)


def _mean_sd(results: Results, measure: Measure, line: Line, key: str, value: Any) -> tuple[float, float]:
    """Returns the mean over the grid points with this value; the deviation is NaN unless there is one such point."""
    data, label, network = line
    study = results.study
    points = [p for p in study.points() if p.values[key] == value and _central(results, p.values, key)]
    rows = [f"{network}, {point.label}" if point.label else network for point in points]
    spreads = [results.sample(data, row, label, measure).spread(study.over) for row in rows]
    known = [spread for spread in spreads if spread.n]
    mean = math.fsum(spread.mean for spread in known) / len(known) if known else math.nan
    return mean, known[0].sd if len(known) == 1 else math.nan


def _central(results: Results, values: Mapping[str, Any], key: str) -> bool:
    """Returns whether all keys but this one are at their centre."""
    centre = results.study.around
    return centre is None or all(value == centre[other] for other, value in values.items() if other != key)


def _line_name(results: Results, line: Line) -> str:
    """Returns what tells a line from the others: data set, class and network, each if there are several."""
    data, label, network = line
    parts = [data] if len(results.data) > 1 else []
    parts += [label] if label != ALL else []
    parts += [network] if len(results.study.networks) > 1 else []
    return ", ".join(parts)

"""The figure of means as bars."""

from __future__ import annotations

import math

from isthmus.report.charts import line_key
from isthmus.report.figures.registry import Figure
from isthmus.studies.figures import charts
from isthmus.studies.figures.source import FigureSource, without_empty


def draw(source: FigureSource) -> list[Figure]:
    """Draws a chart for each measure, with a group of bars for each data set and class."""
    results, made = source.results, []
    places = list(results.places())
    for measure in results.study.measures:
        groups = []
        for data, label, title in places:
            if measure.is_cost:
                means = [results.cost(data, name, measure) for name in results.networks]
                spreads = [math.nan] * len(means)
            else:
                samples = [results.sample(data, name, label, measure) for name in results.networks]
                found = [sample.spread(results.study.over) for sample in samples]
                means, spreads = [each.mean for each in found], [each.sd for each in found]
            groups.append((title, means, spreads))
        made.append(charts.bars(measure.name, results.networks, groups, measure.name))
    caption = f"Means; the lines on the bars show the standard deviation over {results.study.over}."
    shown, width = without_empty(made), charts.bar_width(len(results.networks) * len(places))
    return [Figure("Means", caption, shown, line_key(results.networks), width)] if shown else []

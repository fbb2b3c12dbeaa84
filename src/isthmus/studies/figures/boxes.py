"""The figure of the spread of scores, with bars for the tests between networks."""

from __future__ import annotations

from isthmus.report.boxes import TestBar, box_width
from isthmus.report.boxes import boxes as box_chart
from isthmus.report.charts import SERIES
from isthmus.report.figures.registry import Figure
from isthmus.studies.figures.source import FigureSource, without_empty
from isthmus.studies.floors import warning
from isthmus.studies.results import Results, better, case_measures
from isthmus.studies.significance import every_pair, samples
from isthmus.studies.study import Measure


def draw(source: FigureSource) -> list[Figure]:
    """Draws a box plot for each measure, data set and class."""
    results, made = source.results, []
    tested = not warning(results)  # cells that have not learned compare nothing
    by_fold = results.study.over != "cases"
    for measure in case_measures(results):
        for data, label, title in results.places():
            names = [name for name in results.networks if results.planned(data, name)]
            found = [results.sample(data, name, label, measure) for name in names]
            values = [list((each.by_fold() if by_fold else each.by_case()).values()) for each in found]
            marks = _marks(results, data, label, measure, names) if tested else []
            made.append(box_chart(f"{measure.name}, {title}", names, values, measure.name, marks))
    unit = "fold of each repeat" if by_fold else "case"
    reference = results.study.reference or "the best network"
    caption = f"One dot for each {unit}. Boxes show quartiles and median; whiskers reach to the extremes."
    if tested:
        caption += (
            f" Bars compare {reference} with the others, p after Holm correction: * at most 0.05, ** 0.01, *** 0.001, "
            "n.s. not significant."
        )
    shown, width = without_empty(made), box_width(len(results.networks))
    return [Figure("Spread and significance", caption, shown, width=width)] if shown else []


def _marks(results: Results, data: str, label: str, measure: Measure, names: list[str]) -> list[TestBar]:
    """Returns the tests of the reference against all others, narrow bars first."""
    found = samples(results, data, label, measure)
    if len(found) < 2:
        return []
    reference = results.study.reference
    if reference not in found:
        reference = max(found, key=lambda name: better(measure) * found[name].spread("cases").mean)
    place = names.index(reference)
    marks = []
    for pair in every_pair(results, data, label, measure):
        both = (pair.comparison.first, pair.comparison.second)
        if reference in both and len(names) <= 2 * SERIES:
            other = both[0] if both[1] == reference else both[1]
            marks.append(TestBar(place, names.index(other), pair.adjusted))
    return sorted(marks, key=lambda mark: abs(mark.first - mark.second))

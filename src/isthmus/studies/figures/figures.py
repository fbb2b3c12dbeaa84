"""Which figures a study shows, drawn from its results."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from isthmus.report.charts import SERIES, Chart
from isthmus.studies.figures import charts
from isthmus.studies.figures.charts import NARROW
from isthmus.studies.gallery.best_and_worst import FIFTEEN, ends
from isthmus.studies.results import ALL, Results, better
from isthmus.studies.significance import every_pair, samples
from isthmus.studies.study import Measure


@dataclass(frozen=True)
class Figure:
    """Charts under one heading, with the names of their series (none where the charts name them)."""

    title: str
    caption: str
    charts: list[Chart]
    names: list[str]
    width: float = NARROW  # of a chart, in inches

    @property
    def columns(self) -> str:
        """The least width of a chart on the page, in units of the page's type, that keeps its type readable."""
        return f"{min(60.0, 4.2 * self.width):.0f}rem"


def figures(results: Results) -> list[Figure]:
    """The figures that the study asks for, without those that would be empty."""
    made = {"curves": _curves, "boxes": _boxes, "bars": _bars, "influence": _influence, "extremes": _extremes}
    return [
        figure
        for kind in results.study.figures
        if kind in made
        for figure in made[kind](results)
        if figure.charts
    ]


def _curves(results: Results) -> list[Figure]:
    """As many networks in a chart as there are colours."""
    found = []
    for first in range(0, len(results.networks), SERIES):
        names = results.networks[first : first + SERIES]
        drawn, word = [], "Dice"
        for data in results.data:
            curves = [results.curves(data, network) for network in names]
            word = "IoU" if any(each and column.endswith("iou") for column, each in curves) else "Dice"
            title = results.title(data, ALL)
            drawn.append(charts.bands(title, [each for _, each in curves], f"validation {word}"))
        caption = (
            f"{word} on the validation cases after each epoch: the line is the mean over folds and repeats, the band "
            "reaches from the lowest to the highest of them. A run that stopped early keeps its last score."
        )
        more = ", further networks" if first else ""
        found.append(Figure(f"Progress of training{more}", caption, _kept(drawn), names))
    return found


def _boxes(results: Results) -> list[Figure]:
    study, drawn = results.study, []
    by_fold = study.over != "cases"
    for measure in _of_cases(results):
        for data, label, title in results.places():
            names = [name for name in results.networks if results.planned(data, name)]
            found = {name: results.sample(data, name, label, measure) for name in names}
            means = [each.by_fold() if by_fold else each.by_case() for each in found.values()]
            marks = _marks(results, data, label, measure, names)
            drawn.append(
                charts.boxes(
                    f"{measure.name}, {title}",
                    names,
                    [list(m.values()) for m in means],
                    measure.name,
                    marks,
                )
            )
    unit = "fold of each repeat" if by_fold else "case"
    reference = study.reference or "the best"
    caption = (
        f"A dot for each {unit}; boxes: quartiles and median, whiskers to the ends. Bars: {reference} "
        "against the others, p after Holm: * at most 0.05, ** 0.01, *** 0.001, n.s. not significant."
    )
    return [
        Figure("Spread and significance", caption, _kept(drawn), [], charts.box_width(len(results.networks)))
    ]


def _bars(results: Results) -> list[Figure]:
    drawn = []
    for measure in results.study.measures:
        groups = []
        for data, label, title in results.places():
            if measure.is_cost:
                means = [results.cost(data, name, measure) for name in results.networks]
                spreads = [math.nan] * len(means)
            else:
                found = [
                    results.sample(data, n, label, measure).spread(results.study.over)
                    for n in results.networks
                ]
                means, spreads = [each.mean for each in found], [each.sd for each in found]
            groups.append((title, means, spreads))
        drawn.append(charts.bars(measure.name, results.networks, groups, measure.name))
    caption = f"Means; the strokes are standard deviations over {results.study.over}."
    width = charts.bar_width(len(results.networks) * len(list(results.places())))
    return [Figure("Means", caption, _kept(drawn), results.networks, width)]


def _extremes(results: Results) -> list[Figure]:
    """The scores of each network's own best and worst cases (HMEDN figure 7)."""
    measure, found = _of_cases(results)[0], []
    for first in range(0, len(results.networks), SERIES):
        names = results.networks[first : first + SERIES]
        drawn: list[Chart | None] = []
        for data, label, title in results.places():
            every = [results.sample(data, name, label, measure).by_case() for name in names]
            both = [ends(values, measure.column) for values in every]
            for i, word in enumerate(("best", "worst")):
                series = [
                    [values[case] for case in each[i]] for values, each in zip(every, both, strict=True)
                ]
                count = max(map(len, series), default=0)
                drawn.append(
                    charts.ranks(f"{title}, {word} {count}", series, f"rank, the {word} first", measure.name)
                )
        caption = (
            f"{measure.name} of each network's own {FIFTEEN} best and {FIFTEEN} worst cases, of fewer than "
            f"{2 * FIFTEEN} cases of either half."
        )
        more = ", further networks" if first else ""
        found.append(Figure(f"Best and worst cases{more}", caption, _kept(drawn), names))
    return found


def _influence(results: Results) -> list[Figure]:
    """A chart for each key of the grid: how the score changes with it, all else at the centre (or averaged over)."""
    study, drawn = results.study, []
    measure = _of_cases(results)[0]
    points = study.points()
    places = list(results.places())
    lines = [(data, label, network) for data, label, _ in places for network in study.networks]
    for key, values in study.grid.items():
        ordered = list(values)
        if study.around is not None and study.around[key] not in ordered:
            ordered.insert(0, study.around[key])
        series = []
        for data, label, network in lines:
            means, spreads = [], []
            for value in ordered:
                chosen = [p for p in points if p.values[key] == value and _central(results, p.values, key)]
                rows = [f"{network}, {p.label}" if p.label else network for p in chosen]
                found = [results.sample(data, row, label, measure).spread(study.over) for row in rows]
                known = [each for each in found if each.n]
                means.append(math.fsum(x.mean for x in known) / len(known) if known else math.nan)
                spreads.append(known[0].sd if len(known) == 1 else math.nan)
            series.append((means, spreads))
        ticks = ["-".join(map(str, v)) if isinstance(v, list) else f"{v}" for v in ordered]
        drawn.append(charts.influence(key.rpartition(".")[2].replace("_", " "), ticks, series, measure.name))
    names = [
        ", ".join(
            part
            for part, several in (
                (data, len(results.data) > 1),
                ("" if label == ALL else label, True),
                (network, len(study.networks) > 1),
            )
            if part and several
        )
        or measure.name
        for data, label, network in lines
    ]
    width = max(charts.tick_width(len(values) + 1) for values in study.grid.values()) if study.grid else 0.0
    how = "all others at their centre" if study.around is not None else "mean over all others"
    spread = f"strokes: standard deviation over {study.over}"
    return [
        Figure("Influence of each parameter", f"{measure.name}, {how}; {spread}.", _kept(drawn), names, width)
    ]


def _central(results: Results, values: Mapping[str, Any], key: str) -> bool:
    """Whether all keys but this one are at their centre."""
    centre = results.study.around
    return centre is None or all(value == centre[other] for other, value in values.items() if other != key)


def _marks(results: Results, data: str, label: str, measure: Measure, names: list[str]) -> list[charts.Bar]:
    """The reference against all others, narrow bars first."""
    found = samples(results, data, label, measure)
    if len(found) < 2:
        return []
    study = results.study
    reference = study.reference
    if reference not in found:
        reference = max(found, key=lambda name: better(measure) * found[name].spread("cases").mean)
    place = names.index(reference)
    marks = []
    for pair in every_pair(results, data, label, measure):
        both = (pair.comparison.first, pair.comparison.second)
        if reference in both and len(names) <= 2 * SERIES:
            other = both[0] if both[1] == reference else both[1]
            marks.append(charts.Bar(place, names.index(other), pair.adjusted))
    return sorted(marks, key=lambda mark: abs(mark.first - mark.second))


def _of_cases(results: Results) -> list[Measure]:
    return [m for m in results.study.measures if not m.is_cost] or results.study.measures


def _kept(drawn: list[Chart | None]) -> list[Chart]:
    return [chart for chart in drawn if chart is not None]

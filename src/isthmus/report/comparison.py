"""Several runs on the same cases, beside each other on one self-contained page."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from isthmus.errors import IsthmusError
from isthmus.metrics.table import direction
from isthmus.report import drawing, gallery, tables
from isthmus.report import summary as s
from isthmus.report.charts import marker_key
from isthmus.report.figures.case_scores import case_figure
from isthmus.report.figures.registry import Figure
from isthmus.report.figures.training import training_figure
from isthmus.report.objects import objects_of, separates_objects, state_key
from isthmus.report.render import class_key, render
from isthmus.report.run_page import command, first_cases
from isthmus.report.tables import Cell, Table
from isthmus.runs.results import Run, Score, read_run
from isthmus.statistics import as_good_as_best, wilcoxon

ALPHA = 0.05
"""The level of the tests by which means stand out."""


def write_comparison(
    runs: Sequence[Path],
    out: Path,
    title: str,
    *,
    images: Sequence[gallery.Images] | None = None,
    limit: int = 30,
) -> Path:
    """Writes one page that sets several runs side by side, on the cases that all of them scored.

    Args:
        runs: two to six run folders, whose order is kept.
        out: the page to write.
        title: its heading.
        images: for each run what `write_report` takes: from a case id to `(image, truth, predicted)`. None
            leaves the pictures out.
        limit: number of cases with pictures; the best, the median, the worst and the case on which the
            runs differ most are always among them.

    Returns:
        `out`.

    Raises:
        IsthmusError: the number of runs is not two to six, they share no scored case, no metric or no grid, or a
            folder is not what it should be. A picture that cannot be drawn does not stop the page.
    """
    if not 2 <= len(runs) <= 6:
        raise IsthmusError(
            f"a comparison takes two to six runs, {len(runs)} given; give that many run folders"
        )
    if images is not None and len(images) != len(runs):
        raise IsthmusError(
            f"{len(runs)} runs but pictures for {len(images)}; give one source of pictures for each run"
        )
    compared = _Compared.of([read_run(path) for path in runs])
    exhibits, undrawn = _exhibits(compared, [gallery.loader(each) for each in images or ()], limit)
    folders, classes = compared.runs, compared.classes
    return render(
        "comparison.html",
        Path(out),
        title=title,
        runs=folders,
        cases=len(compared.order),
        grid=s.on_grid(sorted({x.grid for x in compared.scores[0]})),
        left_out=any(len({x.case for x in run.leading}) > len(compared.order) for run in folders),
        optimistic=any(run.sets[0] == "validation" and run.epochs > 1 for run in folders),
        main=s.title(compared.main),
        distances=any("distance" in metric for metric in compared.metrics),
        overview=_overview(compared),
        figures=_figures(compared),
        table=_case_table(compared, {e.case: e.anchor for e in exhibits}),
        exhibits=exhibits,
        undrawn=undrawn,
        several=len(classes) > 1,
        key=class_key(classes) if len(classes) > 1 else [],
        states=state_key({}) if compared.objects else [],
        reproduce=[(name, command(run)) for name, run in zip(compared.names, folders, strict=True)],
    )


@dataclass(frozen=True)
class _Compared:
    """Runs, and for each its name and its scores of the cases and classes that every run scored."""

    runs: Sequence[Run]
    names: Sequence[str]
    metrics: Sequence[str]
    scores: Sequence[Sequence[Score]]

    @classmethod
    def of(cls, runs: Sequence[Run]) -> _Compared:
        return cls(runs, _names(runs), _shared_metrics(runs), _shared_scores(runs))

    @property
    def main(self) -> str:
        """The metric that cases are ordered by."""
        return self.metrics[0]

    @property
    def objects(self) -> bool:
        """Whether the masks of all runs number objects."""
        return all(map(separates_objects, self.runs))

    @property
    def classes(self) -> list[str]:
        return list(dict.fromkeys(score.label for score in self.scores[0]))

    @cached_property
    def columns(self) -> list[dict[str, float]]:
        """For each run the main metric of each case."""
        return [s.by_case(scores, self.main) for scores in self.scores]

    @cached_property
    def order(self) -> list[str]:
        """The cases by their mean over the runs, best first."""
        means = {
            case: sum(column[case] for column in self.columns) / len(self.columns) for case in self.columns[0]
        }
        return s.ranked(means, self.main)


def _figures(compared: _Compared) -> list[tuple[str, Figure]]:
    """Returns the training curves of all runs, and the scores of all runs case by case."""
    training = training_figure(
        compared.runs,
        compared.names,
        "One line for each network. Compare where the validation curves level off, and how many epochs that takes.",
    )
    scores = case_figure(
        compared.main,
        [[column[case] for case in compared.order] for column in compared.columns],
        "Cases in the order of their mean over the networks, best first, numbered as in the table below. The vertical "
        "line joins the networks' scores of one case: if one marker is always on top, that network is steadily better; "
        "if the markers cross, there is no clear winner.",
        marker_key(compared.names),
    )
    return [("figure-training", training), *([("figure-case-scores", scores)] if scores else [])]


def _names(runs: Sequence[Run]) -> list[str]:
    """Returns the networks' names, with the folder's name where two runs have the same network."""
    count = Counter(run.network for run in runs)
    return [run.network if count[run.network] == 1 else f"{run.network} ({run.path.name})" for run in runs]


def _shared_metrics(runs: Sequence[Run]) -> tuple[str, ...]:
    shared = tuple(m for m in s.leading(runs[0]) if all(m in run.metrics for run in runs))
    if not shared:
        raise IsthmusError(
            f"{runs[1].path}: shares no metric with {runs[0].path}; score both runs in the same way"
        )
    return shared


def _shared_scores(runs: Sequence[Run]) -> list[list[Score]]:
    """Returns for each run the scores of the cases and classes that every run scored."""
    grids = [run.leading[0].grid for run in runs]
    if len(set(grids)) > 1:
        first, second = (s.on_grid([grid]) or "on a grid it does not name" for grid in grids[:2])
        raise IsthmusError(
            f"{runs[1].path}: scored {second}, but {runs[0].path} {first}; score both runs in the same way"
        )
    found = [{(x.case, x.label): x for x in run.leading} for run in runs]
    shared = [key for key in found[0] if all(key in each for each in found)]
    if not shared:
        raise IsthmusError(
            f"{runs[1].path}: shares no scored case with {runs[0].path}; give runs on the same split"
        )
    return [[each[key] for key in shared] for each in found]


def _tags(compared: _Compared) -> dict[str, str]:
    """Returns the best, median and worst case on average, and the case on which the runs differ most."""
    order = compared.order
    values = {case: [column[case] for column in compared.columns] for case in order}
    spread = {case: max(each) - min(each) for case, each in values.items()}
    finite = [case for case in order if math.isfinite(spread[case])]
    tags = s.landmarks(order)
    if len(order) > 3 and finite:
        most = max(finite, key=lambda case: spread[case])
        tags[most] = f"{tags[most]}, and the largest difference" if most in tags else "Largest difference"
    return tags


def _best(values: Sequence[float], metric: str) -> set[int]:
    """Returns which of the values is the best; none if no value of the metric is better than another."""
    finite = [value for value in values if math.isfinite(value)]
    sign = direction(metric)
    if not finite or sign == 0:
        return set()
    best = sign * max(sign * value for value in finite)
    return {i for i, value in enumerate(values) if value == best}


def _not_different(columns: Sequence[Mapping[str, float]], metric: str) -> set[int]:
    """Returns the best run and those not significantly different from it, on the cases where every run has a value."""
    cases = [case for case in columns[0] if not any(math.isnan(column[case]) for column in columns)]
    sign = direction(metric)
    if not cases or sign == 0:
        return set()
    values = [[column[case] for case in cases] for column in columns]
    means = {i: sign * sum(each) / len(each) for i, each in enumerate(values)}
    return as_good_as_best(means, lambda best, i: wilcoxon(values[best], values[i]).p, ALPHA)


def _overview(compared: _Compared) -> Table:
    """Returns a row for each run; each metric's best mean, and means not significantly different from it, are bold."""
    metrics = compared.metrics
    strong = {m: _not_different([s.by_case(scores, m) for scores in compared.scores], m) for m in metrics}
    rows = []
    for i, (run, name, scores) in enumerate(zip(compared.runs, compared.names, compared.scores, strict=True)):
        main = s.summarise(scores)[compared.main]
        rows.append(
            [
                Cell(name),
                *(tables.mean_cell(scores, m, strong=i in strong[m]) for m in metrics),
                *(tables.count_cell(n, run.has_counts) for n in (main.n_missed, main.n_both_empty)),
                Cell(s.DASH if run.parameters is None else f"{run.parameters:,}", run.parameters or math.nan),
                tables.epoch_cell(run),
                Cell(s.duration(run.seconds), run.seconds),
            ]
        )
    numbers = [*map(s.title, metrics), "Missed", "Both empty", "Parameters", "Best epoch", "Time"]
    return Table([("Network", False), *((name, True) for name in numbers)], rows)


def _case_table(compared: _Compared, anchors: Mapping[str, str]) -> Table:
    """Returns a row for each case and class with each metric of each run; for two runs also the difference."""
    place = {case: i for i, case in enumerate(compared.order)}
    several, two = len(compared.classes) > 1, len(compared.names) == 2
    digits = {
        m: s.decimals(m, (x.values[m] for scores in compared.scores for x in scores))
        for m in compared.metrics
    }
    rows = []
    for row in sorted(zip(*compared.scores, strict=True), key=lambda row: place[row[0].case]):
        case = row[0].case
        cells = [Cell(str(place[case] + 1), place[case]), Cell(case, anchor=anchors.get(case, ""))]
        cells += [Cell(row[0].label)] if several else []
        for m in compared.metrics:
            values = [x.values[m] for x in row]
            best = _best(values, m)
            cells += [
                tables.value_cell(value, digits[m], strong=i in best and len(best) < len(row))
                for i, value in enumerate(values)
            ]
            if two and m == compared.main:
                cells.append(_difference_cell(values[1] - values[0], digits[m]))
        rows.append(cells)
    columns = [("#", True), ("Case", False), *([("Class", False)] if several else [])]
    for m in compared.metrics:
        columns += [(f"{s.title(m)}, {name}", True) for name in compared.names]
        columns += [(f"{s.title(m)}, difference", True)] if two and m == compared.main else []
    return Table(columns, rows)


def _difference_cell(change: float, digits: int) -> Cell:
    """Returns a difference with its sign."""
    shown = tables.value_cell(change, digits)
    return replace(shown, text=f"+{shown.text}") if change > 0 else shown


def _exhibits(
    compared: _Compared, loaders: Sequence[gallery.Loader], limit: int
) -> tuple[list[gallery.Exhibit], list[str]]:
    """Returns the pictures of the cases that can be drawn, and a line for each that cannot."""
    if not loaders:
        return [], []
    tags = _tags(compared)
    found, undrawn = [], []
    for case in first_cases(compared.order, tags, limit):
        try:
            found.append(_exhibit(compared, case, tags.get(case, ""), loaders))
        except IsthmusError as error:
            undrawn.append(f"{case}: {error}")
    return found, undrawn


def _exhibit(compared: _Compared, case: str, tag: str, loaders: Sequence[gallery.Loader]) -> gallery.Exhibit:
    """Returns the outlines of every run on one case; for a tagged case also the image and the difference maps."""
    longest = gallery.LARGE if tag else gallery.SMALL
    given = [load(case) for load in loaders]
    pictures = [gallery.prepare(case, lambda _, one=one: one, longest) for one in given]  # type: ignore[misc]
    first, several = pictures[0], len(compared.classes) > 1
    upper, lower = [], []
    if several or tag:
        upper.append(gallery.image_panel(first, case))
        colours = None if several else drawing.TRUTH
        lower.append(gallery.labels_panel(first, first.truth, case, "True outline", colours))
    if several and not tag:
        upper, lower = lower, []
    for name, column, picture, one in zip(compared.names, compared.columns, pictures, given, strict=True):
        score = s.number(column[case], s.decimals(compared.main, column.values()))
        caption = f"{name}: {s.title(compared.main)} {score}"
        if several:
            upper.append(gallery.labels_panel(picture, picture.predicted, case, caption))
        else:
            upper.append(gallery.overlay_panel(picture, case, caption))
        if tag and compared.objects:
            lower.append(objects_of(picture, case, one, f", {name}"))
        elif tag:
            shown = picture if several else picture.foreground
            lower.append(gallery.difference_panel(shown, case, f"Difference, {name}"))
    anchor = f"case-{compared.order.index(case) + 1}"
    return gallery.Exhibit(case, anchor, tag, [], [*upper, *lower], len(upper), first.note)

"""The tables of a report: headline figures, means by set and class, and every case."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from isthmus.report import summary as s
from isthmus.runs.results import Run, Score


@dataclass(frozen=True)
class Tile:
    """A headline figure: mean and standard deviation of a metric, and a line on its cases."""

    title: str
    mean: str
    std: str
    cases: str


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Attributes:
        text: the shown text.
        sort: the number that the cell sorts by; NaN sorts last, None sorts by the text.
        anchor: the place on the page that the cell links to.
        strong: whether it is bold.
    """

    text: str
    sort: float | None = None
    anchor: str = ""
    strong: bool = False

    @property
    def sort_key(self) -> str:
        """The sort key for the page's script: a number, or `last` for either direction."""
        return (
            "last"
            if self.sort is None or math.isnan(self.sort)
            else str(self.sort).replace("inf", "Infinity")
        )


@dataclass(frozen=True)
class Table:
    """Columns, each a name and whether it holds numbers, and rows."""

    columns: Sequence[tuple[str, bool]]
    rows: Sequence[Sequence[Cell]]


def headline_tile(run: Run, scores: Sequence[Score], metric: str) -> Tile:
    """Returns mean ± standard deviation of a metric over cases, with the numbers of cases and of misses."""
    found = s.summarise(scores)[metric]
    total, digits = len({x.case for x in scores}), s.decimals(metric, s.by_case(scores, metric).values())
    cases = f"n = {found.n} of {total}" if found.n < total else f"n = {found.n}"
    cases += f", {found.n_missed or 'none'} missed" if run.has_counts else ""
    spread = "" if math.isnan(found.std) else s.number(found.std, digits)
    return Tile(s.title(metric), s.number(found.mean, digits), spread, cases)


def value_cell(value: float, digits: int, *, strong: bool = False) -> Cell:
    """Returns a number that sorts by its value; NaN sorts last."""
    return Cell(s.number(value, digits), value, strong=strong)


def count_cell(number: int, known: bool = True) -> Cell:
    """Returns a number of cases; a dash if it is not known."""
    return Cell(str(number), number) if known else Cell(s.DASH, math.nan)


def epoch_cell(run: Run) -> Cell:
    """Returns the best epoch and the number of epochs; a dash where the best epoch is not known."""
    return Cell(s.DASH if run.best_epoch is None else f"{run.best_epoch} of {run.epochs}", run.best_epoch)


def spread_cell(mean: float, std: float, digits: int, *, strong: bool = False) -> Cell:
    """Returns mean ± standard deviation; only the mean if there is no deviation."""
    shown = s.number(mean, digits)
    if not math.isnan(std):
        shown += f" ± {s.number(std, digits)}"
    return Cell(shown, mean, strong=strong)


def mean_cell(scores: Sequence[Score], metric: str, *, strong: bool = False) -> Cell:
    """Returns mean ± standard deviation over the cases of these scores."""
    found = s.summarise(scores)[metric]
    digits = s.decimals(metric, s.by_case(scores, metric).values())
    return spread_cell(found.mean, found.std, digits, strong=strong)


SUMMARY = ("Mean", "SD", "Median", "Lowest", "Highest", "n", "Missed", "Both empty", "False alarm")


def summary_table(run: Run) -> Table:
    """Returns a row for each scored set, grid, class and metric, with everything that a `Summary` holds.

    Below the metrics of a class stand its Dice and IoU with all cases taken as one image. A column for sets, grids or
    classes is left out if there is only one; with several classes, rows for the means over them follow.
    """
    heads = {"Set": len(run.sets) > 1, "Grid": len(run.grids) > 1, "Class": len(run.classes) > 1}
    labels = (*run.classes, ALL) if heads["Class"] else run.classes
    rows = []
    for name, grid, label in itertools.product(run.sets, run.grids, labels):
        scores = [x for x in run.scores if (x.set, x.grid) == (name, grid) and label in (x.label, ALL)]
        if scores:
            where = zip(heads.values(), (name, grid or s.DASH, label), strict=True)
            head = [Cell(word) for shown, word in where if shown]
            rows += [[*head, *cells] for cells in _summary_rows(run, scores, label)]
    columns = [(name, False) for name, shown in heads.items() if shown]
    return Table([*columns, ("Metric", False), *((name, True) for name in SUMMARY)], rows)


ALL = "all classes"


def _summary_rows(run: Run, scores: Sequence[Score], label: str) -> list[list[Cell]]:
    rows, found = [], s.summarise(scores)
    for metric in run.metrics:
        one, digits = found[metric], s.decimals(metric, s.by_case(scores, metric).values())
        figures = (one.mean, one.std, one.median, one.minimum, one.maximum)
        misses = (one.n_missed, one.n_both_empty, one.n_false_alarm)
        cells = [Cell(s.title(metric)), *(value_cell(value, digits) for value in figures)]
        rows.append([*cells, count_cell(one.n), *(count_cell(n, run.has_counts) for n in misses)])
    if label != ALL:
        for metric, value in s.pooled_overlap(scores).items():
            cells = [Cell(f"{s.title(metric)}, all cases as one image"), value_cell(value, 3)]
            rows.append([*cells, *[Cell("")] * (len(SUMMARY) - 1)])
    return rows


def cleanup_table(run: Run) -> Table | None:
    """Returns the means before and after clean-up, a row for each set, class and main metric.

    None if nothing was cleaned up.
    """
    if not run.before_cleanup:
        return None
    rows = []
    for name, label in itertools.product(run.sets, run.classes):
        pairs = [
            [x for x in scores if (x.set, x.label) == (name, label)]
            for scores in (run.before_cleanup, run.scores)
        ]
        if all(pairs):
            rows += [
                [Cell(name), Cell(label), Cell(s.title(metric)), *(mean_cell(each, metric) for each in pairs)]
                for metric in s.main_metrics(run.metrics)
            ]
    words, numbers = ("Set", "Class", "Metric"), ("Before", "After clean-up")
    return Table([*((name, False) for name in words), *((name, True) for name in numbers)], rows)


def case_table(run: Run, order: Sequence[str], anchors: dict[str, str]) -> Table:
    """Returns a row for each case and class with the main metrics.

    Args:
        run: the run.
        order: the cases of the leading set, best first; rows of other sets and grids follow.
        anchors: where the pictures of a case stand on the page.
    """
    place, leading = {case: i for i, case in enumerate(order)}, set(map(id, run.leading))
    rank = {(name, grid): i for i, (name, grid) in enumerate(itertools.product(run.sets, run.grids))}
    scores = sorted(run.scores, key=lambda x: (rank[x.set, x.grid], place.get(x.case, len(place))))
    optional = {
        "Group": [x.group for x in scores] if any(x.group not in ("", x.case) for x in scores) else None,
        "Set": [x.set for x in scores] if len(run.sets) > 1 else None,
        "Grid": [x.grid for x in scores] if len(run.grids) > 1 else None,
        "Fold": [x.fold for x in scores] if len({x.fold for x in scores}) > 1 else None,
        "Class": [x.label for x in scores] if len(run.classes) > 1 else None,
    }
    shown = {name: column for name, column in optional.items() if column is not None}
    metrics = s.main_metrics(run.metrics)
    digits = {m: s.decimals(m, (x.values[m] for x in scores)) for m in metrics}
    rows = []
    for i, x in enumerate(scores):
        first = place.get(x.case) if id(x) in leading else None
        number = Cell("", math.nan) if first is None else Cell(str(first + 1), first)
        head = [number, Cell(x.case, anchor=anchors.get(x.case, "") if first is not None else "")]
        head += [Cell(column[i]) for column in shown.values()]
        rows.append([*head, *(value_cell(x.values[m], digits[m]) for m in metrics)])
    columns = [("#", True), ("Case", False), *((name, False) for name in shown)]
    return Table([*columns, *((s.title(m), True) for m in metrics)], rows)

"""The numbers of a report as tables: headline figures, means by set and class, every case."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from isthmus.report import summary as s
from isthmus.report.folder import Run, Score


@dataclass(frozen=True)
class Tile:
    """A headline figure."""

    title: str
    mean: str
    std: str
    cases: str


@dataclass(frozen=True)
class Cell:
    """A cell of a table: what is shown, and what it sorts by (None: the text)."""

    text: str
    sort: float | None = None
    anchor: str = ""
    strong: bool = False

    @property
    def sort_key(self) -> str:
        """For the page's script: a number, or `last` whichever way the column is sorted."""
        return (
            "last"
            if self.sort is None or math.isnan(self.sort)
            else str(self.sort).replace("inf", "Infinity")
        )


@dataclass(frozen=True)
class Table:
    """Columns (name, whether it holds numbers) and rows."""

    columns: Sequence[tuple[str, bool]]
    rows: Sequence[Sequence[Cell]]


def tile(scores: Sequence[Score], metric: str) -> Tile:
    """Mean ± standard deviation of a metric over the cases of these scores, and over how many."""
    values = s.by_case(scores, metric)
    found = s.summarise(values.values())
    digits = s.decimals(metric, values.values())
    n = f"{found.n} of {found.total}" if found.n < found.total else f"{found.n}"
    cases = f"n = {n}, {s.missed_cases(scores) or 'none'} missed"
    spread = s.number(found.std, digits) if found.n > 1 else ""
    return Tile(s.title(metric), s.number(found.mean, digits), spread, cases)


def value_cell(value: float, digits: int, *, strong: bool = False) -> Cell:
    """A figure that sorts by its value; what is undefined sorts last."""
    return Cell(s.number(value, digits), value, strong=strong)


def spread_cell(scores: Sequence[Score], metric: str, *, strong: bool = False) -> Cell:
    """Mean ± standard deviation over the cases of these scores."""
    values = s.by_case(scores, metric)
    found, digits = s.summarise(values.values()), s.decimals(metric, values.values())
    shown = s.number(found.mean, digits)
    if found.n > 1:
        shown += f" ± {s.number(found.std, digits)}"
    return Cell(shown, found.mean, strong=strong)


def summary_table(run: Run) -> Table:
    """A row for each scored set and class: cases, misses, and every metric's mean ± standard deviation.

    Where there is one set, or one class, its column is left out.
    """
    sets, classes = len(run.sets) > 1, len(run.classes) > 1
    words = [name for name, shown in (("Set", sets), ("Class", classes)) if shown]
    rows = []
    for name in run.sets:
        for label in (*run.classes, "all classes") if classes else run.classes:
            scores = [x for x in run.scores if x.set == name and label in (x.label, "all classes")]
            if scores:
                n, misses = len({x.case for x in scores}), s.missed_cases(scores)
                head = [Cell(word) for word, shown in ((name, sets), (label, classes)) if shown]
                head += [Cell(str(n), n), Cell(str(misses), misses)]
                rows.append([*head, *(spread_cell(scores, m) for m in run.metrics)])
    numbers = ["Cases", "Missed", *map(s.title, run.metrics)]
    return Table([*((name, False) for name in words), *((name, True) for name in numbers)], rows)


def score_table(run: Run, order: Sequence[str], anchors: dict[str, str]) -> Table:
    """A row for each case and class: the leading set best first, then the other sets."""
    place = {case: i for i, case in enumerate(order)}
    rank = {name: i for i, name in enumerate(run.sets)}
    scores = sorted(run.scores, key=lambda x: (rank[x.set], place.get(x.case, len(place))))
    optional = {
        "Group": [x.group for x in scores] if any(x.group not in ("", x.case) for x in scores) else None,
        "Set": [x.set for x in scores] if len(run.sets) > 1 else None,
        "Fold": [x.fold for x in scores] if len({x.fold for x in scores}) > 1 else None,
        "Class": [x.label for x in scores] if len(run.classes) > 1 else None,
    }
    shown = {name: column for name, column in optional.items() if column is not None}
    digits = {m: s.decimals(m, (x.values[m] for x in scores)) for m in run.metrics}
    rows = []
    for i, x in enumerate(scores):
        first = place.get(x.case) if x.set == run.sets[0] else None
        number = Cell("", math.nan) if first is None else Cell(str(first + 1), first)
        head = [number, Cell(x.case, anchor=anchors.get(x.case, "") if first is not None else "")]
        head += [Cell(column[i]) for column in shown.values()]
        rows.append([*head, *(value_cell(x.values[m], digits[m]) for m in run.metrics)])
    columns = [("#", True), ("Case", False), *((name, False) for name in shown)]
    return Table([*columns, *((s.title(m), True) for m in run.metrics)], rows)

"""The table of how far readers agree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from isthmus.comparison.agreement import SHOWN, Agreement
from isthmus.comparison.scores import ProgramScores
from isthmus.comparison.tables.texts import class_cell, class_column, interval_text, unit_text
from isthmus.report.printed import PrintedTable
from isthmus.report.summary import decimals, title
from isthmus.report.tables import Cell, Table, spread_cell


def agreement_table(scores: ProgramScores, found: Sequence[Agreement]) -> PrintedTable | None:
    """Returns a row for every two readers, the truth among them; None if masks are not known."""
    if not found:
        return None
    metrics = [name for name in SHOWN if name in found[0].scores]
    rows, records = [], []
    for each in found:
        rows.append(
            [
                *class_cell(scores, each.label),
                Cell(f"{each.first}, {each.second}"),
                Cell(str(each.cases), each.cases),
                _cell("dice", each),
                Cell(interval_text(each.interval, 3), each.interval.low if each.interval else None),
                spread_cell(each.kappa.mean, each.kappa.sd, 3),
                *(_cell(name, each) for name in metrics[1:]),
            ]
        )
        records.append(_record(each, metrics))
    columns = [*class_column(scores), ("Readers", False), ("Cases", True), ("Dice", True)]
    columns += [("95 % interval", True), ("Kappa", True)]
    columns += [(title(name), True) for name in metrics[1:]]
    caption = (
        "Every two readers, the truth being one of them, on the cases of which both have a mask: mean ± standard "
        "deviation over cases. A program that agrees with the truth no worse than two human readers agree with each "
        "other is as close as that truth allows to tell. Kappa: Cohen's, over all pixels of an image, which corrects "
        "for agreement by chance; where background fills the image it is close to Dice. Interval: BCa bootstrap of the "
        f"mean Dice. The CSV also names the case with the smallest Dice.{unit_text(metrics, scores)}"
    )
    return PrintedTable("agreement", "Agreement between readers", caption, Table(columns, rows), records)


def _cell(metric: str, each: Agreement) -> Cell:
    spread = each.scores[metric]
    return spread_cell(spread.mean, spread.sd, decimals(metric, [spread.mean, spread.sd]))


def _record(each: Agreement, metrics: Sequence[str]) -> dict[str, Any]:
    record: dict[str, Any] = {"class": each.label, "first": each.first, "second": each.second}
    record |= {"cases": each.cases}
    for name in metrics:
        record |= {name: each.scores[name].mean, f"{name}, sd": each.scores[name].sd}
    between = each.interval
    record |= {"dice, low": between.low if between else "", "dice, high": between.high if between else ""}
    return record | {"kappa": each.kappa.mean, "kappa, sd": each.kappa.sd, "farthest apart": each.farthest}

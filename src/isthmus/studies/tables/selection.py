"""The table of what choosing the best epoch on the scored cases adds to the score."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.errors import IsthmusError
from isthmus.report.printed import PrintedTable
from isthmus.report.summary import number
from isthmus.report.tables import Cell, Table
from isthmus.runs.results import Score
from isthmus.statistics import Optimism, optimism_across_folds, optimism_of_selection
from isthmus.studies.results import ALL, Result, Results
from isthmus.studies.tables.about import about, columns_about


def selection_table(results: Results) -> PrintedTable | None:
    """Returns a row for each data set and network: the score of the best epoch, a clean score, and the gain.

    The clean score is that of the test cases, or, where the scored fold chose the epoch, that of the epoch which the
    other folds would choose. None if neither is known.
    """
    rows: list[list[Cell]] = []
    records: list[dict[str, Any]] = []
    metric = "dice"
    for data in results.data:
        for network in results.networks:
            column, curves = results.curves(data, network)
            metric = column.removeprefix("validation_")
            try:
                found, how = _optimism(results.of(data, network), metric, curves)
            except IsthmusError:
                continue  # a single fold, or scores that are not there
            figures = (found.optimistic, found.clean, found.gain)
            cells = [Cell(number(value, 4), value) for value in figures]
            rows.append([Cell(results.title(data, ALL)), Cell(network), *cells, Cell(how)])
            record: dict[str, Any] = {"data": data, "network": network, "score": metric}
            record |= {"best epoch": found.optimistic, "clean": found.clean, "gain": found.gain}
            records.append(record | {"runs": len(found.by_run), "how": how} | columns_about(results))
    if not rows:
        return None
    columns = [("Data", False), ("Network", False)]
    columns += [*((name, True) for name in ("Best epoch", "Clean", "Gain")), ("How", False)]
    caption = (
        f"{'IoU' if metric == 'iou' else 'Dice'} with the epoch chosen on the scored cases, and with the epoch chosen "
        f"without them; the gain is optimism, not quality. {about(results)}"
    )
    return PrintedTable(
        "optimism", "What choosing the best epoch adds", caption, Table(columns, rows), records
    )


def _optimism(
    found: Sequence[Result], metric: str, curves: Sequence[NDArray[np.float64]]
) -> tuple[Optimism, str]:
    """Returns the optimism of a network's scores, and how it was found.

    Raises:
        IsthmusError: the scores do not suffice.
    """
    if found and all(x.run.sets[0] == "test" for x in found):
        tested = [_mean(x.run.leading, metric) for x in found]
        kept = [_at(curve, x.run.best_epoch) for curve, x in zip(curves, found, strict=True)]
        return optimism_of_selection(kept, tested), "validation against test"
    return optimism_across_folds(curves), "the fold's own epoch against that of the others"


def _at(curve: NDArray[np.float64], epoch: int | None) -> NDArray[np.float64]:
    """Returns the score of one epoch, counted from 1, whose weights were kept; the curve if that is not known."""
    return curve if epoch is None or epoch > len(curve) else curve[epoch - 1 : epoch]


def _mean(rows: Iterable[Score], metric: str) -> float:
    values = [x.values[metric] for x in rows if not math.isnan(x.values[metric])]
    return math.fsum(values) / len(values) if values else math.nan

"""The table of a study's cells: the state of each, and the time it took."""

from __future__ import annotations

from typing import Any

from isthmus.report.printed import PrintedTable
from isthmus.report.summary import DASH, duration
from isthmus.report.tables import Cell, Table
from isthmus.runs.results import Run
from isthmus.studies.results import Results
from isthmus.studies.running.times import spent
from isthmus.studies.study_folder import Planned, StudyFolder

WORDS = ("Data", "Network", "Grid", "State", "Run", "Note")
"""Columns that hold no numbers."""
OPTIONAL = ("Grid", "Note")
"""Columns that are left out if they are empty."""


def cell_table(results: Results, folder: StudyFolder) -> PrintedTable:
    """Returns a row for every cell: its state, its best epoch, and the time of its epochs and of the whole."""
    runs = {x.cell.name: x.run for x in results.found}
    rows, records = [], []
    for cell in results.plan.cells:
        run, state = runs.get(cell.name), folder.state(cell.name)
        whole = spent(folder, cell.name) if run else None
        note = folder.why(cell.name) if state == "failed" else ""
        rows.append(_row(cell, run, state, whole, note))
        records.append(_record(cell, run, state, whole, note))
    names = [name for name in rows[0] if name not in OPTIONAL or any(row[name].text for row in rows)]
    table = Table([(name, name not in WORDS) for name in names], [[row[n] for n in names] for row in rows])
    caption = (
        "Each run is a folder of this name in cells/, with its recipe, split, scores and weights. Epochs: the time of "
        "training, with the validation after each epoch. Time: the time of the whole cell, with reading, scoring and "
        f"predicting, and with attempts that were interrupted ({DASH}: not recorded)."
    )
    return PrintedTable("cells", "Cells", caption, table, records)


def _row(cell: Planned, run: Run | None, state: str, whole: float | None, note: str) -> dict[str, Cell]:
    """Returns the row of the page by column."""
    seconds = run.seconds if run else None
    return {
        "Data": Cell(cell.data),
        "Network": Cell(cell.network),
        "Grid": Cell(cell.point),
        "Fold": Cell(str(cell.fold)),
        "Repeat": Cell(str(cell.repeat)),
        "State": Cell(state),
        "Best epoch": Cell(f"{run.best_epoch} of {run.epochs}" if run else DASH),
        "Epochs": Cell(duration(seconds), seconds),
        "Time": Cell(duration(whole), whole),
        "Run": Cell(cell.name),
        "Note": Cell(note),
    }


def _record(cell: Planned, run: Run | None, state: str, whole: float | None, note: str) -> dict[str, Any]:
    """Returns the row of the CSV."""
    seconds = run.seconds if run else None
    return {
        "data": cell.data,
        "network": cell.network,
        "grid": cell.point,
        "fold": cell.fold,
        "repeat": cell.repeat,
        "state": state,
        "best epoch": run.best_epoch if run else "",
        "epochs": run.epochs if run else "",
        "seconds of epochs": "" if seconds is None else seconds,
        "seconds": "" if whole is None else whole,
        "run": cell.name,
        "note": note,
    }

"""The table of a study's cells: how far each is, and what it took."""

from __future__ import annotations

from isthmus.report.summary import DASH, duration
from isthmus.report.tables import Cell, Table
from isthmus.studies.results import Results
from isthmus.studies.running.times import spent
from isthmus.studies.study_folder import StudyFolder
from isthmus.studies.tables.formats import Sheet


def cells(results: Results, folder: StudyFolder) -> Sheet:
    """Every cell: how far it is, its best epoch, the time of its epochs and of the whole."""
    runs = {x.cell.name: x.run for x in results.found}
    rows, records = [], []
    for cell in results.plan.cells:
        state, run = folder.state(cell.name), runs.get(cell.name)
        seconds = run.seconds if run else None
        whole = spent(folder, cell.name) if run else None
        epoch = f"{run.best_epoch} of {run.epochs}" if run else DASH
        note = folder.why(cell.name) if state == "failed" else ""
        where = [cell.data, cell.network, cell.point, str(cell.fold), str(cell.repeat)]
        rows.append(
            [
                *map(Cell, where),
                Cell(state),
                Cell(epoch),
                Cell(duration(seconds), seconds),
                Cell(duration(whole), whole),
                Cell(cell.name),
                Cell(note),
            ]
        )
        records.append(
            {
                "data": cell.data,
                "network": cell.network,
                "grid": cell.point,
                "fold": cell.fold,
                "repeat": cell.repeat,
            }
            | {
                "state": state,
                "best epoch": run.best_epoch if run else "",
                "epochs": run.epochs if run else "",
            }
            | {
                "seconds of epochs": seconds if seconds is not None else "",
                "seconds": whole if whole is not None else "",
            }
            | {"run": cell.name, "note": note}
        )
    heads = [
        ("Data", False),
        ("Network", False),
        ("Grid", False),
        ("Fold", True),
        ("Repeat", True),
        ("State", False),
    ]
    heads += [("Best epoch", True), ("Epochs", True), ("Time", True), ("Run", False), ("Note", False)]
    keep = [
        i
        for i, (name, _) in enumerate(heads)
        if name not in ("Grid", "Note") or any(row[i].text for row in rows)
    ]
    table = Table([heads[i] for i in keep], [[row[i] for i in keep] for row in rows])
    caption = (
        "Each run is a folder of this name in cells/, with its recipe, split, scores and weights. Epochs: the time of "
        "training, with the validation after each epoch; time: of the whole cell, with reading, scoring and "
        f"predicting, and attempts that were cut short ({DASH}: not recorded)."
    )
    return Sheet("cells", "Cells", caption, table, records)

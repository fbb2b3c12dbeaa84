"""The table of parameter counts, for which nothing is trained."""

from __future__ import annotations

import math
from collections.abc import Mapping

from isthmus.networks.description.card import describe
from isthmus.report.printed import PrintedTable
from isthmus.report.summary import DASH
from isthmus.report.tables import Cell, Table
from isthmus.studies.study import Study
from isthmus.studies.study_folder import Key


def parameter_table(study: Study, printed: Mapping[Key, tuple[float, float]]) -> PrintedTable:
    """Returns a row for each network: trainable parameters, and the count in the paper's way beside the paper's own."""
    rows, records = [], []
    paper = {network: mean for (_, network, measure), (mean, _) in printed.items() if measure == "parameters"}
    for label, sections in study.networks.items():
        network = sections["network"]
        dims = network.get("options", {}).get("spatial_dims")
        forms = describe(network["model"]).forms
        form = next((form for form in forms if form.spatial_dims == dims), forms[0])
        theirs = paper.get(label, math.nan)
        off = f"{100 * (form.count.ours / theirs - 1):+.2f} %" if theirs == theirs else DASH
        rows.append(
            [
                Cell(label),
                Cell(f"{form.spatial_dims}D"),
                Cell(f"{form.parameters:,}", form.parameters),
                Cell(f"{form.count.ours:,}", form.count.ours),
                Cell(DASH if math.isnan(theirs) else f"{theirs:,.0f}", theirs),
                Cell("exact" if form.count.ours == theirs else off),
            ]
        )
        records.append(
            {
                "network": label,
                "model": network["model"],
                "spatial dims": form.spatial_dims,
                "trainable": form.parameters,
                "counted as in the paper": form.count.ours,
                "paper": theirs,
            }
        )
    columns = [("Network", False), ("Form", False), ("Trainable", True), ("Counted as in the paper", True)]
    table = Table([*columns, ("Paper", True), ("Difference", True)], rows)
    caption = (
        "Parameters for the numbers of channels and classes in the paper. Nothing is trained for this table."
    )
    return PrintedTable("scores", study.title or study.name, caption, table, records)

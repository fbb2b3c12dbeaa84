"""The figure of true against predicted numbers of objects, a point for each case."""

from __future__ import annotations

import math

import numpy as np

from isthmus.metrics.object_states import in_a_line
from isthmus.report.charts import scatter
from isthmus.report.figures.registry import Figure, Reported
from isthmus.report.objects import totals

COUNTS = ("truth_objects", "prediction_objects")


def draw(reported: Reported) -> Figure | None:
    """Draws the counts of every case; None for a run whose objects were not counted."""
    run = reported.run
    leading = run.leading if run.scores else ()
    counts = np.array([[score.values.get(name, math.nan) for score in leading] for name in COUNTS])
    chart = scatter("Objects of each case", counts[0], counts[1], ("true objects", "predicted objects"))
    if chart is None:
        return None
    all_true, all_predicted = map(int, counts[:, np.isfinite(counts).all(axis=0)].sum(axis=1))
    caption = (
        f"A point for each case of the {run.sets[0]} set: {all_true:,} true and {all_predicted:,} predicted objects in "
        "all. On the dashed line the numbers are equal; above it there are too many, below it too few. Equal numbers "
        "alone do not mean the same objects. "
    )
    if counted := totals(run):
        caption += f"What became of them: {in_a_line(counted)}."
    return Figure("Objects", caption, [chart])

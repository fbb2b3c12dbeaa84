"""The figure of losses, validation score and learning rate over epochs."""

from __future__ import annotations

from collections.abc import Sequence

from isthmus.errors import counted
from isthmus.report.charts import Chart, Line, curves, line_key
from isthmus.report.figures.registry import Figure, Reported
from isthmus.runs.results import Run

ONE_RUN = {
    "Loss": ("train_loss", "validation_loss"),
    "Validation Dice": ("validation_dice",),
    "Validation object F1": ("validation_objects",),
    "Learning rate": ("learning_rate",),
}
SEVERAL_RUNS = {
    "Training loss": ("train_loss",),
    "Validation loss": ("validation_loss",),
    "Validation Dice": ("validation_dice",),
    "Validation object F1": ("validation_objects",),
}
"""Charts by title, with the columns of history.csv that each shows."""


def draw(reported: Reported) -> Figure:
    """Draws the training of a run, or one line for each fold of a cross-validation."""
    if reported.run is not reported.runs[0]:
        names = [run.path.name for run in reported.runs]
        return training_figure(reported.runs, names, "One line for each fold.")
    run = reported.run
    caption = f"Over {counted(run.epochs, 'epoch')}"
    if run.best_epoch is not None:
        caption += f"; the dashed vertical line marks epoch {run.best_epoch}, whose weights were kept"
    caption += ". A validation loss that rises while the training loss still falls is a sign of overfitting."
    return training_figure([run], ["training", "validation"], caption)


def training_figure(runs: Sequence[Run], names: Sequence[str], caption: str) -> Figure:
    """Returns the figure of one run (lines: training and validation) or of several (lines: the runs)."""
    charts = training_charts(runs)
    if not charts:
        return Figure("Training", "No epochs were recorded.", [])
    return Figure("Training", caption, charts, line_key(names))


def training_charts(runs: Sequence[Run]) -> list[Chart]:
    """Draws losses, validation Dice and learning rate over epochs; charts without a finite value are left out.

    For one run, training and validation loss share a chart (series 0 and 1) and the best epoch is marked. For several
    runs, each chart has one line per run (series in the order given).
    """
    single = len(runs) == 1
    charts = []
    for title, columns in (ONE_RUN if single else SEVERAL_RUNS).items():
        lines = [
            Line(
                run.history["epoch"], run.history[column], column.startswith("validation") if single else row
            )
            for row, run in enumerate(runs)
            for column in columns
            if column in run.history
        ]
        mark = runs[0].best_epoch if single else None
        charts.append(curves(title, lines, mark=mark, log=title == "Learning rate"))
    return [chart for chart in charts if chart is not None]

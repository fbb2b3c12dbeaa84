"""The figure of the validation score over epochs, with the range over folds and repeats."""

from __future__ import annotations

from isthmus.report.charts import SERIES, line_key
from isthmus.report.figures.registry import Figure
from isthmus.studies.figures import charts
from isthmus.studies.figures.source import FigureSource, without_empty
from isthmus.studies.results import ALL


def draw(source: FigureSource) -> list[Figure]:
    """Draws a chart for each data set, in as many figures as there are colours for the networks."""
    results, found = source.results, []
    for first in range(0, len(results.networks), SERIES):
        names = results.networks[first : first + SERIES]
        made, word = [], "Dice"
        for data in results.data:
            curves = [results.curves(data, network) for network in names]
            word = "IoU" if any(each and column.endswith("iou") for column, each in curves) else "Dice"
            title = results.title(data, ALL)
            made.append(charts.bands(title, [each for _, each in curves], f"validation {word}"))
        caption = (
            f"{word} on the validation cases after each epoch: the line is the mean over folds and repeats, and the "
            "band reaches from the lowest to the highest of them. A run that stopped early keeps its last score."
        )
        title = f"Progress of training{', further networks' if first else ''}"
        if shown := without_empty(made):
            found.append(Figure(title, caption, shown, line_key(names)))
    return found

"""Charts as inline SVG that takes colours and type from the page and follows it into dark mode and print."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from isthmus.runs.results import Run

SERIES = 6
"""Colours that the page's style sheet defines for lines: --series-0 to --series-5."""
INK, _FAINT = "#fe0001", "#fe0002"
_VARIABLES = {INK: "--ink-soft", _FAINT: "--rule"} | {f"#fd000{i}": f"--series-{i}" for i in range(SERIES)}
STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "isthmus",
    "font.size": 9,
    "text.parse_math": False,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": _FAINT,
    "axes.linewidth": 0.8,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "grid.color": _FAINT,
    "grid.linewidth": 0.6,
    "xtick.color": _FAINT,
    "xtick.labelcolor": INK,
    "ytick.color": _FAINT,
    "ytick.labelcolor": INK,
    "ytick.left": False,
    "lines.linewidth": 1.6,
    "lines.solid_capstyle": "round",
}
_MARKERS = ("o", "s", "^", "D", "v", "P")
_SHAPES = (
    "M13 8a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0z",
    "M13 3.5h9v9h-9z",
    "M17.5 3l5 9.5h-10z",
    "M17.5 2.5l5.5 5.5l-5.5 5.5l-5.5 -5.5z",
    "M17.5 13l5 -9.5h-10z",
    "M16 3h3v3.5h3.5v3h-3.5v3.5h-3v-3.5h-3.5v-3h3.5z",
)
"""The same markers as paths, for the key."""
_GAPS: tuple[tuple[float, ...], ...] = ((), (4, 2), (1, 1.5), (6, 2, 1, 2), (2.5, 1), (8, 2))


@dataclass(frozen=True)
class Chart:
    """One drawn chart: the SVG element, and a title for the page to set above it."""

    title: str
    svg: str


@dataclass(frozen=True)
class Line:
    """One line of a chart: positions, values (NaN is left out), the series whose colour and dash it takes."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    series: int = 0


def curves(
    title: str, lines: Sequence[Line], *, x_label: str = "epoch", mark: int | None = None, log: bool = False
) -> Chart | None:
    """Lines over epochs with the best epoch marked; None when there is no finite value to draw."""
    drawn = [(line, np.isfinite(line.y)) for line in lines]
    if not any(finite.any() for _, finite in drawn):
        return None
    with mpl.rc_context(STYLE):
        figure, axes = new_axes()
        if mark is not None:
            axes.axvline(mark, color=INK, linewidth=0.9, linestyle=(0, (2, 2)))
        for line, finite in drawn:
            alone = finite.sum() == 1
            axes.plot(
                line.x[finite],
                line.y[finite],
                color=series_colour(line.series),
                dashes=_GAPS[line.series % SERIES] or (None, None),
                marker=_MARKERS[line.series % len(_MARKERS)] if alone else None,
                markersize=5,
            )
        axes.set_xlabel(x_label)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True, min_n_ticks=1))
        if log and _falls_by_decades(np.concatenate([line.y[finite] for line, finite in drawn])):
            axes.set_yscale("log")
            axes.yaxis.set_minor_formatter(FuncFormatter(lambda *_: ""))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        return Chart(title, as_svg(figure, title))


def training_curves(runs: Sequence[Run]) -> list[Chart]:
    """Losses, validation Dice and learning rate over epochs.

    One run: train and validation loss share a chart (series 0 and 1) and the best epoch is marked. Several
    runs: one line per run (series in the order given) in each chart.
    """
    single = len(runs) == 1
    wanted: list[tuple[str, list[str]]]
    if single:
        wanted = [
            ("Loss", ["train_loss", "validation_loss"]),
            ("Validation Dice", ["validation_dice"]),
            ("Learning rate", ["learning_rate"]),
        ]
    else:
        wanted = [
            ("Training loss", ["train_loss"]),
            ("Validation loss", ["validation_loss"]),
            ("Validation Dice", ["validation_dice"]),
        ]
    charts = []
    for title, columns in wanted:
        lines = [
            Line(run.history["epoch"], run.history[column], _slot(column, row) if single else row)
            for row, run in enumerate(runs)
            for column in columns
            if column in run.history
        ]
        mark = runs[0].best_epoch if single else None
        charts.append(curves(title, lines, mark=mark, log=title == "Learning rate"))
    return [chart for chart in charts if chart is not None]


def _falls_by_decades(values: NDArray[np.float64]) -> bool:
    """Whether values fall by two decades or more in a few steps; a smooth fall needs a linear axis."""
    return bool(values.min() > 0 and values.max() / values.min() >= 100 and len(np.unique(values)) <= 10)


def _slot(column: str, row: int) -> int:
    return 1 if column.startswith("validation") else row


def line_sample(series: int) -> str:
    """A short piece of a series' line, for a key in the page."""
    gap = " ".join(f"{1.6 * g:g}" for g in _GAPS[series % SERIES])
    return _sample(f'd="M1 8H34" fill="none" stroke-width="2.2" stroke-dasharray="{gap}"', series)


def marker_sample(series: int) -> str:
    """A series' marker, for a key in the page."""
    return _sample(f'd="{_SHAPES[series % SERIES]}" fill="var(--series-{series % SERIES})"', series)


def _sample(path: str, series: int) -> str:
    stroke = f'stroke="var(--series-{series % SERIES})"'
    return f'<svg viewBox="0 0 35 16" aria-hidden="true"><path {path} {stroke}/></svg>'


def case_scores(title: str, columns: Sequence[Sequence[float]]) -> Chart | None:
    """A score for each case, cases side by side in the order given, one marker for each series.

    Args:
        title: of the chart.
        columns: for each series its values, case by case; NaN and infinity leave a gap.
    """
    values = np.array(columns, dtype=np.float64)
    values[~np.isfinite(values)] = np.nan
    if values.size == 0 or np.isnan(values).all():
        return None
    rank = np.arange(1, values.shape[1] + 1)
    with mpl.rc_context(STYLE):
        figure, axes = new_axes(width=7.2, height=2.5)
        shown = ~np.isnan(values).all(axis=0)
        low, high = np.nanmin(values[:, shown], axis=0), np.nanmax(values[:, shown], axis=0)
        axes.vlines(rank[shown], low, high, color=INK, linewidth=0.9, alpha=0.5)
        for series, row in enumerate(values):
            axes.plot(
                rank,
                row,
                linestyle="none",
                marker=_MARKERS[series % len(_MARKERS)],
                color=series_colour(series),
                markersize=5.5,
                markeredgewidth=0,
            )
        axes.set_xlabel("case, in the order of the table")
        axes.xaxis.set_major_locator(MaxNLocator(nbins=12, integer=True, min_n_ticks=1))
        axes.set_xlim(0.4, len(rank) + 0.6)
        axes.margins(y=0.08)
        axes.grid(visible=False, axis="x")
        return Chart(title, as_svg(figure, title))


def new_axes(width: float = 3.6, height: float = 2.5) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasSVG(figure)
    return figure, figure.add_subplot()


def series_colour(index: int) -> str:
    return f"#fd000{index % SERIES}"


def _open_tag(label: str) -> Callable[[re.Match[str]], str]:
    return lambda found: f'<svg {found[1]} role="img" aria-label="{escape(label)}">'


def as_svg(figure: Figure, label: str) -> str:
    """The figure as one <svg> element: page colours and type, its own ids, no size of its own."""
    buffer = io.StringIO()
    figure.savefig(
        buffer, format="svg", transparent=True, metadata=dict.fromkeys(("Creator", "Date", "Format", "Type"))
    )
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<style[^>]*>.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<svg[^>]*?(viewBox="[^"]*")[^>]*>', _open_tag(label), svg, count=1)
    svg = re.sub(r"font: (?:\w+ )*([\d.]+)px [^;\"]*", r"font-size: \1px", svg)
    prefix = re.sub(r"\W+", "-", label.lower())
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{prefix}-", svg)
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(colour, f"var({variable})")
    return svg

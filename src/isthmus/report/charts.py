"""Charts as inline SVG that takes colours and type from the page and follows it into dark mode and print."""

from __future__ import annotations

import io
import re
import warnings
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
from numpy.typing import ArrayLike, NDArray

SERIES = 6
"""Number of line colours in the page's style sheet: --series-0 to --series-5."""
NARROW = 3.6
"""Width of a chart in inches, unless it needs more."""
BINS = 30
"""Number of bars of a histogram."""
LONGEST = 32
"""The most letters of a name below an axis."""
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
MARKERS = ("o", "s", "^", "D", "v", "P")
_SHAPES = (
    "M13 8a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0z",
    "M13 3.5h9v9h-9z",
    "M17.5 3l5 9.5h-10z",
    "M17.5 2.5l5.5 5.5l-5.5 5.5l-5.5 -5.5z",
    "M17.5 13l5 -9.5h-10z",
    "M16 3h3v3.5h3.5v3h-3.5v3.5h-3v-3.5h-3.5v-3h3.5z",
)
"""The markers as SVG paths, for the key."""
DASHES: tuple[tuple[float, ...], ...] = ((), (4, 2), (1, 1.5), (6, 2, 1, 2), (2.5, 1), (8, 2))


@dataclass(frozen=True)
class Chart:
    """A drawn chart: its SVG element, and the title that the page sets above it."""

    title: str
    svg: str


@dataclass(frozen=True)
class Line:
    """One line of a chart: positions, values (NaN is left out), and the series whose colour and dash it takes."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    series: int = 0


def curves(
    title: str, lines: Sequence[Line], *, x_label: str = "epoch", mark: int | None = None, log: bool = False
) -> Chart | None:
    """Draws lines over epochs.

    Args:
        title: the title of the chart.
        lines: the lines; values that are not finite leave a gap.
        x_label: the label of the horizontal axis.
        mark: position of a dashed vertical line.
        log: whether the vertical axis may be logarithmic, if values fall by decades in a few steps.

    Returns:
        The chart; None when there is no finite value to draw.
    """
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
                dashes=DASHES[line.series % SERIES] or (None, None),
                marker=MARKERS[line.series % len(MARKERS)] if alone else None,
                markersize=5,
            )
        axes.set_xlabel(x_label)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True, min_n_ticks=1))
        if log and _falls_by_decades(np.concatenate([line.y[finite] for line, finite in drawn])):
            axes.set_yscale("log")
            axes.yaxis.set_minor_formatter(FuncFormatter(lambda *_: ""))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        return Chart(title, as_svg(figure, title))


def _falls_by_decades(values: NDArray[np.float64]) -> bool:
    """Returns whether values fall by two decades or more in a few steps; a smooth fall is shown on a linear axis."""
    return bool(values.min() > 0 and values.max() / values.min() >= 100 and len(np.unique(values)) <= 10)


def line_sample(series: int) -> str:
    """Returns a short piece of a series' line as SVG, for a key."""
    gap = " ".join(f"{1.6 * g:g}" for g in DASHES[series % SERIES])
    return _sample(f'd="M1 8H34" fill="none" stroke-width="2.2" stroke-dasharray="{gap}"', series)


def marker_sample(series: int) -> str:
    """Returns a series' marker as SVG, for a key."""
    return _sample(f'd="{_SHAPES[series % SERIES]}" fill="var(--series-{series % SERIES})"', series)


def line_key(names: Sequence[str]) -> list[tuple[str, str]]:
    """Returns the names of a chart's lines, each with a sample of its line."""
    return [(name, line_sample(i)) for i, name in enumerate(names)]


def marker_key(names: Sequence[str]) -> list[tuple[str, str]]:
    """Returns the names of a chart's series, each with its marker."""
    return [(name, marker_sample(i)) for i, name in enumerate(names)]


def _sample(path: str, series: int) -> str:
    stroke = f'stroke="var(--series-{series % SERIES})"'
    return f'<svg viewBox="0 0 35 16" aria-hidden="true"><path {path} {stroke}/></svg>'


def case_chart(title: str, columns: Sequence[Sequence[float]], width: float) -> Chart | None:
    """Draws a score for each case, cases side by side in the order given, with one marker for each series.

    Args:
        title: the title of the chart.
        columns: the values of each series, case by case; NaN and infinity leave a gap.
        width: the width of the chart in inches.

    Returns:
        The chart; None when there is no finite value to draw.
    """
    values = np.array(columns, dtype=np.float64)
    values[~np.isfinite(values)] = np.nan
    if values.size == 0 or np.isnan(values).all():
        return None
    rank = np.arange(1, values.shape[1] + 1)
    with mpl.rc_context(STYLE):
        figure, axes = new_axes(width=width, height=2.5)
        shown = ~np.isnan(values).all(axis=0)
        low, high = np.nanmin(values[:, shown], axis=0), np.nanmax(values[:, shown], axis=0)
        axes.vlines(rank[shown], low, high, color=INK, linewidth=0.9, alpha=0.5)
        for series, row in enumerate(values):
            axes.plot(
                rank,
                row,
                linestyle="none",
                marker=MARKERS[series % len(MARKERS)],
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


def scatter(title: str, x: ArrayLike, y: ArrayLike, labels: tuple[str, str]) -> Chart | None:
    """Draws numbers from 0 against each other on axes of one length, with the line on which they are equal.

    Args:
        title: the title of the chart.
        x, y: the numbers of each point; a point with NaN or infinity is left out.
        labels: the labels of both axes.

    Returns:
        The chart; None when there is no point to draw.
    """
    points = np.array([x, y], dtype=np.float64)
    points = points[:, np.isfinite(points).all(axis=0)]
    if points.size == 0:
        return None
    longest = max(1.0, float(points.max()))
    with mpl.rc_context(STYLE):
        figure, axes = new_axes(height=NARROW)
        axes.plot((0, longest), (0, longest), color=INK, linewidth=0.9, linestyle=(0, (2, 2)))
        axes.plot(*points, linestyle="none", marker="o", color=series_colour(0), alpha=0.7, markeredgewidth=0)
        for axis, label in zip((axes.xaxis, axes.yaxis), labels, strict=True):
            axis.set_label_text(label)
            axis.set_major_locator(MaxNLocator(nbins=6, integer=True, min_n_ticks=1))
        axes.set_xlim(-0.04 * longest, 1.04 * longest)
        axes.set_ylim(axes.get_xlim())
        axes.set_aspect("equal")
        return Chart(title, as_svg(figure, title))


def histogram(title: str, values: Sequence[float], x_label: str, y_label: str = "objects") -> Chart | None:
    """Draws how often values occur, in bins of equal width (one for each number where few whole ones occur).

    Returns:
        The chart; None when there is no finite value to draw.
    """
    drawn = np.asarray(values, np.float64)
    drawn = drawn[np.isfinite(drawn)]
    if not len(drawn):
        return None
    low, high = float(drawn.min()), float(drawn.max())
    if (drawn == np.rint(drawn)).all() and high - low < BINS:
        edges = np.arange(low - 0.5, high + 1)
    else:
        edges = np.linspace(low, high, BINS + 1) if high > low else np.array([low - 0.5, low + 0.5])
    with mpl.rc_context(STYLE):
        figure, axes = new_axes()
        axes.hist(drawn, edges.tolist(), color=series_colour(0), rwidth=0.9, linewidth=0)
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)
        axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True, min_n_ticks=1))
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=len(edges) <= 2))
        axes.grid(visible=False, axis="x")
        return Chart(title, as_svg(figure, title))


def new_axes(width: float = NARROW, height: float = 2.5) -> tuple[Figure, Axes]:
    """Returns an empty figure, its size in inches, and its axes."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasSVG(figure)
    return figure, figure.add_subplot()


def name_places(axes: Axes, names: Sequence[str]) -> None:
    """Writes a name below each place 0, 1, 2, …, turned if there is little room, and its start if it is long."""
    names = [name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…" for name in names]
    turned = max(map(len, names), default=0) * len(names) > 36
    axes.set_xticks(
        range(len(names)), names, rotation=30 if turned else 0, ha="right" if turned else "center"
    )
    axes.set_xlim(-0.6, len(names) - 0.4)
    axes.grid(visible=False, axis="x")


def write_plainly(axes: Axes) -> None:
    """Writes the numbers of the vertical axis without zeros at their end."""
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def series_colour(index: int) -> str:
    """Returns the placeholder that `as_svg` replaces by the page's colour of a series."""
    return f"#fd000{index % SERIES}"


def _open_tag(label: str) -> Callable[[re.Match[str]], str]:
    return lambda found: f'<svg {found[1]} role="img" aria-label="{escape(label)}">'


def as_svg(figure: Figure, label: str) -> str:
    """Returns the figure as one <svg> element with the page's colours and type, unique ids and no size of its own."""
    buffer = io.StringIO()
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", "Glyph .* missing", UserWarning
        )  # the page's fonts draw the letters
        figure.savefig(
            buffer,
            format="svg",
            transparent=True,
            metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")),
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

"""Charts of a study: curves with a band over folds, bars, influence, ranks."""

from __future__ import annotations

import math
from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from isthmus.report.charts import (
    DASHES,
    INK,
    MARKERS,
    NARROW,
    STYLE,
    Chart,
    as_svg,
    name_places,
    new_axes,
    series_colour,
    write_plainly,
)

Curves = Sequence[NDArray[np.float64]]


def bar_width(bars: int) -> float:
    """Returns the width in inches of a chart with so many bars; many bars are thin."""
    return min(9.0, max(NARROW, 0.55 * bars + 1.0))


def tick_width(ticks: int) -> float:
    """Returns the width in inches of a chart over so many values of a parameter."""
    return max(3.2, 0.6 * ticks + 1.2)


def bands(title: str, series: Sequence[Curves], y_label: str) -> Chart | None:
    """Draws for each series the mean over its runs after each epoch, in a band from the lowest to the highest run.

    A run that stopped early keeps its last score. None when there is no finite value to draw, as in all charts here.
    """
    filled = [_filled(runs) for runs in series]
    if not any(np.isfinite(table).any() for table in filled):
        return None
    with mpl.rc_context(STYLE):
        figure, axes = new_axes(width=3.9, height=2.7)
        for i, table in enumerate(filled):
            known = np.isfinite(table).any(axis=0) if table.size else np.zeros(0, bool)
            if not known.any():
                continue
            epochs = np.arange(1, table.shape[1] + 1)[known]
            shown = table[:, known]
            axes.fill_between(
                epochs,
                np.nanmin(shown, axis=0),
                np.nanmax(shown, axis=0),
                color=series_colour(i),
                alpha=0.16,
                linewidth=0,
            )
            axes.plot(
                epochs,
                np.nanmean(shown, axis=0),
                color=series_colour(i),
                dashes=DASHES[i % len(DASHES)] or (None, None),
                marker=MARKERS[i % len(MARKERS)] if len(epochs) == 1 else None,
            )
        axes.set_xlabel("epoch")
        axes.set_ylabel(y_label)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True, min_n_ticks=1))
        write_plainly(axes)
        return Chart(title, as_svg(figure, title))


def bars(
    title: str,
    names: Sequence[str],
    groups: Sequence[tuple[str, Sequence[float], Sequence[float]]],
    y_label: str,
) -> Chart | None:
    """Draws means as bars with their standard deviations, in a group for each (label, means, deviations)."""
    if not any(math.isfinite(mean) for _, means, _ in groups for mean in means):
        return None
    width = 0.8 / len(names)
    with mpl.rc_context(STYLE):
        figure, axes = new_axes(width=bar_width(len(names) * len(groups)), height=2.8)
        tops: list[float] = []
        bottoms: list[float] = []
        for i in range(len(names)):
            at = np.arange(len(groups)) + (i - (len(names) - 1) / 2) * width
            means = np.array([group[1][i] for group in groups], np.float64)
            spread = np.nan_to_num(np.array([group[2][i] for group in groups], np.float64))
            axes.bar(at, np.nan_to_num(means), width * 0.86, color=series_colour(i), alpha=0.85, linewidth=0)
            axes.errorbar(at, means, spread, fmt="none", ecolor=INK, elinewidth=1.0, capsize=3)
            tops += [float(m + s) for m, s in zip(means, spread, strict=True) if math.isfinite(m)]
            bottoms += [float(min(m, 0.0)) for m in means if math.isfinite(m)]
        axes.set_ylim(min(0.0, min(bottoms) * 1.06), max(0.0, max(tops) * 1.06) or float(min(bottoms) == 0))
        name_places(axes, [label for label, _, _ in groups])
        axes.set_ylabel(y_label)
        write_plainly(axes)
        return Chart(title, as_svg(figure, title))


def influence(
    title: str, ticks: Sequence[str], lines: Sequence[tuple[Sequence[float], Sequence[float]]], y_label: str
) -> Chart | None:
    """Draws means with standard deviations over the values of a parameter, a line for each (means, deviations)."""
    if not any(math.isfinite(mean) for means, _ in lines for mean in means):
        return None
    with mpl.rc_context(STYLE):
        figure, axes = new_axes(width=tick_width(len(ticks)))
        for i, (means, spreads) in enumerate(lines):
            axes.errorbar(
                np.arange(len(ticks)),
                means,
                np.nan_to_num(np.array(spreads, np.float64)),
                color=series_colour(i),
                marker=MARKERS[i % len(MARKERS)],
                markersize=4.5,
                elinewidth=0.8,
                capsize=2.5,
            )
        name_places(axes, ticks)
        axes.set_ylabel(y_label)
        write_plainly(axes)
        return Chart(title, as_svg(figure, title))


def ranks(title: str, series: Sequence[Sequence[float]], x_label: str, y_label: str) -> Chart | None:
    """Draws values over their rank, which starts at 1, with a line for each series."""
    if not any(len(values) for values in series):
        return None
    with mpl.rc_context(STYLE):
        figure, axes = new_axes(width=3.9, height=2.7)
        for i, values in enumerate(series):
            axes.plot(
                np.arange(1, len(values) + 1),
                values,
                color=series_colour(i),
                dashes=DASHES[i % len(DASHES)] or (None, None),
                marker=MARKERS[i % len(MARKERS)],
                markersize=4,
            )
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True, min_n_ticks=1))
        write_plainly(axes)
        return Chart(title, as_svg(figure, title))


def _filled(runs: Curves) -> NDArray[np.float64]:
    longest = max((len(run) for run in runs), default=0)
    table = np.full((len(runs), longest), np.nan)
    for line, run in zip(table, runs, strict=True):
        line[: len(run)] = run
        finite = run[np.isfinite(run)]
        if len(finite):
            line[len(run) :] = finite[-1]
    return table

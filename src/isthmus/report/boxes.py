"""Box plots with significance bars."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np

from isthmus.report.charts import (
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


def stars(p: float) -> str:
    """Returns a p-value as stars.

    >>> stars(0.2), stars(0.04), stars(0.004), stars(0.0004)
    ('n.s.', '*', '**', '***')
    """
    return "***" if p <= 0.001 else "**" if p <= 0.01 else "*" if p <= 0.05 else "n.s."


def box_width(names: int) -> float:
    """Returns the width in inches of a chart with so many boxes."""
    return max(NARROW, 0.75 * names + 1.2)


@dataclass(frozen=True)
class TestBar:
    """A test between two boxes: their places, from 0, and the adjusted p-value."""

    __test__ = False  # no test case of pytest

    first: int
    second: int
    p: float


def boxes(
    title: str,
    names: Sequence[str],
    values: Sequence[Sequence[float]],
    y_label: str,
    marks: Sequence[TestBar] = (),
) -> Chart | None:
    """Draws a box and a dot for each value under each name, and a bar with stars over each tested pair."""
    columns = [np.array([v for v in each if math.isfinite(v)]) for each in values]
    if not any(len(each) for each in columns):
        return None
    with mpl.rc_context(STYLE):
        figure, axes = new_axes(width=box_width(len(names)), height=3.0 + 0.16 * len(marks))
        for i, column in enumerate(columns):
            if not len(column):
                continue
            line = {"color": series_colour(i), "linewidth": 1.3}
            axes.boxplot(
                [column],
                positions=[i],
                widths=0.5,
                whis=(0, 100),
                manage_ticks=False,
                boxprops=line,
                whiskerprops=line,
                capprops=line,
                medianprops=line | {"linewidth": 2.2},
            )
            spread = np.linspace(-0.12, 0.12, len(column)) if len(column) > 1 else np.zeros(1)
            axes.plot(
                i + spread,
                column,
                linestyle="none",
                marker=MARKERS[i % len(MARKERS)],
                color=series_colour(i),
                markersize=3,
                markeredgewidth=0,
                alpha=0.7,
            )
        low, high = min(c.min() for c in columns if len(c)), max(c.max() for c in columns if len(c))
        step = 0.09 * ((high - low) or abs(high) or 1.0)
        for level, mark in enumerate(marks):
            y = high + step * (level + 0.8)
            left, right = sorted((mark.first, mark.second))
            axes.plot(
                [left, left, right, right], [y - step / 4, y, y, y - step / 4], color=INK, linewidth=0.8
            )
            axes.text((left + right) / 2, y, stars(mark.p), ha="center", va="bottom", fontsize=7.5)
        axes.set_ylim(low - step, high + step * (len(marks) + 1))
        name_places(axes, names)
        axes.set_ylabel(y_label)
        write_plainly(axes)
        return Chart(title, as_svg(figure, title))

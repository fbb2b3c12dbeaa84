"""The figures of a run's report by name: each is a function from what is reported to charts under one heading."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from isthmus.plugins import Registry, deferred
from isthmus.report.charts import NARROW, Chart
from isthmus.runs.results import Run


@dataclass(frozen=True)
class Figure:
    """Charts under one heading of a page.

    Attributes:
        title: the heading.
        caption: text that readers need; without charts, the reason why there are none.
        charts: one or more charts, side by side where the page is wide enough.
        key: names of the series with a sample of each, as `line_key` or `marker_key` make it; empty if the charts
            name their series themselves.
        width: the width of a chart in inches.
    """

    layout: ClassVar[str] = "charts"
    title: str
    caption: str
    charts: Sequence[Chart]
    key: Sequence[tuple[str, str]] = ()
    width: float = NARROW

    @property
    def is_wide(self) -> bool:
        """Whether it is one chart that takes the width of the page."""
        return len(self.charts) == 1 and self.width > 6

    @property
    def columns(self) -> str:
        """The least width of a chart on the page, in units of the page's type, at which its labels stay readable."""
        return f"{min(60.0, 4.2 * self.width):.0f}rem"


@dataclass(frozen=True)
class Reported:
    """What a page reports.

    Attributes:
        run: the run; for a cross-validation, all folds as one run whose cases are scored once.
        runs: the run itself, or the folds.
    """

    run: Run
    runs: Sequence[Run]


DrawFigure: TypeAlias = Callable[[Reported], Figure | None]
FIGURES: Registry[DrawFigure] = Registry("figure")
"""Every figure of a run's report, in the order of the page."""


def register_figure(name: str, draw: DrawFigure) -> None:
    """Adds a figure to the report of every run and cross-validation.

    Args:
        name: its name, which is also its anchor on the page.
        draw: makes the figure; returns None if it has nothing to show, as for a run without scores.

    Raises:
        ValueError: the name is taken.
    """
    FIGURES.register(name, draw)


def draw_figures(reported: Reported) -> list[tuple[str, Figure]]:
    """Returns the anchor and the figure of every registered kind that has something to show."""
    drawn = [(f"figure-{name}", draw(reported)) for name, draw in FIGURES.items()]
    return [(anchor, figure) for anchor, figure in drawn if figure is not None]


register_figure("training", deferred("isthmus.report.figures.training:draw"))
register_figure("case-scores", deferred("isthmus.report.figures.case_scores:draw"))
register_figure("object-counts", deferred("isthmus.report.figures.object_counts:draw"))

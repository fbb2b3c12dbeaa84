"""What the figures of a study are drawn from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from isthmus.report.charts import Chart
from isthmus.studies.results import Results
from isthmus.studies.study_folder import StudyFolder
from isthmus.watch import Silent, Watch

T = TypeVar("T")


@dataclass(frozen=True)
class FigureSource:
    """The scores of a study, its folder, and what several figures share.

    Attributes:
        results: the scores of the finished cells.
        folder: the folder of the study.
        watch: receives the progress of slow figures.
    """

    results: Results
    folder: StudyFolder
    watch: Watch = field(default_factory=Silent)
    _shared: dict[str, Any] = field(default_factory=dict)

    def shared(self, name: str, make: Callable[[], T]) -> T:
        """Returns what `make` returns; it is called for the first figure and kept for the others."""
        if name not in self._shared:
            self._shared[name] = make()
        return cast(T, self._shared[name])


def without_empty(charts: list[Chart | None]) -> list[Chart]:
    """Returns the charts that have something to show."""
    return [chart for chart in charts if chart is not None]

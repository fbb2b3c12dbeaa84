"""The scores of all cases: by row, their summaries and means, and as a table on disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isthmus.evaluation.score_files import refuse_to_replace
from isthmus.files import sweep
from isthmus.metrics import Counts, Summary, pooled
from isthmus.metrics.object_states import add_up
from isthmus.metrics.rows import by_class, summaries
from isthmus.metrics.table import columns
from isthmus.runs.files import write_csv

MISSES = ("n_missed", "n_both_empty", "n_false_alarm")


@dataclass(frozen=True)
class Evaluation:
    """The scores of every case.

    Attributes:
        rows: one for each case and foreground class, with all metrics and counts (`isthmus.metrics.rows`).
        objects: whether object metrics are among them.
        unit: unit of the distances, in words.
    """

    rows: list[dict[str, Any]]
    objects: bool = False
    unit: str = "pixels"

    def summaries(self) -> dict[str, dict[str, Summary]]:
        """Returns mean, standard deviation, median, extremes, ``n`` and how many were missed, by class and metric."""
        return summaries(self.rows)

    def means(self) -> dict[str, dict[str, float]]:
        """Returns by class the mean of each metric over cases, and how many cases there are (``n``), of which
        ``n_missed``, ``n_both_empty`` and ``n_false_alarm``; a missed case counts in every mean."""
        result: dict[str, dict[str, float]] = {}
        for name, found in self.summaries().items():
            one = next(iter(found.values()))
            result[name] = {metric: summary.mean for metric, summary in found.items()}
            result[name]["n"] = sum(row["class"] == name for row in self.rows)
            result[name] |= {count: getattr(one, count) for count in MISSES}
        return result

    def pooled(self) -> dict[str, Counts]:
        """Returns by class the overlap with all cases taken as one large image."""
        return {name: pooled(rows) for name, rows in by_class(self.rows).items()}

    def objects_found(self) -> dict[str, dict[str, int]]:
        """Returns by class the number of objects of each state in all cases (`isthmus.metrics.object_states`)."""
        return {name: add_up(rows) for name, rows in by_class(self.rows).items()} if self.objects else {}

    def write(self, path: Path, overwrite: bool = False) -> None:
        """Writes the rows as CSV; a file that is not an earlier table of scores is replaced only with ``overwrite``.

        Raises:
            IsthmusError: another file is there, or it cannot be written.
        """
        refuse_to_replace(path, overwrite, instead="choose another name, or replace it with overwrite=True")
        sweep(path.parent)
        write_csv(path, self.rows, columns(objects=self.objects))

"""The result of a comparison: its tables, and the page that shows them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

from isthmus.comparison.agreement import agreements
from isthmus.comparison.differences import Difference, claims, differences
from isthmus.comparison.masks import CaseMasks
from isthmus.comparison.options import CompareOptions
from isthmus.comparison.page import write_page
from isthmus.comparison.pictures import Picture
from isthmus.comparison.scores import ProgramScores
from isthmus.comparison.tables.agreement import agreement_table
from isthmus.comparison.tables.cases import case_table
from isthmus.comparison.tables.differences import claim_table, difference_table
from isthmus.comparison.tables.scores import score_table
from isthmus.errors import IsthmusError, nearest
from isthmus.report.printed import PrintedTable


@dataclass(frozen=True)
class ProgramComparison:
    """Programs compared on the same cases.

    Attributes:
        scores: the scores of every case.
        options: what is compared.
        metrics: the compared metrics, the most important one first.
        sources: paths that were read, in which no page is written.
        masks: reads the masks of a case for its picture; None: only scores are known.
        picture: reads the image of a case; None: there are none.
    """

    scores: ProgramScores
    options: CompareOptions
    metrics: Sequence[str]
    sources: Sequence[Path] = ()
    masks: Callable[[str], CaseMasks] | None = None
    picture: Picture | None = None

    @cached_property
    def differences(self) -> list[Difference]:
        """Every two programs in each class and metric, with all statistics."""
        return [
            each
            for metric in self.metrics
            for label in self.scores.labels
            for each in differences(self.scores, label, metric, self.options)
        ]

    @cached_property
    def printed(self) -> dict[str, PrintedTable]:
        """The tables by name: scores, differences, non-inferiority, agreement, cases."""
        scores, options, metrics = self.scores, self.options, self.metrics
        main = [each for each in self.differences if each.metric == metrics[0]]
        readers = [each for label in scores.labels for each in agreements(scores, label, options.seed)]
        made = [
            score_table(scores, metrics, options),
            difference_table(scores, self.differences, options),
            claim_table(scores, claims(main, options), metrics[0], options),
            agreement_table(scores, readers),
            case_table(scores, metrics[0], options),
        ]
        return {table.name: table for table in made if table is not None}

    @property
    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """The rows of each table with every number."""
        return {name: [dict(row) for row in table.records] for name, table in self.printed.items()}

    def to_pandas(self, table: str = "differences") -> Any:
        """Returns a table as a data frame of pandas, which has to be installed.

        Raises:
            IsthmusError: there is no such table, or no pandas.
        """
        if table not in self.tables:
            raise IsthmusError(f"no table '{table}' in this comparison: {nearest(table, self.tables)}")
        try:
            pandas = import_module("pandas")
        except ImportError as error:
            raise IsthmusError("pandas is not installed; install it, or take .tables") from error
        return pandas.DataFrame(self.tables[table])

    def save(self, out: Path | str, *, overwrite: bool = False) -> Path:
        """Writes ``report.html`` and the folder ``tables/`` with each table as CSV, LaTeX and Markdown.

        Args:
            out: a folder; or a page that ends in ``.html``, whose tables are written beside it.
            overwrite: whether files of others may be replaced.

        Returns:
            The path of the page.

        Raises:
            IsthmusError: a file that is not an earlier page is in the way, or the place belongs to the data.
        """
        return write_page(self, Path(out), overwrite)

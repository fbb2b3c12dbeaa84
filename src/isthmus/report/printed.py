"""Tables as files: CSV with every number, LaTeX and Markdown as printed."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isthmus.report.tables import Cell, Table
from isthmus.runs.files import cell, write_text

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "±": r"$\pm$",
    "−": r"$-$",
    "–": "--",
    "∞": r"$\infty$",
    "×": r"$\times$",
    "≤": r"$\leq$",
    "\u00a0": "~",
}


@dataclass(frozen=True)
class PrintedTable:
    """A table for the page and for files.

    Attributes:
        name: the name of its files.
        title: the heading.
        caption: text that readers need.
        table: its rows as printed.
        records: its rows with every number, for CSV.
    """

    name: str
    title: str
    caption: str
    table: Table
    records: Sequence[Mapping[str, Any]]

    def csv(self) -> str:
        """Returns the records; a number that is NaN is an empty cell."""
        text = io.StringIO()
        columns = list(dict.fromkeys(key for record in self.records for key in record))
        writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
        writer.writerow({key: cell(key) for key in columns})
        writer.writerows(
            {key: _plain(cell(value)) for key, value in record.items()} for record in self.records
        )
        return text.getvalue()

    def markdown(self) -> str:
        """Returns the table as Markdown, with the caption below."""
        heads = [name for name, _ in self.table.columns]
        rules = ["---:" if numeric else "---" for _, numeric in self.table.columns]
        rows = [[_bar(f"**{c.text}**" if c.strong else c.text) for c in row] for row in self.table.rows]
        lines = [f"| {' | '.join(cells)} |" for cells in ([_bar(head) for head in heads], rules, *rows)]
        return "\n".join([f"**{self.title}**", "", *lines, "", self.caption, ""])

    def latex(self) -> str:
        """Returns a LaTeX table environment, which needs the package booktabs."""
        columns = "".join("r" if numeric else "l" for _, numeric in self.table.columns)
        heads = " & ".join(escape(name) for name, _ in self.table.columns)
        rows = [" & ".join(map(_latex_cell, row)) + r" \\" for row in self.table.rows]
        label = re.sub(r"\W+", "-", self.name)
        return "\n".join(
            [
                r"\begin{table}",
                r"\centering",
                rf"\caption{{{escape(self.title)}. {escape(self.caption)}}}",
                rf"\label{{tab:{label}}}",
                rf"\begin{{tabular}}{{{columns}}}",
                r"\toprule",
                heads + r" \\",
                r"\midrule",
                *rows,
                r"\bottomrule",
                r"\end{tabular}",
                r"\end{table}",
                "",
            ]
        )

    def write(self, folder: Path) -> None:
        """Writes NAME.csv, NAME.tex and NAME.md."""
        for path, text in zip(
            files_of(folder, self.name), (self.csv(), self.latex(), self.markdown()), strict=True
        ):
            write_text(path, text)


def files_of(folder: Path, name: str) -> list[Path]:
    """Returns the files of a table."""
    return [folder / f"{name}{suffix}" for suffix in (".csv", ".tex", ".md")]


def discard(folder: Path, name: str) -> None:
    """Removes the files of a table that was written before and is not any more."""
    for path in files_of(folder, name):
        path.unlink(missing_ok=True)


def escape(text: str) -> str:
    """Returns text with LaTeX's special characters escaped.

    >>> escape("Jaccard (%) of my_net, 1 ± 2")
    'Jaccard (\\\\%) of my\\\\_net, 1 $\\\\pm$ 2'
    """
    return "".join(_SPECIAL.get(letter, letter) for letter in text)


def _latex_cell(cell: Cell) -> str:
    text = escape(cell.text)
    return rf"\textbf{{{text}}}" if cell.strong else text


def _bar(text: str) -> str:
    """Returns text that stays in its cell."""
    return " ".join(text.splitlines()).replace("|", r"\|")


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return "" if value != value else f"{value:.10g}"
    return value

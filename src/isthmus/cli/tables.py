"""Tables on standard output."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from isthmus.cli.streams import printable

if TYPE_CHECKING:
    from isthmus.data.cases import Case
    from isthmus.data.splits.folds import Split

WIDTH = 100_000
"""Columns if the output is not a terminal, so that each row is one line."""


def table_of(*titles: str, numbers: Any = ()) -> Any:
    """Makes a table with these titles; columns named in `numbers` are aligned to the right."""
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in titles:
        table.add_column(title, justify="right" if title in numbers else "left", overflow="fold")
    return table


def add_row(table: Any, *cells: str) -> None:
    """Adds a row of plain text."""
    from rich.text import Text

    table.add_row(*(Text(printable(cell)) for cell in cells))


def print_table(table: Any) -> None:
    """Prints a table in the width of the terminal; without a terminal, one line for each row."""
    from rich.console import Console

    console = Console(highlight=False, markup=False)
    if console.is_terminal:
        console.print(table)
        return
    wide = Console(width=WIDTH, highlight=False, markup=False)
    with wide.capture() as text:
        wide.print(table)
    print("\n".join(line.rstrip() for line in text.get().splitlines()))


def split_table(found: list[Split], cases: tuple[Case, ...], foreground: dict[str, float]) -> Any:
    """Makes a table with a row for each split: cases, groups and mean foreground of each set.

    Args:
        found: the splits.
        cases: all cases of the data set.
        foreground: share of foreground pixels, 0 to 1, by case id.
    """
    group = {case.id: case.group for case in cases}
    grouped = len(set(group.values())) < len(group)
    sides = [side for side in ("train", "validation", "test") if side in found[0].sides()]
    titles = ["repeat"] * (found[-1].repeat > 0) + ["fold"]
    for side in sides:
        titles += [side, *(["groups"] if grouped else []), "foreground"]
    table = table_of(*titles, numbers=titles)
    for split in found:
        row = ([str(split.repeat)] if found[-1].repeat else []) + [str(split.fold)]
        for side in sides:
            ids = split.sides()[side]
            row.append(str(len(ids)))
            row += [str(len({group[i] for i in ids}))] if grouped else []
            row.append(f"{sum(foreground[i] for i in ids) / len(ids):.1%}")
        add_row(table, *row)
    return table

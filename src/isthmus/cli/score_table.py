"""Scores on standard output: a table over classes and metrics, and the sentence that says what its numbers mean."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from isthmus.cli.streams import printable

if TYPE_CHECKING:
    from isthmus.evaluation.scores import Evaluation

DISTANCES = {
    "diagonal": "the image diagonal as its distance",
    "infinity": "an infinite distance",
    "exclude": "no distance",
}
"""The distance of a missed case, by the rule for empty masks."""

COUNTS = ("n", "missed", "both empty", "false alarm")
GAP = 2
SHORTEST_NAME = 12


def print_scores(result: Evaluation) -> None:
    """Prints mean, standard deviation, number of cases and misses of each class and metric.

    Nothing is cut: if the table is too wide for the terminal, titles are broken, then names of classes; numbers stay
    whole.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    rows = _rows(result)
    console = Console()
    titles = ["class", "metric", "mean", "sd", *COUNTS]
    widths = _widths(titles, rows)
    if sum(widths) > console.width:
        titles = [title.replace(" ", "\n") for title in titles]
        widths = _widths(titles, rows)
    widths[0] = min(widths[0], max(console.width - sum(widths[1:]), SHORTEST_NAME + GAP))
    table = Table(box=None, header_style="bold", padding=(0, GAP, 0, 0))
    for place, (title, width) in enumerate(zip(titles, widths, strict=True)):
        table.add_column(
            title,
            justify="left" if place < 2 else "right",
            width=width - GAP,
            overflow="fold",
            no_wrap=place > 0,
        )
    for row in rows:
        table.add_row(*map(Text, row))
    Console(width=max(console.width, sum(widths))).print(table)


def describe_scores(
    result: Evaluation, target: Path, tolerance: float = 1.0, missing: str = "diagonal"
) -> str:
    """Returns where the scores are written, on which grid they were computed, and in which unit."""
    return (
        f"{len(result.rows)} rows in {target}, scored on the masks' own grid; distances (and the tolerance of surface "
        f"Dice, {tolerance:g}) are in {result.unit}; a missed case has Dice 0 and {DISTANCES[missing]}"
    )


def describe_objects(result: Evaluation) -> list[str]:
    """Returns a line for each class whose objects were scored: how many are found, missed, false, merged and split."""
    from isthmus.metrics.object_states import in_a_line

    found = {name: counts for name, counts in result.objects_found().items() if counts}
    return [
        f"objects{f' of {printable(name)}' if len(found) > 1 else ''}: {in_a_line(counts)}"
        for name, counts in found.items()
    ]


def _rows(result: Evaluation) -> list[tuple[str, ...]]:
    from isthmus.metrics.table import is_shown, title

    rows = []
    for name, found in result.summaries().items():
        first = printable(name)
        for metric in (metric for metric in found if is_shown(metric, "evaluate")):
            s = found[metric]
            counts = (s.n, s.n_missed, s.n_both_empty, s.n_false_alarm)
            rows.append((first, title(metric), f"{s.mean:.4f}", f"{s.std:.4f}", *map(str, counts)))
            first = ""
    return rows


def _widths(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    """Returns the width of each column, including the gap behind it."""
    from rich.cells import cell_len

    return [
        GAP + max(map(cell_len, [*title.splitlines(), *(row[place] for row in rows)]))
        for place, title in enumerate(titles)
    ]

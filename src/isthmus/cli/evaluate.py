"""``isthmus evaluate``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isthmus.cli.progress import Display
from isthmus.cli.results import emit
from isthmus.cli.streams import shown
from isthmus.errors import IsthmusError

if TYPE_CHECKING:
    from isthmus.evaluation.scores import Evaluation

MISSED = {"diagonal": "the image diagonal", "infinity": "infinity", "exclude": "no number"}

COUNTS = ("n", "missed", "both empty", "false alarm")
GAP = 2
MIN_NAME = 12


def run(
    predictions: Path,
    truth: Path,
    root: Path | None,
    out: Path | None,
    partial: bool,
    display: Display,
    objects: bool | None = None,
    instances: bool | None = None,
    spacing: str | None = None,
    classes: str | None = None,
    tolerance: float = 1.0,
    missing: str = "diagonal",
    ignore: int | None = None,
    trained: Path | None = None,
    as_json: bool = False,
    overwrite: bool = False,
    axes: str | None = None,
) -> None:
    """Score a folder of masks, write the CSV and print what it comes to."""
    from isthmus.data.originals import refuse_among
    from isthmus.evaluation.score_files import refuse_to_replace
    from isthmus.evaluation.scores import evaluate_folder
    from isthmus.metrics.empty import as_missing

    target = out or predictions / "scores.csv"
    data = [truth] if root is None else [root]
    refuse_to_replace(target, overwrite, predictions=predictions, data=data)
    refuse_among(target.parent, data)
    result = evaluate_folder(
        predictions,
        truth,
        root=root,
        partial=partial,
        objects=objects,
        instances=instances,
        classes=None if classes is None else names(classes),
        spacing=None if spacing is None else steps(spacing),
        tolerance=tolerance,
        missing=as_missing(missing),
        ignore=ignore,
        run=trained,
        axes=axes,
        watch=display,
    )
    result.write(target, overwrite)
    if as_json:
        emit(_summary(result, target))
    else:
        show(result)
    display.say(
        f"{len(result.rows)} rows in {target}, scored on the masks' own grid; distances (and the {tolerance:g} within "
        f"which surface Dice counts) in {result.unit}; a missed case has Dice 0 and {MISSED[missing]} for a distance"
    )


def _summary(result: Evaluation, target: Path) -> dict[str, Any]:
    """By class each metric's summary over cases, and where the rows are."""
    return {
        "cases": len({row["case"] for row in result.rows}),
        "classes": result.summaries(),
        "unit": result.unit,
        "grid": "original",
        "scores": str(target),
    }


def show(result: Evaluation) -> None:
    """The table: for each class and metric mean, standard deviation, over how many cases, and what was missed.

    Nothing is cut: where it is too wide titles break, then names of classes; numbers stay whole whatever the width.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from isthmus.metrics.table import is_shown
    from isthmus.metrics.table import title as title_of

    rows = []
    for name, found in result.summaries().items():
        first = shown(name)
        for metric in (metric for metric in found if is_shown(metric, "evaluate")):
            s = found[metric]
            counts = (s.n, s.n_missed, s.n_both_empty, s.n_false_alarm)
            rows.append((first, title_of(metric), f"{s.mean:.4f}", f"{s.std:.4f}", *map(str, counts)))
            first = ""
    console = Console()
    titles = ["class", "metric", "mean", "sd", *COUNTS]
    widths = _widths(titles, rows)
    if sum(widths) > console.width:
        titles = [title.replace(" ", "\n") for title in titles]
        widths = _widths(titles, rows)
    widths[0] = min(widths[0], max(console.width - sum(widths[1:]), MIN_NAME + GAP))
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


def _widths(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    """Of each column, with the gap behind it."""
    from rich.cells import cell_len

    return [
        GAP + max(map(cell_len, [*title.splitlines(), *(row[place] for row in rows)]))
        for place, title in enumerate(titles)
    ]


def names(text: str) -> dict[int, str]:
    """Values and what they are called, separated by commas.

    >>> names("1=liver,2=kidney")
    {1: 'liver', 2: 'kidney'}
    """
    found: dict[int, str] = {}
    for part in text.split(","):
        value, _, name = (word.strip() for word in part.partition("="))
        if not value.isdecimal() or not name or int(value) in found:
            raise IsthmusError(
                f"--classes {text}: write each mask value once, with its name, as 1=liver,2=kidney"
            )
        found[int(value)] = name
    return found


def steps(text: str) -> tuple[float, ...] | float:
    """Numbers separated by commas.

    >>> steps("0.5,0.25"), steps("2")
    ((0.5, 0.25), 2.0)
    """
    try:
        numbers = tuple(float(word) for word in text.split(","))
    except ValueError as error:
        raise IsthmusError(
            f"--spacing {text}: write a number for each axis, as 0.5,0.5, or one for all"
        ) from error
    return numbers[0] if len(numbers) == 1 else numbers

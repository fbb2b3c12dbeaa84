"""Recognises tables of scores on disk: `isthmus evaluate` may replace those that it wrote."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

from isthmus.metrics.table import KEYS
from isthmus.outputs import OVERWRITE, Guard


def refuse_to_replace(
    target: Path,
    overwrite: bool = False,
    *,
    predictions: Path | None = None,
    data: Iterable[Path] = (),
    instead: str = OVERWRITE,
) -> None:
    """Refuses to write scores over a file that is not an earlier table of scores.

    Args:
        target: the file to write.
        overwrite: whether another file may be replaced.
        predictions: the folder of the masks that are scored.
        data: files and folders of the truth.
        instead: advice in the message.

    Raises:
        IsthmusError: a file of the data; another file, without ``overwrite``.
    """
    data = list(data)
    lists = [table for folder in data if folder.is_dir() for table in folder.glob("*.csv")]
    if predictions is not None:
        lists = [table for table in lists if table.parent.resolve() != predictions.resolve()]
        data.append(predictions)
    lists = [table for table in lists if not is_scores(table)]
    Guard([*data, *lists], overwrite).refuse(target, ours=is_scores, kind=".csv", instead=instead)


def is_scores(path: Path) -> bool:
    """Returns whether a file is a table of an evaluation; a run's own table names the set of each case."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.reader(file)
            header, first = next(rows, []), next(rows, [])
    except (OSError, ValueError, csv.Error):
        return False
    row = dict(zip(header, first, strict=False))
    return header[: len(KEYS)] == [*KEYS] and (row.get("set"), row.get("fold")) == ("", "")

"""``isthmus report``."""

from __future__ import annotations

from pathlib import Path


def run(path: Path, data: Path | None) -> Path:
    """Write the page of a run, or of the folds of one, from its files; its path."""
    return write(path, data)


def refuse_to_replace(folds: Path) -> None:
    """Before folds are trained: their page would replace no other file."""
    from isthmus.outputs import Guard
    from isthmus.report.run_page import OTHERS, is_page

    Guard().refuse(folds / "report.html", ours=is_page("crossval.html"), instead=OTHERS)


def write(path: Path, data: Path | None) -> Path:
    """``report.html``, with pictures where the data can still be read."""
    from isthmus.report import write_page

    return write_page(path, data)

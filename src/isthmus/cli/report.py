"""``isthmus report``."""

from __future__ import annotations

from pathlib import Path


def run(path: Path, data: Path | None) -> Path:
    """Write the page of a run, or of the folds of one, from its files; its path."""
    return write(path, data)


def write(path: Path, data: Path | None) -> Path:
    """``report.html``, with pictures where the data can still be read."""
    from isthmus.report import write_page

    return write_page(path, data)

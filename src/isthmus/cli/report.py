"""``isthmus report``."""

from __future__ import annotations

from pathlib import Path

from isthmus.errors import IsthmusError


def run(path: Path, data: Path | None) -> Path:
    """Write the page of a run from its files; its path."""
    return write(path, data)


def write(path: Path, data: Path | None) -> Path:
    """``report.html`` of a run, with pictures where the data can still be read."""
    from isthmus.report import write_report
    from isthmus.report.run_images import RunImages
    from isthmus.runs.folder import RunFolder

    folder = RunFolder.open(path)
    try:
        images = RunImages(folder, data)
    except IsthmusError:
        if data is not None:
            raise
        images = None
    return write_report(path, images=images)

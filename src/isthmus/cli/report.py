"""``isthmus report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from isthmus.cli.streams import show


def report(
    run: Annotated[Path, typer.Argument(help="A run folder, or the folder of a cross-validation.")],
    data: Annotated[
        Path | None,
        typer.Option(help="Where the images are now, if they have moved.", show_default=False),
    ] = None,
) -> None:
    """Rewrite RUN/report.html from the files of the run."""
    from isthmus.report import write_page

    show(write_page(run, data))

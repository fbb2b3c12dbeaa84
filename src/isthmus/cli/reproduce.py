"""``isthmus reproduce``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from isthmus.cli.options import Jobs, On
from isthmus.cli.streams import show


def reproduce(
    name: Annotated[
        str,
        typer.Argument(
            help="A table or figure of the papers, such as mildnet/table5; without one, all are listed.",
            show_default=False,
        ),
    ] = "",
    data: Annotated[
        Path | None,
        typer.Option(
            help="Folder that holds the data sets, each in a folder of its own name.", show_default=False
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the study.", show_default="reproduced/NAME")
    ] = None,
    scale: Annotated[
        str,
        typer.Option(
            help="paper, or small, which takes minutes on a laptop and uses phantoms in place of missing data."
        ),
    ] = "paper",
    jobs: Jobs = None,
    on: On = None,
    listing: Annotated[bool, typer.Option("--list", help="List the tables and figures.")] = False,
) -> None:
    """Recompute a table or figure of the four papers and show the paper's numbers beside it."""
    from isthmus.cli.progress import Display
    from isthmus.cli.study.results import write_results
    from isthmus.studies import papers
    from isthmus.studies.run import RunOptions
    from isthmus.studies.study_folder import StudyFolder

    if listing or not name:
        for each in papers.list_papers():
            show(f"{each:22} {papers.read_paper(each).study.title}")
        return
    folder = out or Path("reproduced") / name
    with Display() as display:
        options = RunOptions(jobs=jobs, scale=scale, on=on)
        outcome = papers.reproduce(name, folder, display, root=data, options=options)
        write_results(StudyFolder(folder), outcome, display)

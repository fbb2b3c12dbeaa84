"""``isthmus reproduce``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from isthmus.cli.options import Jobs, On
from isthmus.cli.streams import show
from isthmus.errors import IsthmusError

if TYPE_CHECKING:
    from isthmus.studies.run import RunOptions


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
    everything: Annotated[
        bool, typer.Option("--all", help="All tables and figures, in one folder and on one page.")
    ] = False,
    listing: Annotated[bool, typer.Option("--list", help="List the tables and figures.")] = False,
) -> None:
    """Recompute a table or figure of the four papers and show the paper's numbers beside it.

    With --all, one that fails does not stop the others; the exit code is 1 if cells failed, and 2 if a table or
    figure could not be made.
    """
    from isthmus.cli.progress import Display
    from isthmus.cli.study.results import write_results
    from isthmus.studies import papers
    from isthmus.studies.run import RunOptions
    from isthmus.studies.study_folder import StudyFolder

    if everything and name:
        raise IsthmusError(f"--all computes all tables and figures; leave out {name}, or --all")
    if everything and not listing:
        _all(out or Path("reproduced"), data, RunOptions(jobs=jobs, scale=scale, on=on))
        return
    if listing or not name:
        for each in papers.list_papers():
            show(f"{each:22} {papers.read_paper(each).study.title}")
        return
    folder = out or Path("reproduced") / name
    with Display() as display:
        options = RunOptions(jobs=jobs, scale=scale, on=on)
        outcome = papers.reproduce(name, folder, display, root=data, options=options)
        write_results(StudyFolder(folder), outcome, display)


def _all(out: Path, data: Path | None, options: RunOptions) -> None:
    from isthmus.cli.progress import Display
    from isthmus.studies.reproduced import reproduce_all
    from isthmus.studies.reproduced_page import PAGE

    with Display() as display:
        made = reproduce_all(out, display, root=data, options=options)
        show((out / PAGE).read_text(encoding="utf-8").rstrip())
    if any(each.fault for each in made):
        raise typer.Exit(2)
    if any(each.failed for each in made):
        raise typer.Exit(1)

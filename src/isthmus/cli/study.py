"""``isthmus study`` and ``isthmus reproduce``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from isthmus.cli.results import AsJson, emit
from isthmus.cli.streams import show

if TYPE_CHECKING:
    from isthmus.cli.progress import Display
    from isthmus.studies.running.execute import Outcome
    from isthmus.studies.running.progress import Span, Status
    from isthmus.studies.study_folder import Planned, StudyFolder

app = typer.Typer(
    name="study",
    help="Many runs that are compared: data × network × fold × repeat × grid.",
    no_args_is_help=True,
    add_completion=False,
)

Jobs = Annotated[
    int | None,
    typer.Option(
        help="Processes at a time, which share the cores.  [default: one a GPU, else one for 4 cores]",
        show_default=False,
    ),
]

On = Annotated[
    str | None,
    typer.Option(
        help="A Ray cluster: ray (that of this machine, else one is started), ray://HOST or HOST:PORT. "
        "[default: processes of this machine]",
        show_default=False,
    ),
]


@app.command("run")
def run_command(
    study: Annotated[Path, typer.Argument(help="The study, a YAML file.")],
    out: Annotated[Path, typer.Option(help="Folder of the study; what is done there is kept.")],
    root: Annotated[
        Path | None,
        typer.Option(help="Where built-in data sets lie, each in a folder of its name.", show_default=False),
    ] = None,
    jobs: Jobs = None,
    on: On = None,
) -> None:
    """Compute the cells that are missing, then write tables and page."""
    from isthmus.cli.progress import Display
    from isthmus.studies.planning import find_data
    from isthmus.studies.run import RunOptions, run_study
    from isthmus.studies.study import read_study
    from isthmus.studies.study_folder import StudyFolder

    with Display() as display:
        read = read_study(study)
        printed = _printed(study.parent / read.printed) if read.printed else None
        data = find_data(read, root, study.parent).complete()
        options = RunOptions(jobs=jobs, on=on)
        outcome = run_study(read, data, out, display, printed=printed, options=options)
        _finish(StudyFolder(out), outcome, display)


@app.command("status")
def status_command(
    folder: Annotated[Path, typer.Argument(help="The folder of a study.")], as_json: AsJson = False
) -> None:
    """Say how far a study is: done, running, failed, left, and the time spent and left."""
    from isthmus.studies.running.progress import status
    from isthmus.studies.study_folder import StudyFolder

    study = StudyFolder.open(folder)
    found = status(study)
    if as_json:
        emit(_status(study, found))
        return
    show(", ".join(f"{len(cells)} {state}" for state, cells in found.cells.items()))
    if found.spent.seconds:
        show(f"time spent on cells: {_span(found.spent)}")
    if found.count("running") + found.count("left"):
        left = f"about {_span(found.left)}" if found.left else "not known before a cell is done"
        show(f"time left: {left}")
    for cell in found.cells["running"]:
        show(f"running: {cell.label}{_epochs(study, cell)}")
    for cell in found.cells["left"]:
        if epochs := _epochs(study, cell):
            show(f"stopped: {cell.label}{epochs}")
    for cell in found.cells["failed"]:
        show(f"failed: {cell.label}: {study.why(cell.name)} (see {study.failure(cell.name)})")

    if beside := study.taken_outside(study.plan()):
        show(f"another command is computing {beside} other cells of this folder")


def _epochs(study: StudyFolder, cell: Planned) -> str:
    """How far a cell that was begun has come."""
    from isthmus.runs.standing import standing

    run = study.run(cell.name)
    if not run.recipe_path.is_file():
        return ""
    found = standing(run, running=False)
    return f", epoch {found.done} of {found.planned}" if found.done else ""


@app.command("tables")
def tables_command(folder: Annotated[Path, typer.Argument(help="The folder of a study.")]) -> None:
    """Write tables and page anew from the run folders alone, and print the scores."""
    from isthmus.cli.progress import Display
    from isthmus.studies.study_folder import StudyFolder

    with Display() as display:
        study = StudyFolder.open(folder)
        with study.held():
            _tables(study, display)


def reproduce(
    name: Annotated[
        str, typer.Argument(help="A table or figure of the papers, as mildnet/table5.", show_default=False)
    ] = "",
    data: Annotated[
        Path | None,
        typer.Option(help="Where the data sets lie, each in a folder of its name.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the study.  [default: reproduced/NAME]", show_default=False)
    ] = None,
    scale: Annotated[
        str,
        typer.Option(help="paper, or small: minutes on a laptop, on phantoms where the data is not there."),
    ] = "paper",
    jobs: Jobs = None,
    on: On = None,
    listing: Annotated[bool, typer.Option("--list", help="List the tables and figures.")] = False,
) -> None:
    """Compute a table or figure of the four papers again, beside the paper's own numbers."""
    from isthmus.cli.progress import Display
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
        _finish(StudyFolder(folder), outcome, display)


def _status(folder: StudyFolder, found: Status) -> dict[str, Any]:
    """Counts and labels of cells by state, seconds, and why cells failed."""
    return {
        "counts": {state: len(cells) for state, cells in found.cells.items()},
        "cells": {state: [cell.label for cell in cells] for state, cells in found.cells.items()},
        "failures": {cell.label: folder.why(cell.name) for cell in found.cells["failed"]},
        "seconds_spent": found.spent.seconds,
        "seconds_left": found.left and found.left.seconds,
    }


def _span(span: Span) -> str:
    from isthmus.report.summary import duration

    less = (
        ""
        if span.whole
        else " (of some cells only the epochs are known, not reading, scoring and predicting)"
    )
    return f"{duration(span.seconds)}{less}"


def _printed(path: Path) -> str:
    from isthmus.errors import IsthmusError

    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise IsthmusError(
            f"{path}: cannot be read ({error.strerror}); mend `printed` in the study"
        ) from error


def _finish(folder: StudyFolder, outcome: Outcome, display: Display) -> None:
    """Tables of what was asked for and is done; exit code 1 where cells failed."""
    with folder.held():
        if (request := outcome.request) is not None:  # another command may have run another study meanwhile
            folder.write(request.study, request.plan, {}, request.printed)
        plan = folder.plan()
        if folder.study().counted or any(folder.run(cell.name).finished() for cell in plan.cells):
            if folder.page_is_current() and not outcome.computed:
                show((folder.tables / "scores.md").read_text(encoding="utf-8"))
                display.say(f"tables in {folder.tables}, page in {folder.page}")
            else:
                _tables(folder, display)
    if outcome.failed:
        from isthmus.studies.run import failure_lines

        for line in failure_lines(outcome, plan, folder):
            display.say(line)
        raise typer.Exit(1)


def _tables(folder: StudyFolder, display: Display) -> None:
    from isthmus.studies.page import write_study

    sheets = write_study(folder, display)
    show(sheets[0].markdown())
    display.say(f"tables in {folder.tables}, page in {folder.page}")

"""What a command that computes a study writes and prints at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from isthmus.cli.streams import show

if TYPE_CHECKING:
    from isthmus.cli.progress import Display
    from isthmus.studies.running.execute import Outcome
    from isthmus.studies.study_folder import StudyFolder


def write_results(folder: StudyFolder, outcome: Outcome, display: Display) -> None:
    """Writes the tables of the requested cells that are done; returns the exit code, 1 if cells failed."""
    with folder.held():
        if (request := outcome.request) is not None:  # another command may have run another study meanwhile
            folder.write(request.study, request.plan, {}, request.printed)
        plan = folder.plan()
        if folder.study().counted or any(folder.run(cell.name).finished() for cell in plan.cells):
            if folder.page_is_current() and not outcome.computed:
                show((folder.tables / "scores.md").read_text(encoding="utf-8"))
                display.say(f"tables in {folder.tables}, page in {folder.page}")
            else:
                write_tables(folder, display)
    if outcome.failed:
        from isthmus.studies.run import failure_lines

        for line in failure_lines(outcome, plan, folder):
            display.say(line)
        raise typer.Exit(1)


def write_tables(folder: StudyFolder, display: Display) -> None:
    """Writes tables and page, and prints the first table."""
    from isthmus.studies.page import write_study

    tables = write_study(folder, display)
    show(tables[0].markdown())
    display.say(f"tables in {folder.tables}, page in {folder.page}")

"""``isthmus study run``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from isthmus.cli.options import Jobs, On
from isthmus.errors import IsthmusError


def run(
    study: Annotated[Path, typer.Argument(help="The study, a YAML file (docs/studies.md).")],
    out: Annotated[Path, typer.Option(help="Folder of the study; finished cells in it are kept.")],
    root: Annotated[
        Path | None,
        typer.Option(
            help="Folder that holds the built-in data sets, each in a folder of its own name.",
            show_default=False,
        ),
    ] = None,
    jobs: Jobs = None,
    on: On = None,
) -> None:
    """Compute the missing cells, then write the tables and the page.

    The exit code is 1 if some cells failed.
    """
    from isthmus.cli.progress import Display
    from isthmus.cli.study.results import write_results
    from isthmus.studies.planning import find_data
    from isthmus.studies.run import RunOptions, run_study
    from isthmus.studies.study import read_study
    from isthmus.studies.study_folder import StudyFolder

    with Display() as display:
        read = read_study(study)
        printed = _read_printed(study.parent / read.printed) if read.printed else None
        data = find_data(read, root, study.parent).complete()
        options = RunOptions(jobs=jobs, on=on)
        outcome = run_study(read, data, out, display, printed=printed, options=options)
        write_results(StudyFolder(out), outcome, display)


def _read_printed(path: Path) -> str:
    """Reads the paper's own numbers, a CSV that the study names."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise IsthmusError(
            f"{path}: cannot be read ({error.strerror}); correct `printed` in the study"
        ) from error

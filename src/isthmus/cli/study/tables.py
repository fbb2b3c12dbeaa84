"""``isthmus study tables``."""

from __future__ import annotations

from isthmus.cli.options import StudyPath


def tables(folder: StudyPath) -> None:
    """Rewrite the tables and the page from the run folders, and print the scores."""
    from isthmus.cli.progress import Display
    from isthmus.cli.study.results import write_tables
    from isthmus.studies.study_folder import StudyFolder

    with Display() as display:
        study = StudyFolder.open(folder)
        with study.held():
            write_tables(study, display)

"""What a study comes to: its tables as CSV, LaTeX and Markdown, its figures, and one self-contained page."""

from __future__ import annotations

from isthmus.report import run_page
from isthmus.studies.figures.figures import figures
from isthmus.studies.gallery.albums import albums
from isthmus.studies.gallery.predicted_cases import Album
from isthmus.studies.gallery.saliency import Explained, explained
from isthmus.studies.results import read_results
from isthmus.studies.study_folder import StudyFolder
from isthmus.studies.tables.formats import Sheet
from isthmus.studies.tables.parameters import count_sheet
from isthmus.studies.tables.scores import about, all_sheets
from isthmus.watch import Watch


def write_study(folder: StudyFolder, watch: Watch | None = None) -> list[Sheet]:
    """Write the tables and ``report.html`` of a study from its run folders alone.

    Raises:
        IsthmusError: no cell is finished yet, or a run cannot be read.
    """
    study, plan = folder.study(), folder.plan()
    looks: list[Explained] = []
    shown: list[Album] = []
    if study.counted:
        sheets, drawn, said = [count_sheet(study, folder.printed())], [], ""
    else:
        results = read_results(folder)
        sheets, drawn, said = all_sheets(results, folder), figures(results), about(results)
        shown, looks = albums(results, folder), explained(results, folder, watch)
    for sheet in sheets:
        sheet.write(folder.tables)
    states = [folder.state(cell.name) for cell in plan.cells]
    run_page.render(
        "study.html",
        folder.page,
        title=study.title or study.name,
        name=study.name,
        paper=study.paper,
        notes=study.notes,
        about=said,
        small=plan.scale == "small",
        sheets=[(f"table-{sheet.name}", sheet) for sheet in sheets],
        figures=[
            (f"figure-{i}", figure, run_page.line_key(figure.names) if figure.names else [])
            for i, figure in enumerate(drawn)
        ],
        albums=[(f"pictures-{i}", album) for i, album in enumerate(shown)],
        explained=[(f"explained-{i}", each) for i, each in enumerate(looks)],
        cells=len(states),
        done=states.count("done"),
        failed=states.count("failed"),
        files=folder.tables.name,
    )
    return sheets

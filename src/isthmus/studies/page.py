"""The tables of a study as CSV, LaTeX and Markdown, and its self-contained page."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from isthmus.report.printed import PrintedTable
from isthmus.report.render import render
from isthmus.studies.figure_registry import FIGURES, Section
from isthmus.studies.figures.source import FigureSource
from isthmus.studies.floors import warning
from isthmus.studies.results import read_results
from isthmus.studies.study_folder import StudyFolder
from isthmus.studies.tables.about import about
from isthmus.studies.tables.cells import cell_table
from isthmus.studies.tables.pairs import pair_table
from isthmus.studies.tables.parameters import parameter_table
from isthmus.studies.tables.scores import score_table
from isthmus.studies.tables.selection import selection_table
from isthmus.watch import Silent, Watch


def write_study(folder: StudyFolder, watch: Watch | None = None) -> list[PrintedTable]:
    """Writes the tables and ``report.html`` of a study from its run folders only.

    Args:
        folder: the folder of the study.
        watch: receives the progress of saliency maps.

    Returns:
        The tables, the scores first.

    Raises:
        IsthmusError: no cell is finished yet, or a run cannot be read.
    """
    study, plan = folder.study(), folder.plan()
    if study.counted:
        tables, sections, facts = [parameter_table(study, folder.printed())], [], ""
    else:
        source = FigureSource(read_results(folder), folder, watch or Silent())
        tables, sections, facts = _tables(source), _sections(source), about(source.results)
    for table in tables:
        table.write(folder.tables)
    states = [folder.state(cell.name) for cell in plan.cells]
    render(
        "study.html",
        folder.page,
        title=study.title or study.name,
        name=study.name,
        paper=study.paper,
        notes=study.notes,
        about=facts,
        small=plan.scale == "small",
        tables=[(f"table-{table.name}", table) for table in tables],
        sections=sections,
        cells=len(states),
        done=states.count("done"),
        failed=states.count("failed"),
        files=folder.tables.name,
    )
    return tables


def _tables(source: FigureSource) -> list[PrintedTable]:
    results = source.results
    pairs, selection = pair_table(results), selection_table(results)
    tables = [score_table(results), pairs, selection, cell_table(results, source.folder)]
    return [table for table in tables if table is not None]


def _sections(source: FigureSource) -> list[tuple[str, Section]]:
    """Draws the figures that the study names, in its order, each with its anchor on the page."""
    found: list[tuple[str, Section]] = []
    doubt = warning(source.results)
    for name in dict.fromkeys(source.results.study.figures):
        for i, section in enumerate(FIGURES.find(name)(source)):
            section = _cautioned(section, doubt) if doubt else section
            found.append((f"figure-{name}-{i + 1}" if i else f"figure-{name}", section))
    return found


def _cautioned(section: Any, doubt: str) -> Any:
    """Returns a section whose caption begins with what speaks against a comparison."""
    return replace(section, caption=f"{doubt}{section.caption}") if hasattr(section, "caption") else section

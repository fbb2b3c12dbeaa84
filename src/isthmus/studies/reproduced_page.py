"""The page on all tables and figures of the papers: a row for each, and a page of its own with its tables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scipy.stats import rankdata

from isthmus.errors import IsthmusError, counted
from isthmus.machine import cores
from isthmus.report.summary import DASH
from isthmus.runs.environment import describe_environment
from isthmus.runs.files import write_text
from isthmus.statistics import rank_correlation
from isthmus.studies.floors import Level, levels
from isthmus.studies.page_pictures import write_picture
from isthmus.studies.results import Results, better, case_measures, read_results
from isthmus.studies.running.times import processor, read_seconds
from isthmus.studies.study import Measure, Study
from isthmus.studies.study_folder import Key, StudyFolder
from isthmus.studies.tables.parameters import parameter_table
from isthmus.watch import duration

PAGE = "reproduced.md"
HEADS = (
    "Table or figure",
    "Cells",
    "Lowest cell",
    "Order, best first",
    "Paper's order",
    "Rank correlation",
    "Processor time",
    "Data",
)


SHOWN = 8
"""The largest number of networks, or points of a grid, whose order is shown in full."""
SMALL = """\
Small networks on few small images, real samples or drawn phantoms: what can be compared with the papers is the order of
the networks, not the numbers. """
ABOUT = """\
Written by `isthmus reproduce --all --scale {scale}`. {small}Lowest cell: the lowest mean Dice of
a run (one network, data set, fold and repeat) beside the floor that the recipe states. Rank correlation: Spearman's, of
our means and the paper's over networks, as the mean over the data sets (and classes); with two networks it can only be
1 or -1."""


@dataclass(frozen=True)
class Made:
    """What became of a table or figure.

    Attributes:
        name: one of `isthmus.studies.papers.list_papers`.
        fault: the line that says why it could not be made; empty if it was made.
        failed: lines on its cells that failed.
    """

    name: str
    fault: str = ""
    failed: tuple[str, ...] = ()


def write_page(out: Path, names: Sequence[str], made: Sequence[Made], scale: str = "small") -> None:
    """Writes ``reproduced.md``, and ``reproduced/NAME.md`` with the tables of each, from the folders of the studies."""
    faults = {each.name: each for each in made}
    rows, seconds = [], 0.0
    for name in names:
        each = faults.get(name, Made(name, "not computed yet"))
        folder = StudyFolder(out / name)
        seconds += minutes(folder) * 60
        picture = None if each.fault else _write_own_page(out, folder, name)
        rows.append(_line(row(folder, each, picture)))
    about = ABOUT.format(scale=scale, small=SMALL if scale == "small" else "")
    text = [f"# The papers' tables and figures, at {scale} scale", "", about, "", _machine(seconds), ""]
    text += [_line(HEADS), _line(["---"] * len(HEADS)), *rows, ""]
    text += [f"- {each.name}: {line}" for each in made for line in (each.fault, *each.failed) if line]
    write_text(out / PAGE, "\n".join(text).rstrip() + "\n")


def _machine(seconds: float) -> str:
    """Returns the processor, the system and the versions, and the processor time of everything on the page."""
    about = describe_environment()
    return (
        f"{about['processor']}, {counted(cores(), 'core')}, {about['system']}; Python {about['python']}, torch "
        f"{about['packages']['torch']}; {duration(seconds)} of processor time in all."
    )


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def row(folder: StudyFolder, made: Made, picture: Path | None = None) -> list[str]:
    """Returns the row of a table or figure, in the order of `HEADS`, with a link to its picture if there is one."""
    link = f"[{made.name}]({_own_page(made.name)})"
    if made.fault:
        return [made.name, *[DASH] * (len(HEADS) - 2), made.fault]
    study, spent = folder.study(), f"{minutes(folder):.1f} min"
    if study.counted:
        return [link, DASH, DASH, DASH, DASH, f"counts: {_counts(study, folder.printed())}", spent, DASH]
    plan = folder.plan()
    done = sum(folder.run(cell.name).finished() for cell in plan.cells)
    cells = f"{done} of {len(plan.cells)}"
    if not done:
        return [link, cells, *[DASH] * 4, spent, DASH]
    results = read_results(folder)
    data = ", ".join(f"{label}{' (phantoms)' * (label in plan.drawn)}" for label in results.data)
    ours, papers, correlation = _orders(results)
    if picture is not None:
        correlation += f" ([picture]({picture.parent.name}/{picture.name}))"
    return [link, cells, _lowest(levels(results)), ours, papers, correlation, spent, data]


def minutes(folder: StudyFolder) -> float:
    """Returns the processor time that a study has taken in minutes, pictures included."""
    try:
        cells = folder.plan().cells
    except IsthmusError:
        return 0.0
    of_cells = math.fsum(processor(folder, name) or 0.0 for name in {cell.name for cell in cells})
    return max(of_cells, (read_seconds(folder.processor) or 0.0)) / 60


def _counts(study: Study, printed: Mapping[Key, tuple[float, float]]) -> str:
    """Returns how many of the paper's parameter counts are equal to ours."""
    records = parameter_table(study, printed).records
    equal = sum(record["counted as in the paper"] == record["paper"] for record in records)
    return "equal" if equal == len(records) else f"{equal} of {len(records)} equal"


def _lowest(found: Sequence[Level]) -> str:
    """Returns the cell that is the least above its floor, and how many have not learned."""
    lowest = min(found, key=lambda level: (level.has_learned, level.margin))
    below = sum(not level.has_learned for level in found)
    return f"{lowest}" + f"; **{below} of {len(found)} did not learn**" * bool(below)


def _orders(results: Results) -> tuple[str, str, str]:
    """Returns our order of the networks, the paper's, and their rank correlation."""
    measure = _compared(results)
    if len(results.networks) < 2:
        return DASH, DASH, "one network"
    ours: list[dict[str, float]] = []
    papers: list[dict[str, float]] = []
    for data, label, _ in results.places():
        samples = {n: results.sample(data, n, label, measure) for n in results.networks}
        means = {n: s.spread(results.study.over).mean for n, s in samples.items() if s.values}
        printed = {n: results.in_paper(data, label, n, measure)[0] for n in means}
        ours.append(means)
        papers.append({n: value for n, value in printed.items() if not math.isnan(value)})
    if not any(len(each) > 1 for each in papers):
        return _order(ours, measure), DASH, DASH
    shared = [{n: o[n] for n in p} for o, p in zip(ours, papers, strict=True)]
    found = [
        rank_correlation([o[n] for n in p], list(p.values()))
        for o, p in zip(shared, papers, strict=True)
        if len(p) > 1
    ]
    known = [value for value in found if not math.isnan(value)]
    text = f"{math.fsum(known) / len(known):.2f}" if known else DASH
    return _order(shared, measure), _order(papers, measure), f"{text} ({measure.name})"


def _compared(results: Results) -> Measure:
    """Returns the first measure of cases that the paper prints, or else the first."""
    measures = case_measures(results)
    printed = {key[2] for key in results.printed}
    return next((measure for measure in measures if measure.name in printed), measures[0])


def _order(of_places: Sequence[Mapping[str, float]], measure: Measure) -> str:
    """Returns the networks by their mean rank over data sets and classes, the best first."""

    ranks: dict[str, list[float]] = {}
    for means in of_places:
        names = list(means)
        for name, rank in zip(
            names, rankdata([-(better(measure) or 1) * means[n] for n in names]), strict=True
        ):
            ranks.setdefault(name, []).append(float(rank))
    found = sorted(ranks, key=lambda name: math.fsum(ranks[name]) / len(ranks[name]))
    return " > ".join(found if len(found) <= SHOWN else [*found[: SHOWN - 2], "…", found[-1]])


def _own_page(name: str) -> str:
    return f"reproduced/{name.replace('/', '-')}.md"


def _write_own_page(out: Path, folder: StudyFolder, name: str) -> Path | None:
    """Writes the page of one table or figure, with its tables and, if the paper prints no numbers, its first picture.

    Returns:
        The picture.
    """
    scores = folder.tables / "scores.md"
    if not scores.is_file():
        return None
    study, path = folder.study(), out / _own_page(name)
    picture = None if folder.printed_path.is_file() else write_picture(folder.page, path.with_suffix(""))
    text = [f"# {name}", "", study.paper, "", *(f"- {note}" for note in study.notes), ""]
    text.append(scores.read_text(encoding="utf-8"))
    text += [f"![{study.title}]({picture.name})"] if picture else []
    write_text(path, "\n".join(text).rstrip() + "\n")
    return picture

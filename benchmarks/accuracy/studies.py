"""The studies of this folder: the papers' networks, MONAI's BasicUNet and the default, by one protocol.

Needs the extra `peers`. Each study is a folder below OUT, where a stopped one resumes; `--only search` runs one of
them.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

from benchmarks.accuracy import basic_unet, search
from benchmarks.frame.benchmark import Benchmark, Result, Row, Settings, ready
from isthmus.cli.progress import Display
from isthmus.report.summary import duration
from isthmus.runs.files import read_json, read_yaml
from isthmus.studies.page import write_study
from isthmus.studies.planning import find_data
from isthmus.studies.run import RunOptions, run_study
from isthmus.studies.running.workers import launch
from isthmus.studies.study import make_study
from isthmus.studies.study_folder import StudyFolder

HERE = Path(__file__).parent
STUDIES = ("isbi-2012", "dsb-2018", "search", "precision")
OURS = "isthmus default"


def study(name: str, settings: Settings) -> list[str]:
    """Runs the missing cells of a study, and returns its section of the page."""
    basic_unet.register()
    made = search.study(settings.data) if name == "search" else read_yaml(HERE / f"{name}.yaml")
    read, out = make_study(made, name), settings.out / name
    own = partial(launch, module="benchmarks.accuracy.worker")
    with Display() as display:
        data = find_data(read, settings.data).complete()
        run_study(read, data, out, display, options=RunOptions(launch=own))
    return section(StudyFolder.open(out))


def section(folder: StudyFolder) -> list[str]:
    """Returns title, notes and tables of a study."""
    study, plan = folder.study(), folder.plan()
    write_study(folder)
    cells = _read(folder.tables / "cells.csv")
    done = [cell for cell in cells if cell["state"] == "done"]
    seconds = sum(float(cell["seconds of epochs"]) for cell in done)
    about = read_json(folder.run(done[0]["run"]).environment)
    lines = [f"## {study.title}", "", *(f"- {note}" for note in study.notes)]
    lines += [
        f"- {len(done)} of {len(plan.cells)} cells are done, in {duration(seconds)} of training, one thread each, on "
        f"{about['processor']} with torch {about['packages']['torch']}, while other work was running.",
        "",
        *_table(folder, "scores"),
    ]
    if any(OURS in (row["first"], row["second"]) for row in _read(folder.tables / "tests.csv")):
        lines += [f"**{OURS} against each, Dice**", "", *against(_read(folder.tables / "tests.csv")), ""]
    return lines + (_table(folder, "optimism") if (folder.tables / "optimism.md").is_file() else [])


def against(rows: Iterable[dict[str, str]]) -> list[str]:
    """Returns the default minus each other network, with the interval over whole folds and the corrected test."""
    lines = [
        "| against | cases | difference | 95 % interval | p, corrected resampled t |",
        "|---|---:|---:|---|---:|",
    ]
    for row in rows:
        if OURS not in (row["first"], row["second"]):
            continue
        sign = 1 if row["first"] == OURS else -1
        other = row["second"] if sign > 0 else row["first"]
        low, high = sorted(sign * _number(row[key]) for key in ("low", "high"))
        lines.append(
            f"| {other} | {row['cases']} | {sign * _number(row['difference']):+.4f} | {low:+.4f} to {high:+.4f} "
            f"| {_number(row['p, corrected resampled t']):.3f} |"
        )
    return lines


def _table(folder: StudyFolder, name: str) -> list[str]:
    """Returns a table of the study, without the rows that have no finished cell."""
    lines = (folder.tables / f"{name}.md").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if not re.search(r"\| 0 of \d+ \|$", line)] + [""]


def _read(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _number(text: str) -> float:
    return float(text) if text else math.nan


def rows(settings: Settings) -> Iterator[Row]:
    """Yields a row for each study: the lines of its section."""
    for name in STUDIES:
        work = partial(study, name, settings)
        yield Row(name, {"isthmus": ready(work)}, "Markdown")


def lines_of(name: str, found: Sequence[Result]) -> list[str]:
    """Returns the section of a study."""
    return next((row["values"]["isthmus"] for row in found[0]["rows"] if row["name"] == name), [])


BENCHMARK = Benchmark(rows, {name.replace("-", "_"): partial(lines_of, name) for name in STUDIES})

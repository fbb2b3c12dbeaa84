"""The tables of these studies into docs/results/accuracy.md, from their folders alone.

python -m benchmarks.accuracy.page FOLDER      FOLDER holds isbi-2012, dsb-2018, search and precision, or some of them
"""

from __future__ import annotations

import argparse
import csv
import math
import re
from collections.abc import Iterable
from pathlib import Path

import benchmarks.accuracy.basic_unet  # noqa: F401
from benchmarks.between import write_between
from isthmus.report.summary import duration
from isthmus.runs.files import read_json
from isthmus.studies.page import write_study
from isthmus.studies.study_folder import StudyFolder

PAGE = Path(__file__).parents[2] / "docs" / "results" / "accuracy.md"
STUDIES = ("isbi-2012", "dsb-2018", "search", "precision")
OURS = "isthmus default"


def section(folder: StudyFolder) -> list[str]:
    """What one study comes to."""
    study, plan = folder.study(), folder.plan()
    write_study(folder)
    cells = _read(folder.tables / "cells.csv")
    done = [cell for cell in cells if cell["state"] == "done"]
    hours = sum(float(cell["seconds of epochs"]) for cell in done)
    about = read_json(folder.run(done[0]["run"]).environment)
    lines = [f"## {study.title}", "", *(f"- {note}" for note in study.notes)]
    lines += [
        f"- {len(done)} of {len(plan.cells)} cells are done, in {duration(hours)} of training, one thread each, on "
        f"{about['processor']} with torch {about['packages']['torch']}, while other work ran beside.",
        "",
        *_table(folder, "scores"),
    ]
    if any(OURS in (row["first"], row["second"]) for row in _read(folder.tables / "tests.csv")):
        lines += [f"**{OURS} against each, Dice**", "", *against(_read(folder.tables / "tests.csv")), ""]
    return lines + (_table(folder, "optimism") if (folder.tables / "optimism.md").is_file() else [])


def against(rows: Iterable[dict[str, str]]) -> list[str]:
    """The default minus each of the others, with the interval over whole folds and the corrected test."""
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
    """As printed, without the rows of which no cell is done."""
    lines = (folder.tables / f"{name}.md").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if not re.search(r"\| 0 of \d+ \|$", line)] + [""]


def _read(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _number(text: str) -> float:
    return float(text) if text else math.nan


def main() -> None:
    """Parse, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    root = parser.parse_args().folder
    lines: list[str] = []
    for name in STUDIES:
        if (root / name / "plan.json").is_file():
            lines += section(StudyFolder.open(root / name))
    write_between(PAGE, "\n".join(lines))
    print(PAGE)


if __name__ == "__main__":
    main()

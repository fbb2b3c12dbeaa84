"""The samples hold no case that other pages score, and the table has a row for each sample and time."""

from __future__ import annotations

from pathlib import Path

from benchmarks.accuracy.own_data import inner_test, own_folder

from benchmarks.accuracy import minutes
from isthmus.data.sources import open_dataset
from isthmus.data.splits.folds import kfold


def test_the_scored_cases_are_not_looked_at(shared_data: Path, tmp_path: Path) -> None:
    table = own_folder("lgg-mri", shared_data, tmp_path)
    whole = open_dataset("lgg-mri", shared_data / "lgg-mri")
    kept = open_dataset(str(table))
    scored = kfold(whole.cases, 5)[0].validation
    assert scored
    assert {case.id for case in kept.cases} == {case.id for case in whole.cases} - set(scored)
    assert {case.group for case in kept.cases} < {case.group for case in whole.cases}
    tested = set(inner_test(table))
    groups = {case.group for case in kept.cases if case.id in tested}
    assert tested == {case.id for case in kept.cases if case.group in groups}
    assert own_folder("lgg-mri", tmp_path / "nowhere", tmp_path) == table  # it is written once


MACHINE = {"processor": "A", "cores": 2, "python": "3.11", "versions": {"torch": "2"}}


def test_the_table() -> None:
    def row(name: str, dice: float, steps: int) -> dict[str, object]:
        value = {"dice": dice, "steps": steps, "size": "width 8 and batches of 2"}
        return {"machine": MACHINE, "name": name, "unit": "Dice", "values": {"isthmus": value}}

    rows = [row("b, 1 min, default", 0.5, 10), row("a, 1 min, fitted", 0.75, 100)]
    assert minutes.lines([{"rows": [*rows, row("b, 1 min, fitted", 0.6, 90)]}])[2:] == [
        "| a | 1 min | 0.7500 (100 steps of width 8) |  |  |  |",
        "| b | 1 min | 0.6000 (90 steps of width 8) |  |  | 0.5000 (10 steps) |",
        "",
        "Measured on A, 2 cores; Python 3.11, torch 2.",
    ]

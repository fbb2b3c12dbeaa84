"""`isthmus evaluate`: what the command takes and prints."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest

from isthmus.evaluation import scores as module
from isthmus.metrics.table import columns

from ..masks import four_cases, row, save


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    return four_cases(tmp_path)


def call(*words: object) -> int:
    from isthmus.cli import main

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["isthmus", *map(str, words)])
        with pytest.raises(SystemExit) as left:
            main.main()
    return int(left.value.code or 0)


def test_the_command_prints_what_was_missed(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    assert call("evaluate", *folders, "--objects", "--spacing", "2,1") == 0
    out = capsys.readouterr()
    head, dice = out.out.splitlines()[:2]
    assert head.split() == ["class", "metric", "mean", "sd", "n", "missed", "both", "empty", "false", "alarm"]
    assert dice.split() == ["foreground", "Dice", "0.4167", "0.5000", "4", "1", "1", "1"]
    assert "Object F1" in out.out
    assert "on the masks' own grid" in out.err
    with (folders[0] / "scores.csv").open(encoding="utf-8") as file:
        assert tuple(next(iter(csv.DictReader(file)))) == columns(objects=True)
    assert call("evaluate", *folders, "--spacing", "wide") == 2
    assert "--spacing wide: write a number for each axis" in capsys.readouterr().err


def test_the_command_takes_classes_tolerance_and_the_rule(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth, ours = save(tmp_path / "t", a=row(0, 1, 1, 0)), save(tmp_path / "p", a=row(0, 1, 2, 0))
    options = ("--tolerance", "0.5", "--missing", "exclude")
    assert call("evaluate", ours, truth, "--classes", "1=liver,2=kidney", *options) == 0
    told = " ".join(capsys.readouterr().err.split())
    assert "distances (and the 0.5 within which surface Dice counts) in pixels" in told
    assert "a missed case has Dice 0 and no number for a distance" in told
    with (ours / "scores.csv").open(encoding="utf-8") as file:
        liver, kidney = csv.DictReader(file)
    assert (liver["class"], kidney["class"]) == ("liver", "kidney")
    assert math.isnan(float(kidney["hausdorff_distance"]))
    for wrong in ("liver", "1=", "1=a,1=b", "one=a", "-1=a"):
        assert call("evaluate", ours, truth, "--classes", wrong) == 2
        assert "write each mask value once, with its name" in capsys.readouterr().err
    assert call("evaluate", ours, truth, "--missing", "no") == 2
    assert "missing='no' is not a rule" in capsys.readouterr().err


@pytest.mark.parametrize("columns", [20, 60, 80, 100, 200])
def test_the_table_cuts_nothing(
    columns: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Numbers and metrics whole on one line, names of classes whole over several."""
    from isthmus.cli.evaluate import show

    monkeypatch.setenv("COLUMNS", str(columns))
    names = ("foreground", "left ventricular myocardium [of the heart], end of diastole")
    cases = {"dice": 0.123456, "hausdorff_distance": 123456.78912, "average_surface_distance": 1.5}
    counts = {"prediction_points": 1, "truth_points": 0}
    show(module.Evaluation([{"class": name, **cases, **counts} for name in names for _ in range(12345)]))
    text = capsys.readouterr().out
    assert "…" not in text
    assert text.count("123456.7891") == 2
    assert text.count(" 12345 ") == 2 * 2 * len(cases)  # n, and false alarms
    assert all(text.count(title) == 2 for title in ("Hausdorff distance", "Dice"))
    assert "Average surface distance" in text
    width = min(line.index("Dice") for line in text.splitlines() if "Dice" in line)
    folded = "".join(line[:width].replace(" ", "") for line in text.splitlines()[1:])
    assert "".join(names).replace(" ", "") in folded


def test_a_value_of_the_truth_can_be_ignored(tmp_path: Path) -> None:
    some = np.zeros((8, 30), np.uint8)
    some[2:6, 2:9] = 1
    marked = some.copy()
    marked[:, 20:] = 9
    folders = save(tmp_path / "p", a=some), save(tmp_path / "t", a=marked)
    assert call("evaluate", *folders, "--ignore", 9, "--out", tmp_path / "s.csv") == 0
    assert (tmp_path / "s.csv").read_text(encoding="utf-8").strip().endswith(",28,28,28,160")

"""``isthmus evaluate``: what the command takes and prints."""

from __future__ import annotations

import csv
import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from isthmus.data.cases import Source
from isthmus.io.images import read_mask
from isthmus.metrics.table import columns

from ..masks import four_cases, row, save
from .calls import call, error_of


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    return four_cases(tmp_path)


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


def test_objects_are_counted_by_what_became_of_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first is found, the next two are merged, the last is missed."""
    truth = save(tmp_path / "t", a=row(1, 1, 0, 2, 2, 3, 3, 0, 4))
    ours = save(tmp_path / "p", a=row(1, 1, 0, 2, 2, 2, 2, 0, 0))
    assert call("evaluate", ours, truth, "--instances") == 0
    line = "objects: found 1; missed 1; false 0; merged 2 true, 1 predicted; split 0"
    assert line in " ".join(capsys.readouterr().err.split())
    assert call("evaluate", ours, truth, "--instances", "--json") == 0
    counts = json.loads(capsys.readouterr().out)["objects"]["foreground"]
    assert (counts["found_objects"], counts["merged_objects"], counts["merging_predictions"]) == (1, 2, 1)
    assert call("evaluate", ours, truth, "--no-instances", "--json") == 0
    assert json.loads(capsys.readouterr().out)["objects"] == {}


def test_the_command_takes_classes_tolerance_and_the_rule(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth, ours = save(tmp_path / "t", a=row(0, 1, 1, 0)), save(tmp_path / "p", a=row(0, 1, 2, 0))
    options = ("--tolerance", "0.5", "--missing", "exclude")
    assert call("evaluate", ours, truth, "--classes", "1=liver,2=kidney", *options) == 0
    told = " ".join(capsys.readouterr().err.split())
    assert "distances (and the tolerance of surface Dice, 0.5) are in pixels" in told
    assert "a missed case has Dice 0 and no distance" in told
    with (ours / "scores.csv").open(encoding="utf-8") as file:
        liver, kidney = csv.DictReader(file)
    assert (liver["class"], kidney["class"]) == ("liver", "kidney")
    assert math.isnan(float(kidney["hausdorff_distance"]))
    for wrong in ("liver", "1=", "1=a,1=b", "one=a", "-1=a"):
        assert call("evaluate", ours, truth, "--classes", wrong) == 2
        assert "write each mask value once, with its name" in capsys.readouterr().err
    assert call("evaluate", ours, truth, "--missing", "no") == 2
    assert "missing='no' is not a rule" in capsys.readouterr().err


def test_a_value_of_the_truth_can_be_ignored(tmp_path: Path) -> None:
    some = np.zeros((8, 30), np.uint8)
    some[2:6, 2:9] = 1
    marked = some.copy()
    marked[:, 20:] = 9
    folders = save(tmp_path / "p", a=some), save(tmp_path / "t", a=marked)
    assert call("evaluate", *folders, "--ignore", 9, "--out", tmp_path / "s.csv") == 0
    assert (tmp_path / "s.csv").read_text(encoding="utf-8").strip().endswith(",28,28,28,160")


def test_evaluate_scores_every_case(
    run: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(data / "masks", tmp_path / "masks")
    one = sorted((tmp_path / "masks").iterdir())[0]
    blank = np.zeros_like(read_mask(Source(one))).astype(np.uint8)
    Image.fromarray(blank).save(one)
    assert call("evaluate", tmp_path / "masks", data) == 0
    with (tmp_path / "masks" / "scores.csv").open() as file:
        rows = {row["case"]: row for row in csv.DictReader(file)}
    assert len(rows) == 5
    assert float(rows[one.stem]["dice"]) == 0.0
    assert float(rows[one.stem]["hausdorff_distance"]) == pytest.approx(63 * 2**0.5)
    assert all(float(row["dice"]) == 1.0 for name, row in rows.items() if name != one.stem)
    out = capsys.readouterr().out
    assert "0.8000" in out  # the mean over all five: the miss counts


def _write(folder: Path, **masks: np.ndarray) -> Path:
    folder.mkdir()
    for name, mask in masks.items():
        Image.fromarray(mask.astype(np.uint8)).save(folder / f"{name}.png")
    return folder


def test_evaluate_reads_each_side_in_its_own_values(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    square = np.zeros((20, 20))
    square[5:15, 5:15] = 1
    truth = _write(tmp_path / "truth", a=square * 255, b=square.T * 255)
    ours = _write(tmp_path / "ours", a=square, b=square)
    assert call("evaluate", ours, truth) == 0
    assert "1.0000" in capsys.readouterr().out


def test_evaluate_refuses_values_that_the_truth_does_not_have(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bands = np.repeat([0, 1, 2], 4)[:, None].repeat(12, 1)
    truth, ours = (
        _write(tmp_path / "truth", a=bands, b=bands),
        _write(tmp_path / "ours", a=bands * 100, b=bands),
    )
    assert call("evaluate", ours, truth) == 2
    assert "100, 200 do not occur in the truth" in error_of(capsys)


def test_evaluate_refuses_to_drop_what_has_no_prediction(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    square = np.eye(8) * 255
    truth, ours = (
        _write(tmp_path / "truth", a=square, b=square),
        _write(tmp_path / "ours", a=square, x=square),
    )
    assert call("evaluate", ours, truth) == 2
    assert "1 of 2 true masks have no prediction" in error_of(capsys)
    assert call("evaluate", ours, truth, "--partial") == 0
    assert "1 of 2 true masks" in capsys.readouterr().err

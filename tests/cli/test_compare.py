"""`isthmus compare` and `isthmus metrics` at the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ..masks import row, save
from .calls import call, error_of, table


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    masks = {f"c{i}": row(*([255] * (i + 1) + [0] * (9 - i))) for i in range(8)}
    save(tmp_path / "truth", **masks)
    save(tmp_path / "one", **masks)
    save(tmp_path / "two", **{case: np.roll(mask, 1, axis=1) for case, mask in masks.items() if case != "c0"})
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_means_and_differences_are_printed(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("compare", "truth", "one=one", "two=two", "--out", "page", "--metric", "dice") == 0
    printed = capsys.readouterr()
    rows = table(printed.out)
    assert rows[0] == ["Program", "Dice", "Missed", "Lacking"]
    assert rows[1] == ["one", "1.000 ± 0.000*", "0", "0"]
    assert rows[2][2:] == ["1", "1"]
    assert next(r for r in rows if r[0] == "Dice")[1] == "one − two"
    assert "two: lacks 1 of 8 cases: c0" in printed.err
    assert (folders / "page" / "report.html").is_file()


def test_one_json_object(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        call("compare", "truth", "one=one", "two=two", "--out", "page", "--json", "-q", "--margin", 0.1) == 0
    )
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {"cases", "metrics", "lacking", "tables", "page"}
    assert set(found["tables"]) == {"scores", "differences", "non-inferiority", "agreement"}
    assert found["lacking"]["two"] == ["c0"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["one", "two=two"], "'one' names no program and its folder; write NAME=FOLDER"),
        (["=one", "two=two"], "names no program and its folder"),
        (["one=", "two=two"], "names no program and its folder"),
        (["one=one", "one=two"], "'one' is given twice"),
        (["one=one"], "at least two programs"),
        (["one=one", "two=nowhere"], "nowhere: no such file or folder"),
        (["one=one", "two=two", "--margin", "-1"], "the margin is -1"),
        (["one=one", "two=two", "--group", "none.csv"], "none.csv: cannot be read"),
        (["one=one", "two=two", "--metric", "dise"], "did you mean 'dice'"),
        (["one=one", "two=two", "--missing", "infinity"], "infinite distances have no mean"),
        (["one=one", "two=two", "--out", "truth"], "lies in truth"),
        (["one=one", "two=two", "--out", ""], "the value after --out is empty"),
        (["one=one", "two=two", "--out="], "the value after --out is empty"),
        (["one=one", "two=two", "--axes", "QQ"], "axes=QQ: give a letter for each axis"),
    ],
)
def test_a_mistake_is_one_line(
    folders: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    out = [] if "--out" in words or "--out=" in words else ["--out", "page"]
    assert call("compare", "truth", *words, *out) == 2
    assert message in error_of(capsys)
    assert not (folders / "page").exists()


def test_metrics_by_name_and_by_task(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("metrics") == 0
    assert ["dice", "Dice", "share", "higher"] in table(capsys.readouterr().out)
    assert call("metrics", "--for", "objects") == 0
    assert "metrics: panoptic_quality, object_f1" in capsys.readouterr().out
    assert call("metrics", "--for", "object") == 2
    assert "did you mean 'objects'" in error_of(capsys)

"""``isthmus data splits``: the papers' tables, and real cases divided."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ..calls import call, table


def test_the_table_of_mildnet(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("data", "splits", "mildnet") == 0
    rows = {row[0]: row[1:] for row in table(capsys.readouterr().out)}
    assert rows["GlaS-2015"] == ["165", "775x522", "256x256", "1815", *["253"] * 5, "550"]
    assert rows["ISIC-2018"] == ["2594", "1022x767", "256x256", "2594", "364", *["363"] * 4, "778"]
    assert call("data", "splits", "mildnet", "isbi-2012") == 0
    rows = {row[0]: row[1:] for row in table(capsys.readouterr().out)}
    assert rows["ISBI-2012"][-6:] == ["20", "16", "16", "16", "16", "36"]
    assert "DSB-2018" not in rows


def test_the_table_of_multiresunet(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("data", "splits", "multiresunet") == 0
    said = capsys.readouterr().out
    rows = {row[0]: row[1:] for row in table(said)}
    assert rows["BraTS17"] == ["285", "240x240x155", "80x80x48", "285", *["57"] * 5]
    assert "note: the best epoch is chosen on the scored cases" in said


def test_real_cases_are_divided_and_guarded(
    leaky: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "splits.json"
    assert call("data", "splits", "kfold", leaky, "--folds", "11", "--out", out) == 2
    assert "phantom-003 in train and other in validation" in capsys.readouterr().err
    assert not out.exists()
    assert call("data", "splits", "kfold", leaky, "--folds", "11", "--out", out, "--allow-leak") == 0
    assert "note: leak, allowed by the recipe: " in capsys.readouterr().out
    assert [fold["fold"] for fold in json.loads(out.read_text())] == list(range(11))
    (leaky / "images" / "other.png").unlink()
    (leaky / "masks" / "other.png").unlink()
    assert call("data", "splits", "hmedn", leaky, "--shares", "6,2,2", "--stratify") == 0
    row = table(capsys.readouterr().out)[1]
    assert (row[0], row[1], row[3], row[5]) == ("0", "6", "2", "2")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["mildent"], "did you mean 'mildnet'"),
        (["mildnet", "cvc-clinicdb"], "nor data of mildnet"),
        (["kfold"], "give the data set and its folder"),
        (["mildnet", "--stratify"], "need the files"),
        (["hmedn", "--shares", "a,b"], "three numbers"),
    ],
)
def test_mistakes_are_one_line(words: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("data", "splits", *words) == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert says in said[0]

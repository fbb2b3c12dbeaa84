"""The split of a run is that of its protocol, and copies on both sides are refused."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from isthmus import training
from isthmus.errors import IsthmusError
from isthmus.inference import Predictor
from isthmus.runs.files import read_json


def test_named_test_cases_are_scored_and_never_trained_on(small: Any, phantoms: Path, tmp_path: Path) -> None:
    ids = sorted(path.stem for path in (phantoms / "images").iterdir())
    folder = training.train(small(protocol={"test": ids[:2]}, training={"epochs": 1}), tmp_path / "run")
    splits = read_json(folder.splits)
    assert list(splits["test"]) == ids[:2]
    assert not set(splits["test"]) & (set(splits["train"]) | set(splits["validation"]))
    assert {row["set"] for row in folder.read_rows(folder.cases)} == {"validation", "test"}


def test_every_case_is_held_out_in_exactly_one_fold(small: Any, tmp_path: Path) -> None:
    held: list[str] = []
    for fold in range(3):
        protocol = {"kind": "kfold", "folds": 3, "fold": fold}
        folder = training.train(small(protocol=protocol, training={"epochs": 1}), tmp_path / f"fold-{fold}")
        held += read_json(folder.splits)["validation"]
        assert {row["fold"] for row in folder.read_rows(folder.cases)} == {str(fold)}
    assert len(held) == len(set(held)) == 6
    assert len(Predictor.load(tmp_path).networks) == 3
    assert Predictor.load(tmp_path).notes == []
    shutil.rmtree(tmp_path / "fold-1")
    assert "holds 2 of 3 folds" in Predictor.load(tmp_path).notes[0]


@pytest.mark.parametrize("kind", ["mildnet", "multiresunet", "sharp", "sharp-code", "hmedn"])
def test_every_named_protocol_divides_and_leaves_its_notes(small: Any, tmp_path: Path, kind: str) -> None:
    folder = training.train(
        small(protocol={"kind": kind, "folds": 2}, training={"epochs": 1}), tmp_path / "run"
    )
    splits = read_json(folder.splits)
    sides = [set(splits[name]) for name in ("train", "validation", "test")]
    assert sum(map(len, sides)) == len(set.union(*sides)) > 0
    if kind != "hmedn":
        assert splits["notes"]


def test_a_copy_under_another_name_is_refused_unless_the_recipe_says_so(
    small: Any, phantoms: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    shutil.copytree(phantoms, data)
    first, second = sorted((data / "images").iterdir())[:2]
    second.write_bytes(first.read_bytes())
    sections = {
        "data": {"source": str(data)},
        "protocol": {"validation": [first.stem]},
        "training": {"epochs": 1},
    }
    with pytest.raises(IsthmusError, match="the split leaks"):
        training.train(small(**sections), tmp_path / "run")
    sections["protocol"]["allow_leak"] = True
    folder = training.train(small(**sections), tmp_path / "run")
    assert any("leak, allowed by the recipe" in note for note in read_json(folder.splits)["notes"])

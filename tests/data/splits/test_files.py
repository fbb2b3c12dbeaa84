"""Splits in files: ours, a run's, nnU-Net's."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from isthmus.data.cases import Case, Source
from isthmus.data.splits.files import assign, read_nnunet_splits, read_splits, write_nnunet_splits
from isthmus.data.splits.folds import Split, kfold
from isthmus.data.splits.leaks import check_split
from isthmus.data.splits.protocols import splits
from isthmus.errors import IsthmusError

CASES = [Case(f"p/{i}", (Source(Path("none") / "images" / f"{i}.png"),), (), f"g{i // 2}") for i in range(6)]


def written(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def test_nnu_net_both_ways(tmp_path: Path) -> None:
    path = tmp_path / "splits_final.json"
    ours = [Split(("p/0", "p/1"), ("p/2", "p/3"), test=("p/4", "p/5")), Split(("p/2", "p/3"), ("p/0", "p/1"))]
    write_nnunet_splits(path, ours)
    content = json.loads(path.read_text())
    assert content[0] == {"train": ["p_0", "p_1"], "val": ["p_2", "p_3"]}
    assert read_nnunet_splits(path)[1] == Split(("p_2", "p_3"), ("p_0", "p_1"), fold=1)
    first, second = assign(read_nnunet_splits(path), CASES, path)
    assert (first.train, first.validation, first.test) == (ours[0].train, ours[0].validation, ())
    assert first.notes == (f"in no list of {path}, so neither trained on nor scored: p/4, p/5",)
    assert (second.fold, second.train) == (1, ("p/2", "p/3"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"train": []}, "a split without cases"),
        ([{"train": ["p_0"]}], "not splits of nnU-Net"),
        ([{"train": "p_0", "val": ["p_1"]}], "not splits of nnU-Net"),
        ([{"train": ["p_0"], "val": ["p_0"]}], "fold 0: p_0 is in train and in validation"),
        ([{"train": ["p_0"], "val": ["p_9"]}], r"fold 0: no case 'p_9' in the data; did you mean 'p_\d'"),
        ({"train": 3, "validation": ["p_0"]}, "not a file of splits"),
        ([7], "not splits of nnU-Net"),
        (7, "not splits of nnU-Net"),
    ],
)
def test_files_that_are_wrong(tmp_path: Path, content: Any, reason: str) -> None:
    path = written(tmp_path / "x.json", content)
    with pytest.raises(IsthmusError, match=reason):
        assign(read_splits(path), CASES, path)


def test_our_own_splits_and_those_of_runs(tmp_path: Path) -> None:
    ours = kfold(CASES, 3)
    path = written(tmp_path / "ours" / "all.json", [asdict(split) for split in ours])
    assert list(read_splits(path)) == ours
    group = {case.id: case.group for case in CASES}
    for split in ours:
        sides = {side: {i: group[i] for i in ids} for side, ids in split.sides().items()}
        written(
            tmp_path / "cv" / f"fold-{split.fold}" / "splits.json", sides | {"test": {}, "notes": ["said"]}
        )
    found = read_splits(tmp_path / "cv")
    assert [(one.fold, one.train, one.validation) for one in found] == [
        (one.fold, one.train, one.validation) for one in ours
    ]
    assert found[0].notes == ("said",)
    (single,) = read_splits(tmp_path / "cv" / "fold-2")
    assert single.validation == ours[2].validation
    with pytest.raises(IsthmusError, match=r"none: cannot be read"):
        read_splits(tmp_path / "none")
    with pytest.raises(IsthmusError, match=r"no splits\.json here, nor in fold-0"):
        read_splits(tmp_path)


def test_the_protocol_finds_the_file_of_the_data_set(tmp_path: Path) -> None:
    cases = [
        Case(f"c{i}", (Source(tmp_path / "imagesTr" / f"c{i}_0000.nii"),), (), f"c{i}") for i in range(3)
    ]
    with pytest.raises(IsthmusError, match=r"no splits_final\.json here"):
        splits("nnunet", cases)
    written(tmp_path / "splits_final.json", [{"train": ["c0", "c1", "gone"], "val": ["c2"]}])
    (found,) = splits("nnunet", cases)
    assert (found.train, found.validation) == (("c0", "c1"), ("c2",))
    assert "not among the cases: gone" in found.notes[0]
    with pytest.raises(IsthmusError, match="no case of the data is in its validation list"):
        splits("nnunet", cases[:2])
    other = written(tmp_path / "other.json", [{"train": ["c2"], "val": ["c0"]}])
    (found,) = splits("nnunet", cases, listed=other)
    assert found.train == ("c2",)
    assert "neither trained on nor scored: c1" in found.notes[0]


def test_groups_that_such_a_file_divides_are_refused_by_the_guard(tmp_path: Path) -> None:
    path = written(tmp_path / "splits_final.json", [{"train": ["p_0"], "val": ["p_1"]}])
    (found,) = assign(read_splits(path), CASES, path)
    with pytest.raises(IsthmusError, match="group 'g0' in train"):
        check_split(found, CASES)
    assert any("leak, allowed" in note for note in check_split(found, CASES, allow_leak=True))

"""Runs by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from isthmus.app.refusals import Refused
from isthmus.app.served import find_run, load_runs
from isthmus.errors import IsthmusError

from ..inference.test_export import run_of


def test_runs_are_called_after_their_folders_or_as_one_says(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folders["cells"])
    words = [".", "other=.", f"{folders['numbers']}/", "nuclei"]
    assert [run.name for run in load_runs(words, device="cpu")] == ["cells", "other", "numbers", "nuclei"]


def test_two_runs_of_one_name_are_refused(folders: dict[str, Path]) -> None:
    path = str(folders["cells"])
    with pytest.raises(IsthmusError, match=r"two runs are called 'cells'.*other="):
        load_runs([path, path])


def test_a_folder_with_an_equals_sign_is_a_folder(tmp_path: Path) -> None:
    path = run_of(tmp_path / "lr=1")
    assert [run.name for run in load_runs([str(path)], device="cpu")] == ["lr=1"]


def test_runs_of_volumes_are_refused(tmp_path: Path) -> None:
    for name, dims, given in (
        ("volumes", 3, {"patch": [8, 8, 8]}),
        ("slices", 2, {"slices": 1}),
        ("spaced", 2, {"spacing": [1.0, 1.0]}),
    ):
        path = run_of(tmp_path / name, dims=dims, input=given)
        with pytest.raises(IsthmusError, match="for pictures"):
            load_runs([str(path)], device="cpu")


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IsthmusError, match="nothing-here"):
        load_runs([str(tmp_path / "nothing-here")])


def test_a_run_is_found_by_name(folders: dict[str, Path]) -> None:
    runs = load_runs([str(path) for path in folders.values()], device="cpu")
    assert find_run(runs, "numbers") is runs[1]
    assert find_run(runs[:1], None) is runs[0]
    for name in ("Cells", "", "cells ", "../cells", str(folders["cells"])):
        with pytest.raises(Refused) as error:
            find_run(runs, name)
        assert error.value.status == 404

"""A run killed at any moment and resumed ends with exactly the weights of a run that was not."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from isthmus import training
from isthmus.errors import IsthmusError
from isthmus.runs.files import write_yaml
from isthmus.runs.folder import RunFolder
from isthmus.training.loop import checkpoint, saving, state


class Stopped(Exception):
    pass


def assert_same(one: RunFolder, other: RunFolder) -> None:
    assert one.weights.read_bytes() == other.weights.read_bytes()
    a, b = checkpoint.load(one.checkpoint), checkpoint.load(other.checkpoint)
    for name, tensor in a["network"].items():
        assert torch.equal(tensor, b["network"][name]), name
    assert {*a["average"]} == {*b["average"]}
    for name, tensor in a["average"].items():
        assert torch.equal(tensor, b["average"][name]), name
    columns = ("epoch", "train_loss", "validation_loss", "validation_dice", "learning_rate")
    rows = [[[row[c] for c in columns] for row in f.read_rows(f.history)] for f in (one, other)]
    assert rows[0] == rows[1]
    assert one.cases.read_bytes() == other.cases.read_bytes()


@pytest.mark.parametrize(
    "sections",
    [
        {},
        {
            "training": {"schedule": "plateau", "plateau_patience": 1, "epochs": 5},
            "network": {"model": "mildnet"},
        },
        {"hardware": {"precision": "bfloat16"}},
        {"training": {"average": 0.9}, "network": {"model": "mildnet"}},
        {"training": {"batch_statistics": "precise", "schedule": "plateau"}, "network": {"model": "mildnet"}},
        {"training": {"batch_statistics": "precise", "average": 0.9}, "network": {"model": "mildnet"}},
    ],
    ids=[
        "default",
        "plateau and batch norm",
        "bfloat16",
        "mean of the weights",
        "precise statistics",
        "precise statistics of the mean",
    ],
)
def test_stopped_after_every_epoch_it_ends_the_same(
    small: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sections: dict[str, Any]
) -> None:
    recipe = small(**sections)
    whole = training.train(recipe, tmp_path / "whole")

    original = checkpoint.save

    def save_and_stop(path: Path, state: dict[str, Any]) -> None:
        original(path, state)
        raise Stopped

    monkeypatch.setattr(checkpoint, "save", save_and_stop)
    monkeypatch.setattr(saving, "SHARE_WRITING", 1e9)  # a checkpoint after every epoch
    with pytest.raises(Stopped):
        training.train(recipe, tmp_path / "parts")
    for _ in range(recipe.training.epochs - 1):
        with pytest.raises(Stopped):
            training.resume(tmp_path / "parts")
    monkeypatch.undo()
    parts = training.resume(tmp_path / "parts")
    assert_same(whole, parts)


def test_killed_by_the_system_it_ends_the_same(small: Any, tmp_path: Path) -> None:
    """kill -9 of the real command at several moments, then --resume."""
    recipe = small(training={"epochs": 12, "samples": 8})
    whole = training.train(recipe, tmp_path / "whole")
    write_yaml(tmp_path / "asked.yaml", recipe.to_dict())
    out = tmp_path / "killed"
    command = [sys.executable, "-m", "isthmus.cli.main", "train", "--out", str(out)]
    first = [*command, "--recipe", str(tmp_path / "asked.yaml"), recipe.data.source]
    watched = [out / "recipe.yaml", out / "last.ckpt", out / "best.safetensors"]
    for marker in watched:
        arguments = [*command, "--resume"] if (out / "recipe.yaml").is_file() else first
        _kill_when(arguments, marker)
    assert not RunFolder(out).finished()
    done = subprocess.run(
        [*command, "--resume"], capture_output=True, text=True, check=False, env=_environment()
    )
    assert done.returncode == 0, done.stderr
    assert_same(whole, RunFolder.open(out))


def _environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1"}


def _kill_when(arguments: list[str], marker: Path) -> None:
    """Start a command and kill it as soon as a file has appeared that was not there (or has changed)."""
    before = marker.stat().st_mtime_ns if marker.exists() else None
    process = subprocess.Popen(
        arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=_environment()
    )
    limit = time.monotonic() + 120
    while time.monotonic() < limit and process.poll() is None:
        if marker.exists() and marker.stat().st_mtime_ns != before:
            break
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert marker.exists()


def test_a_finished_run_is_left_as_it_is(small: Any, tmp_path: Path) -> None:
    folder = training.train(small(training={"epochs": 1}), tmp_path / "run")
    before = {path.name: path.stat().st_mtime_ns for path in folder.path.iterdir()}
    training.resume(folder.path)
    assert before == {path.name: path.stat().st_mtime_ns for path in folder.path.iterdir()}


def test_data_that_changed_in_between_is_refused(small: Any, tmp_path: Path) -> None:
    folder = training.train(small(training={"epochs": 1}), tmp_path / "run")
    folder.cost.unlink()
    known = json.loads(folder.data.read_text())
    case = next(iter(known))
    known[case] = dict.fromkeys(known[case], "0" * 64)
    folder.data.write_text(json.dumps(known))
    with pytest.raises(IsthmusError, match=f"has changed since it began \\(case '{case}'"):
        training.resume(folder.path)


def test_a_broken_checkpoint_is_one_line(small: Any, tmp_path: Path) -> None:
    folder = training.train(small(training={"epochs": 1}), tmp_path / "run")
    folder.cost.unlink()
    folder.checkpoint.write_bytes(folder.checkpoint.read_bytes()[:1000])
    with pytest.raises(IsthmusError, match="not a readable checkpoint"):
        training.resume(folder.path)


def test_a_checkpoint_that_came_apart_is_one_line(small: Any, tmp_path: Path) -> None:
    folder = training.train(small(training={"epochs": 1}), tmp_path / "run")
    folder.cost.unlink()
    content = checkpoint.load(folder.checkpoint)
    name = next(iter(content["network"]))
    content["network"][name][0] = torch.nan
    checkpoint.save(folder.checkpoint, content)
    with pytest.raises(IsthmusError, match=rf"last\.ckpt: '{name}' holds \d+ values that are not finite"):
        training.resume(folder.path)


def test_any_number_of_workers_gives_the_same_weights(small: Any, tmp_path: Path) -> None:
    runs = [
        training.train(small(hardware={"workers": n}, training={"epochs": 2}), tmp_path / f"run{n}")
        for n in (0, 1, 4)
    ]
    assert len({run.weights.read_bytes() for run in runs}) == 1


def test_another_seed_gives_other_weights(small: Any, tmp_path: Path) -> None:
    runs = [
        training.train(small(training={"epochs": 1, "seed": seed}), tmp_path / f"seed{seed}")
        for seed in (0, 1)
    ]
    assert runs[0].weights.read_bytes() != runs[1].weights.read_bytes()


@pytest.mark.parametrize("lost", ["data.json", "splits.json", "environment.json"])
def test_killed_while_the_folder_was_made_it_goes_on(small: Any, tmp_path: Path, lost: str) -> None:
    whole = training.train(small(training={"epochs": 1}), tmp_path / "whole")
    shutil.copytree(whole.path, tmp_path / "parts")
    for name in (
        "cost.json",
        "last.ckpt",
        "best.safetensors",
        "network.json",
        "history.csv",
        "cases.csv",
        lost,
    ):
        (tmp_path / "parts" / name).unlink()
    assert_same(whole, training.resume(tmp_path / "parts"))


def test_the_checkpoint_of_another_recipe_is_refused(small: Any, tmp_path: Path) -> None:
    one = training.train(small(training={"epochs": 1}), tmp_path / "one")
    other = training.train(small(training={"epochs": 1, "seed": 3}), tmp_path / "other")
    one.cost.unlink()
    shutil.copy(other.checkpoint, one.checkpoint)
    with pytest.raises(IsthmusError, match="written with another recipe"):
        training.resume(one.path)


def test_a_disk_that_fills_up_at_the_weights_is_one_line(
    small: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from isthmus.runs import folder

    def full(path: Path, data: bytes) -> None:
        raise IsthmusError(f"cannot write {path}: No space left on device")

    monkeypatch.setattr(folder, "write_bytes", full)
    with pytest.raises(IsthmusError, match="No space left"):
        training.train(small(training={"epochs": 1}), tmp_path / "run")
    monkeypatch.undo()
    assert training.resume(tmp_path / "run").finished()


def test_a_checkpoint_from_before_a_key_existed_goes_on(small: Any, tmp_path: Path) -> None:
    folder = training.train(small(network={"depth": None}), tmp_path / "run")
    kept = json.loads(checkpoint.load(folder.checkpoint)["recipe"])
    del kept["network"]["depth"]
    assert state._same(json.dumps(kept), folder.recipe())
    kept["training"]["learning_rate"] = 0.5
    assert not state._same(json.dumps(kept), folder.recipe())
    assert not state._same(None, folder.recipe())
    assert not state._same("{", folder.recipe())

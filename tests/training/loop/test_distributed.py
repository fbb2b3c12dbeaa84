"""Two processes on one training: the gradients, and so the weights, of one."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from isthmus import training
from isthmus.errors import IsthmusError
from isthmus.runs.files import write_yaml
from isthmus.runs.folder import RunFolder
from isthmus.training.loop import checkpoint
from isthmus.training.loop.distributed import World, refuse_small_batches


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(arguments: list[str], size: int) -> list[subprocess.Popen[str]]:
    """What torchrun does, without its agent: a process for each rank that knows where the others are."""
    shared = {**os.environ, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    shared |= {"WORLD_SIZE": str(size), "GLOO_SOCKET_IFNAME": "lo"}
    return [
        subprocess.Popen(
            [sys.executable, "-m", "isthmus", *arguments],
            env=shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(size)
    ]


def ended(running: list[subprocess.Popen[str]]) -> list[subprocess.CompletedProcess[str]]:
    return [subprocess.CompletedProcess(one.args, one.wait(120), *one.communicate()) for one in running]


def launch(arguments: list[str], size: int) -> list[subprocess.CompletedProcess[str]]:
    return ended(start(arguments, size))


@pytest.mark.parametrize("batch", [4, 3])  # 3: the parts are of different sizes
def test_two_processes_give_the_weights_of_one(small: Any, tmp_path: Path, batch: int) -> None:
    recipe = small(
        training={"epochs": 2, "batch": batch, "samples": 8, "learning_rate": 1e-3, "optimiser": "sgd"},
        hardware={"precision": "float32", "workers": 1},
    )
    alone = training.train(recipe, tmp_path / "alone")
    write_yaml(tmp_path / "recipe.yaml", recipe.to_dict())
    done = launch(["train", "--recipe", str(tmp_path / "recipe.yaml"), "--out", str(tmp_path / "two")], 2)
    assert [one.returncode for one in done] == [0, 0], done[0].stderr + done[1].stderr
    assert "on the held-out cases" in done[0].stdout + done[0].stderr
    assert "on the held-out cases" not in done[1].stdout + done[1].stderr
    expected, got = load_file(alone.weights), load_file(tmp_path / "two" / "best.safetensors")
    for name, weight in expected.items():
        torch.testing.assert_close(got[name], weight, rtol=1e-4, atol=1e-6)
    ours = [row["train_loss"] for row in alone.read_rows(alone.history)]
    theirs = [row["train_loss"] for row in alone.read_rows(tmp_path / "two" / "history.csv")]
    assert [float(x) for x in theirs] == pytest.approx([float(x) for x in ours], rel=1e-4)


@pytest.mark.slow
def test_one_of_two_processes_asked_to_stop_stops_both(small: Any, tmp_path: Path) -> None:
    recipe = small(training={"epochs": 5000}, hardware={"precision": "float32", "workers": 1})
    write_yaml(tmp_path / "recipe.yaml", recipe.to_dict())
    folder = RunFolder(tmp_path / "two")
    running = start(["train", "--recipe", str(tmp_path / "recipe.yaml"), "--out", str(folder.path)], 2)
    limit = time.monotonic() + 120
    while not folder.checkpoint.is_file() and time.monotonic() < limit:
        time.sleep(0.05)
    running[1].send_signal(signal.SIGTERM)
    done = ended(running)
    assert [one.returncode for one in done] == [128 + signal.SIGTERM] * 2, done[0].stderr + done[1].stderr
    rows = folder.read_rows(folder.history)
    assert checkpoint.load(folder.checkpoint)["progress"]["epoch"] == len(rows)
    assert f"stopped after epoch {len(rows)}" in done[0].stderr


def test_parts_of_a_batch() -> None:
    for count, size in ((4, 2), (5, 2), (7, 3)):
        parts = [list(World(rank, size).part(count)) for rank in range(size)]
        assert sorted(index for part in parts for index in part) == list(range(count))
        assert sum(World(rank, size).weight(count) for rank in range(size)) == pytest.approx(size)
    with pytest.raises(IsthmusError, match=r"training\.batch is 1 but 2 processes"):
        refuse_small_batches(1, 2)

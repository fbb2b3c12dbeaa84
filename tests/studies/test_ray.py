"""A study on a real Ray cluster of several nodes: a node dies, the command is ended, the cells are not."""

from __future__ import annotations

import csv
import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from isthmus.studies.running.progress import status
from isthmus.studies.running.worker import compute
from isthmus.studies.study import Study
from isthmus.studies.study_folder import StudyFolder
from isthmus.watch import Silent

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("ray") is None,
        reason="Ray (extra `ray`) is not installed: pip install 'isthmus[ray]'",
    ),
]

EPOCHS = 150

CLUSTER = """
import json, socket, sys
from ray.cluster_utils import Cluster

with socket.create_server(("127.0.0.1", 0)) as server:
    port = server.getsockname()[1]
store = {"object_store_memory": 80 * 2**20}
head = {"num_cpus": 0, "include_dashboard": False, "ray_client_server_port": port}
cluster = Cluster(initialize_head=True, head_node_args=head | store)
nodes = [cluster.add_node(num_cpus=1, **store) for _ in range(3)]
raylets = [node.all_processes["raylet"][0].process.pid for node in nodes]
print(json.dumps({"address": cluster.address, "client": port, "raylets": raylets}), flush=True)
sys.stdin.read()
cluster.shutdown()
"""
"""A head that computes nothing and three nodes of one core each, until the input is closed.

It is a process of its own, so that Ray's warnings and handlers of signals are not those of the tests.
"""


class Nodes:
    """The cluster."""

    def __init__(self) -> None:
        told = next(filter(None, map(self._start, range(5))), None)  # Ray gives up on nodes that start slowly
        assert told is not None, "the cluster did not start"
        self.address, self.raylets = told["address"], told["raylets"]
        self.outside = f"ray://127.0.0.1:{told['client']}"

    def _start(self, attempt: int) -> Any:
        words = [sys.executable, "-c", CLUSTER]
        environment = os.environ | {
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_worker_niceness": "0",
            "GRPC_ENABLE_FORK_SUPPORT": "0",  # with it, the server for clients often crashes when it starts
        }
        self.process = subprocess.Popen(words, env=environment, text=True, stdin=-1, stdout=-1)
        assert self.process.stdout is not None
        line = next((line for line in self.process.stdout if line.startswith("{")), None)
        if line is None:
            self.process.communicate()
        return json.loads(line) if line else None

    def kill_that_of(self, worker: int) -> None:
        """End the node of a worker's process, and all its processes, as a power cut would."""
        raylet = _parent(worker)
        assert raylet in self.raylets
        for process in [raylet, *(each for each in _processes() if _parent(each) == raylet)]:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)


def _processes() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]


def _parent(process: int) -> int:
    try:
        return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return 0


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    made = Nodes()
    yield made
    made.process.communicate()


Command = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def isthmus(tmp_path: Path) -> Iterator[Command]:
    """A function from words, and variables of its environment, to the command with them, which runs."""
    begun = []

    def call(*words: str, **environment: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "isthmus.cli.main", *words]
        with_it = os.environ | environment
        begun.append(subprocess.Popen(command, cwd=tmp_path, env=with_it, text=True, stdout=-1, stderr=-1))
        return begun[-1]

    yield call
    for process in begun:
        process.kill()
        process.communicate()


@pytest.fixture
def study(small: Any, tmp_path: Path) -> Callable[..., Path]:
    """A function from epochs and changes to the file of a study."""

    def write(epochs: int, **changes: Any) -> Path:
        made: Study = small(**changes)
        values = made.to_dict()
        values["recipe"]["training"] |= {"epochs": epochs, "early_stopping": None}
        path = tmp_path / "my.yaml"
        path.write_text(yaml.safe_dump(values))
        return path

    return write


def until(found: Callable[[], Any], process: subprocess.Popen[str] | None = None) -> Any:
    """What is found, once it is; the command must not end before."""
    end = time.monotonic() + 300
    while time.monotonic() < end:
        value = found()
        if value:
            return value
        if process is not None and process.poll() is not None:
            raise AssertionError(f"it has ended: {process.communicate()}")
        time.sleep(0.1)
    raise AssertionError("in vain")


def workers(folder: StudyFolder, name: str) -> list[int]:
    """Processes that began a cell, in order."""
    return [int(each) for each in re.findall(r"begun on \S+ in process (\d+)", folder.log(name).read_text())]


def in_training(folder: StudyFolder) -> list[str]:
    """Cells that have begun, are not done, and have a checkpoint."""
    names = [path.parent.name for path in folder.cells.glob("*/last.ckpt")]
    return [name for name in names if not folder.run(name).finished() and workers(folder, name)]


def test_every_cell_is_finished_once_though_a_node_dies(
    nodes: Nodes, isthmus: Command, study: Any, tmp_path: Path
) -> None:
    broken = {"model": "unet", "input": {"resize": [33, 33]}}
    path = study(EPOCHS, networks={"U-Net": "unet", "Sharp U-Net": "sharp_unet", "Broken": broken}, folds=3)
    words = ["study", "run", str(path), "--out", "study", "--on", nodes.address]
    command, folder = isthmus(*words), StudyFolder(tmp_path / "study")
    lost = until(lambda: in_training(folder), command)[0]
    nodes.kill_that_of(workers(folder, lost)[-1])
    printed, said = command.communicate()
    assert command.returncode == 1, said
    assert "9 cells, 9 to compute" in said
    assert "3 processes at a time on Ray: 3 nodes, 1 core a cell" in said
    assert "3 of 9 cells failed:" in said
    assert "| phantoms | Sharp U-Net |" in printed
    cells = {cell.name: cell for cell in folder.plan().cells}
    for name, cell in cells.items():
        log = folder.log(name).read_text()
        assert log.count("begun on") == 1 + (name == lost), log
        if cell.network == "Broken":
            assert "33x33 is not divisible by" in folder.why(name)
            continue
        with folder.run(name).history.open() as file:
            assert [int(row["epoch"]) for row in csv.DictReader(file)] == list(range(1, EPOCHS + 1))
        assert log.count("resumed after epoch") == (name == lost), log
    found = status(folder)
    assert [found.count(state) for state in ("done", "running", "failed", "left")] == [6, 0, 3, 0]

    done = {each: each.stat().st_mtime_ns for each in folder.cells.glob("*/cost.json")}
    again = isthmus(*words)
    _, said = again.communicate()
    assert again.returncode == 1, said
    assert (
        "9 cells, 3 to compute" in said
    )  # those that failed are tried once more, on the nodes that are left
    assert "2 processes at a time on Ray: 2 nodes" in said
    assert {each: each.stat().st_mtime_ns for each in folder.cells.glob("*/cost.json")} == done


class Stop(Silent):
    """Ends training as soon as it resumes."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    def advance(self, text: str = "") -> None:
        if text.startswith("epoch"):
            raise KeyboardInterrupt


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 15), (signal.SIGKILL, -9)])
def test_a_command_that_is_ended_leaves_cells_to_go_on_with(
    nodes: Nodes, isthmus: Command, study: Any, tmp_path: Path, sent: signal.Signals, code: int
) -> None:
    path = study(100_000, networks={"U-Net": "unet"})
    command = isthmus("study", "run", str(path), "--out", "study", "--on", "ray", RAY_ADDRESS=nodes.address)
    folder = StudyFolder(tmp_path / "study")
    name = until(lambda: in_training(folder), command)[0]
    assert folder.state(name) == "running"
    process = workers(folder, name)[-1]
    command.send_signal(sent)
    command.communicate()
    assert command.returncode == code
    until(lambda: not Path(f"/proc/{process}").exists())
    assert folder.state(name) == "left"
    stop = Stop()
    with pytest.raises(KeyboardInterrupt):
        compute(folder, name, 1, stop)
    assert any("resumed after epoch" in line for line in stop.said)


def test_a_cluster_is_reached_from_outside(
    nodes: Nodes, isthmus: Command, study: Any, tmp_path: Path
) -> None:
    path = study(2, networks={"U-Net": "unet"})
    command = isthmus("study", "run", str(path), "--out", "study", "--on", nodes.outside)
    _, said = command.communicate()
    assert command.returncode == 0, said
    assert f"joining the Ray cluster at {nodes.outside}" in said
    assert status(StudyFolder(tmp_path / "study")).count("done") == 2

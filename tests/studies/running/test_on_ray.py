"""Which cluster `--on` means, how a study shares it, and the message when there is none; Ray is imitated here."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from isthmus.cli.main import main
from isthmus.errors import IsthmusError
from isthmus.studies.running.on_ray import Node, parse, share
from isthmus.studies.study_folder import StudyFolder

from ..fake_ray import Ray, RayError, Said, ray, run_on

__all__ = ["ray"]


@pytest.mark.parametrize("lost", [RayError("gone\nfar"), ConnectionError("gone")])
def test_a_cluster_that_is_lost_is_told(
    small: Any, tmp_path: Path, ray: Ray, lost: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nodes() -> Any:
        raise lost

    monkeypatch.setattr(ray, "nodes", nodes)
    with pytest.raises(IsthmusError, match=r"cluster was lost \(gone\); run the study again to resume it"):
        run_on(small(), tmp_path / "study")
    assert ray.calls[-1] == "shutdown"


def test_cells_ask_for_what_they_use(small: Any, tmp_path: Path, trained: None, ray: Ray) -> None:
    ray.resources = [{"CPU": 16.0, "GPU": 2.0}, {"CPU": 8.0, "GPU": 1.0}, {"CPU": 64.0}]
    machine = {"device": "auto"}
    networks = {
        "U-Net": {"model": "unet", "hardware": machine},
        "Sharp U-Net": {"model": "sharp_unet", "hardware": {"threads": 3}},  # the study's device: cpu
        "MILDNet": {"model": "mildnet", "hardware": machine | {"threads": 99}},
    }
    said = Said()
    run_on(small(networks=networks, folds=1), tmp_path / "study", watch=said)
    assert said.lines[1].endswith("3 processes at a time on Ray: 2 nodes, 8 cores and a GPU a cell")
    labels = {cell.name: cell.network for cell in StudyFolder(tmp_path / "study").plan().cells}
    asked = {labels[each["name"].split("/")[1]]: (each["num_cpus"], each["num_gpus"]) for each in ray.asked}
    assert asked == {"U-Net": (8, 1), "Sharp U-Net": (3, 0), "MILDNet": (16, 1)}


def test_a_cluster_without_cores_is_refused(small: Any, tmp_path: Path, ray: Ray) -> None:
    ray.resources = [{"memory": 1e9}]
    with pytest.raises(IsthmusError, match="none of the cluster's 1 nodes has free cores"):
        run_on(small(), tmp_path / "study")


NODES = st.lists(st.builds(Node, st.integers(0, 20), st.integers(0, 3)), min_size=1, max_size=5)


@given(NODES, st.none() | st.integers(1, 40))
def test_cells_get_as_many_cores_as_leave_room_for_all(nodes: list[Node], jobs: int | None) -> None:
    gpus = any(node.gpus for node in nodes)
    nodes = [node for node in nodes if node.cores and (node.gpus or not gpus)]
    if not nodes:
        return

    def room(threads: int) -> int:  # counted one by one
        count = 0
        for node in nodes:
            cores, left = node.cores, node.gpus if gpus else 99
            while cores >= threads and left:
                cores, left, count = cores - threads, left - 1, count + 1
        return count

    given, threads = share(nodes, jobs)
    if jobs is not None:
        assert given == jobs
    elif gpus:
        assert given == room(1)
    wanted = min(given, room(1))
    assert room(threads) >= wanted > room(threads + 1)


def test_a_cluster_that_this_process_uses_stays(small: Any, tmp_path: Path, trained: None, ray: Ray) -> None:
    ray.running = True
    run_on(small(), tmp_path / "study")
    assert not ray.calls


def test_a_running_cluster_is_joined(
    small: Any, tmp_path: Path, trained: None, ray: Ray, monkeypatch: pytest.MonkeyPatch
) -> None:
    works = ray.init

    def init(address: str | None = None, **options: Any) -> None:
        works(address, **options)
        if "num_cpus" in options:
            raise ValueError("When connecting to an existing cluster, num_cpus must not be provided.")

    monkeypatch.setattr(ray, "init", init)
    run_on(small(folds=1), tmp_path / "one")
    (_, first), (address, second), last = ray.calls
    assert (address, "num_cpus" in first, "num_cpus" in second, last) == (None, True, False, "shutdown")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        run_on(small(folds=1), tmp_path / "two", on=f"127.0.0.1:{port}")
        assert ray.calls[3][0] == f"127.0.0.1:{port}"
        monkeypatch.setenv("RAY_ADDRESS", f"ray://127.0.0.1:{port}")
        run_on(small(folds=1), tmp_path / "three")
        assert ray.calls[5][0] == f"ray://127.0.0.1:{port}"


@pytest.mark.parametrize(
    ("on", "read"),
    [
        ("ray", ("", 0, False)),
        ("ray://head", ("head", 10001, True)),
        ("ray://head:7", ("head", 7, True)),
        ("10.0.0.7:6379", ("10.0.0.7", 6379, False)),
    ],
)
def test_addresses(on: str, read: tuple[str, int, bool]) -> None:
    address = parse(on)
    assert (address.host, address.port, address.client) == read


def _closed() -> int:
    """A port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.mark.parametrize(
    ("command", "on", "line"),
    [
        ("study", "rai", "--on rai: write ray, ray://HOST or HOST:PORT"),
        ("study", "head", "--on head: write ray, ray://HOST or HOST:PORT"),
        ("study", "", "the value after --on is empty; give one, or leave it out"),
        ("study", "ray://", "--on ray://: write ray, ray://HOST or HOST:PORT"),
        ("study", "head:port", "--on head:port: write"),
        ("study", ":6379", "--on :6379: write"),
        ("reproduce", "rai", "--on rai: write ray, ray://HOST or HOST:PORT"),
        ("study", "127.0.0.1:{closed}", "no Ray cluster at 127.0.0.1:{closed} ("),
        ("study", "ray://127.0.0.1:{closed}", "no Ray cluster at ray://127.0.0.1:{closed} ("),
        ("study", "host.invalid:6379", "no Ray cluster at host.invalid:6379 ("),
        ("study", "127.0.0.1:99999", "no Ray cluster at 127.0.0.1:99999 ("),
    ],
)
def test_a_wrong_address_is_one_line_and_2(
    small: Any,
    tmp_path: Path,
    ray: Ray,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
    on: str,
    line: str,
) -> None:
    (tmp_path / "my.yaml").write_text(yaml.safe_dump(small().to_dict()))
    closed = _closed()
    words = {
        "study": ["study", "run", str(tmp_path / "my.yaml")],
        "reproduce": ["reproduce", "sharpunet/figure5", "--scale", "small"],
    }[command]
    out = str(tmp_path / "out")
    monkeypatch.setattr(sys, "argv", ["isthmus", *words, "--out", out, "--on", on.format(closed=closed)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    printed, error = capsys.readouterr()
    assert not printed
    assert f"isthmus: {line.format(closed=closed)}" in error.splitlines()[-1]
    assert not [call for call in ray.calls if call != "shutdown"]


def test_without_ray_the_extra_is_named(small: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(IsthmusError, match=r"pip install 'isthmus\[ray\]'$") as said:
        run_on(small(), tmp_path / "study")
    assert "\n" not in str(said.value)


def test_ray_is_imported_by_those_alone_who_ask_for_it() -> None:
    code = "import isthmus.cli.study, isthmus.studies.run, sys; print('ray' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "False\n"

"""Computes the cells of a study on a Ray cluster: each cell is a task, started again elsewhere if its node dies."""

from __future__ import annotations

import os
import socket
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from isthmus.errors import IsthmusError
from isthmus.machine import cores
from isthmus.studies.running.execute import CORES_OF_A_CELL, Machines, processes
from isthmus.studies.running.ray_task import RETRIES, Task, submit, telling, work
from isthmus.studies.study_folder import StudyFolder
from isthmus.watch import Watch

PATIENCE = 5.0
"""Seconds within which a cluster's port must answer."""
STORE = 100 * 2**20
"""Bytes of the object store of a cluster that is started here: cells exchange files, not objects."""
CLIENT_PORT = 10001
"""Port of Ray's client server, where an address names none."""


@dataclass(frozen=True)
class Address:
    """The address of a cluster; without a host, the cluster of this machine."""

    host: str = ""
    port: int = 0
    client: bool = False  # through Ray's client server: this machine is not a node of the cluster

    def __str__(self) -> str:
        return f"{'ray://' * self.client}{self.host}:{self.port}" if self.host else "ray"


def parse(on: str) -> Address:
    """Reads the value of ``--on``.

    Raises:
        IsthmusError: it has none of the three forms.

    >>> str(parse("ray")), str(parse("ray://head")), str(parse("10.0.0.7:6379"))
    ('ray', 'ray://head:10001', '10.0.0.7:6379')
    """
    if on == "ray":
        return Address()
    client = on.startswith("ray://")
    host, colon, port = on.removeprefix("ray://").partition(":")
    if not host or (colon and not port.isdecimal()) or not (client or colon):
        raise IsthmusError(f"--on {on}: write ray, ray://HOST or HOST:PORT")
    return Address(host, int(port or CLIENT_PORT), client)


class Node(NamedTuple):
    """The resources of a node of a cluster."""

    cores: int
    gpus: int

    def room(self, threads: int, gpus: bool) -> int:
        """Counts the cells that fit at a time, each with so many cores and, if `gpus`, with a GPU."""
        return min(self.cores // threads, self.gpus) if gpus else self.cores // threads


def share(nodes: Sequence[Node], jobs: int | None) -> tuple[int, int]:
    """Returns how many cells run at a time, and the cores of each: as many as leave room for all of them.

    Args:
        nodes: the nodes of the cluster.
        jobs: cells at a time; None: one for each GPU, or without GPUs one for every four cores of a node. Cells that
            do not fit wait in Ray's queue.

    >>> share([Node(16, 0), Node(16, 0)], None), share([Node(16, 2), Node(64, 0)], None)
    ((8, 4), (2, 8))
    >>> share([Node(6, 0), Node(2, 0)], 3)
    (3, 2)
    """
    gpus = any(node.gpus for node in nodes)

    def room(threads: int) -> int:
        return sum(node.room(threads, gpus) for node in nodes)

    every = room(1)
    if jobs is None:
        some = (max(1, node.cores // CORES_OF_A_CELL) if node.cores else 0 for node in nodes)
        jobs = every if gpus else sum(some)
    most = max(node.cores for node in nodes)
    return jobs, max(threads for threads in range(1, most + 1) if room(threads) >= min(jobs, every))


@contextmanager
def cluster(on: str, jobs: int | None, watch: Watch) -> Iterator[Machines]:
    """Joins a Ray cluster, or starts one, for as long as the block runs.

    Args:
        on: "ray": the cluster of this machine, or else one that is started; ``ray://HOST`` or ``HOST:PORT``.
        jobs: as for `share`.
        watch: receives which cluster is joined.

    Yields:
        The cluster as machines for `execute`.

    Raises:
        IsthmusError: Ray is not installed, there is no such cluster, or it was lost.
    """
    address = parse(on)
    ray = _ray()
    own = not ray.is_initialized()
    if own:
        _join(ray, address, watch)
    try:
        nodes = [_node(each["Resources"]) for each in ray.nodes() if each["Alive"]]
        gpus = any(node.gpus for node in nodes)
        usable = [node for node in nodes if node.room(1, gpus)]
        if not usable:
            raise IsthmusError(
                f"--on {on}: none of the cluster's {len(nodes)} nodes has free cores; add a node"
            )
        number, threads = share(usable, jobs)
        most = max(node.cores for node in usable)
        remote = ray.remote(max_calls=1, max_retries=RETRIES, scheduling_strategy="SPREAD")(work)

        def launch(folder: StudyFolder, name: str, threads: int, slot: int) -> Task:  # noqa: ARG001
            return submit(ray, remote, folder, name, threads, most, gpus)

        where = f"{len(usable)} node{'s' * (len(usable) > 1)}, {threads} core{'s' * (threads > 1)}"
        yield Machines(
            number, threads, launch, f"{processes(number)} on Ray: {where}{' and a GPU' * gpus} a cell"
        )
    except (ray.exceptions.RayError, ConnectionError) as error:
        raise IsthmusError(
            f"the Ray cluster was lost ({telling(error)}); run the study again to resume it"
        ) from error
    finally:
        if own:
            ray.shutdown()


def _ray() -> Any:
    """Imports Ray, without telemetry and with a short wait for an address that does not answer."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_NUM_REDIS_GET_RETRIES", "2")
    try:
        import ray
        import ray.exceptions
    except ImportError as error:
        raise IsthmusError(f"--on ray: needs Ray ({error}); pip install 'isthmus[ray]'") from error
    return ray


def _join(ray: Any, address: Address, watch: Watch) -> None:
    quiet = {"log_to_driver": False, "logging_level": "ERROR"}
    if not address.host and os.environ.get("RAY_ADDRESS"):
        address = parse(os.environ["RAY_ADDRESS"])
    try:
        if address.host:
            socket.create_connection((address.host, address.port), PATIENCE).close()
            watch.say(f"joining the Ray cluster at {address}")
            with warnings.catch_warnings(action="ignore"):  # the error below says the same
                ray.init(str(address), **quiet)
            return
        watch.say("starting Ray on this machine, or joining it")
        try:
            ray.init(num_cpus=cores(), object_store_memory=STORE, include_dashboard=False, **quiet)
        except ValueError:  # a running cluster accepts no sizes
            ray.init(**quiet)
    except Exception as error:
        ray.shutdown()
        raise IsthmusError(f"no Ray cluster at {address} ({telling(error)}); {_hint(address)}") from error


def _hint(address: Address) -> str:
    if not address.host:
        return "`ray stop` ends what an earlier cluster left; see `session_latest/logs` in Ray's own folder"
    where = "its client server has this port" if address.client else "this machine is a node of it"
    return f"check that it runs and that {where}; if it asks for a token, set RAY_AUTH_MODE=token"


def _node(resources: dict[str, float]) -> Node:
    return Node(int(resources.get("CPU", 0)), int(resources.get("GPU", 0)))

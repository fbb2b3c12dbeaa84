"""One network for many threads: what waits goes through together, where that is the same answer to the last bit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from contextlib import suppress
from dataclasses import dataclass, field
from math import prod
from threading import Lock

import numpy as np

from isthmus.inference.engines.engine import Engine
from isthmus.inference.tiling.cutter import ROOM
from isthmus.inference.tiling.tiles import Floats

Heads = dict[str, Floats]


class Stopped(Exception):
    """Nobody waits for the result any more."""


@dataclass(frozen=True)
class Job:
    """A batch that waits.

    Attributes:
        batch: ``(N, channels, *spatial)``.
        stopped: whether nobody waits for it any more.
        result: its maps.
    """

    batch: Floats
    stopped: Callable[[], bool]
    result: Future[Heads] = field(default_factory=Future)


class Together:
    """An engine that threads share, and that computes in a thread of its own.

    Batches of one size that wait at the same time are joined, as far as there is room. How a kernel orders its sums
    depends on the sizes alone. So before batches of some sizes are joined for the first time, random numbers of these
    sizes go through joined and one by one, and if a single bit differs, such batches are never joined.

    Args:
        engine: what computes.
        thread: runs one call at a time.
        stopped: whether nobody waits for what the calling thread computes.
    """

    def __init__(self, engine: Engine, thread: Executor, stopped: Callable[[], Callable[[], bool]]) -> None:
        self.engine, self.thread, self.stopped = engine, thread, stopped
        self._waiting: list[Job] = []
        self._lock = Lock()
        self._agree: dict[tuple[tuple[int, ...], ...], bool] = {}

    def __call__(self, batch: Floats) -> Heads:
        """Returns the maps of a batch.

        Raises:
            Stopped: nobody waits for them any more.
        """
        job = Job(batch, self.stopped())
        with self._lock:
            self._waiting.append(job)
        self.thread.submit(self._compute)
        return job.result.result()

    def _compute(self) -> None:
        jobs = self._taken()
        together = self._together([job.batch for job in jobs]) if len(jobs) > 1 else None
        for index, job in enumerate(jobs):
            try:
                job.result.set_result(together[index] if together else self.engine(job.batch))
            except BaseException as error:
                job.result.set_exception(error)

    def _taken(self) -> list[Job]:
        """Takes the batch that has waited longest, and others that may be joined with it."""
        taken: list[Job] = []
        left, room = [], ROOM
        with self._lock:
            for job in self._waiting:
                pixels = len(job.batch) * prod(job.batch.shape[2:])
                if job.stopped():
                    job.result.set_exception(Stopped())
                elif not taken or (job.batch.shape[1:] == taken[0].batch.shape[1:] and pixels <= room):
                    taken.append(job)
                    room -= pixels
                else:
                    left.append(job)
            self._waiting = left
        return taken

    def _together(self, batches: Sequence[Floats]) -> list[Heads] | None:
        """Returns the maps of each batch; None if they are not to be joined."""
        with suppress(Exception):  # not enough memory, for example
            if self._may_join(tuple(batch.shape for batch in batches)):
                return self._joined(batches)
        return None

    def _may_join(self, shapes: tuple[tuple[int, ...], ...]) -> bool:
        if shapes not in self._agree:
            self._agree[shapes] = False  # also if what follows fails
            random = np.random.default_rng(0)
            batches = [random.standard_normal(shape, np.float32) for shape in shapes]
            alone = [self.engine(batch) for batch in batches]
            self._agree[shapes] = all(map(_are_equal, alone, self._joined(batches)))
        return self._agree[shapes]

    def _joined(self, batches: Sequence[Floats]) -> list[Heads]:
        maps = self.engine(np.concatenate(batches))
        ends = np.cumsum([len(batch) for batch in batches])[:-1]
        parts = {name: np.split(values, ends) for name, values in maps.items()}
        return [{name: parts[name][index] for name in parts} for index in range(len(batches))]


def _are_equal(one: Heads, other: Heads) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)

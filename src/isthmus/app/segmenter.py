"""Segments the images of several clients: a few at a time, whose tiles go through the network together
(`isthmus.app.together`); others wait as files."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from types import TracebackType
from typing import TypeVar

from isthmus.app.answers import Kind, encoded
from isthmus.app.refusals import Refused
from isthmus.app.served import Served
from isthmus.app.uploads import Limits, read
from isthmus.memory import is_shortage

T = TypeVar("T")

WORKERS = 4
"""Images that are segmented at once."""

AHEAD = WORKERS + 2
"""Images that are in memory at once: those, and others being read or written."""

LARGE = 2**20
"""Images of more pixels are segmented one at a time, as each takes much memory and fills batches of its own."""

SOON = "1"
"""Seconds after which a client that was refused for want of a place may ask again."""


@dataclass(frozen=True)
class Answer:
    """The file of a mask, and lines to tell the user about the image."""

    content: bytes
    notes: list[str]


class Segmenter:
    """Segments images; a context manager, so that its threads and its folder end with it.

    Args:
        runs: the runs that are served.
        limits: what requests may take.
    """

    def __init__(self, runs: Sequence[Served], limits: Limits | None = None) -> None:
        self.runs, self.limits = runs, limits or Limits()
        self._free = self.limits.places
        self._ahead = asyncio.Semaphore(AHEAD)
        self._one_large = asyncio.Lock()
        self._network = ThreadPoolExecutor(1, "isthmus-network")
        self._workers = ThreadPoolExecutor(WORKERS, "isthmus-worker")
        self._files = ThreadPoolExecutor(2, "isthmus-files")
        self._folder = TemporaryDirectory(prefix="isthmus-", ignore_cleanup_errors=True)
        for run in runs:
            run.share(self._network)

    def __enter__(self) -> Segmenter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for pool in (self._workers, self._files, self._network):  # workers wait for the network
            pool.shutdown(cancel_futures=True)
        self._folder.cleanup()

    @contextmanager
    def place(self) -> Iterator[Path]:
        """Takes a place, with a folder of its own for an image.

        Raises:
            Refused: all places are taken.
        """
        if not self._free:
            raise Refused(
                429,
                f"all {self.limits.places} places are taken; send the image again later",
                {"Retry-After": SOON},
            )
        self._free -= 1
        try:
            with TemporaryDirectory(dir=self._folder.name, ignore_cleanup_errors=True) as folder:
                yield Path(folder)
        finally:
            self._free += 1

    async def segment(self, run: Served, path: Path, kind: Kind) -> Answer:
        """Segments the image in a file; where this is cancelled, the network stops at its next batch.

        Raises:
            IsthmusError: the image cannot be read, is too large, or does not suit the run.
        """
        left = Event()
        try:
            async with self._ahead:
                image = await _in(self._files, lambda: read(path, run.data, self.limits))
                async with self._one_large if image.pixels[0].size > LARGE else nullcontext():
                    found = await _in(self._workers, lambda: run.predict(image, left.is_set))
                folder = Path(self._folder.name)
                content = await _in(
                    self._files, lambda: encoded(found.mask, kind, run.data, image.source, folder)
                )
            return Answer(content, found.notes)
        except Exception as error:
            if is_shortage(error):
                raise Refused(413, "not enough memory for this image; cut it into parts") from error
            raise
        finally:
            left.set()


async def _in(pool: Executor, work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(pool, work)

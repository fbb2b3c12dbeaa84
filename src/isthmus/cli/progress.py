"""Progress on a terminal: a bar with the time left; without a terminal, a line now and then."""

from __future__ import annotations

import os
import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

from isthmus.cli.streams import printable, tell

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

SPARSE_SECONDS = 20.0
"""Least time between two lines without a terminal."""

DUMB = ("dumb", "unknown")
"""Terminals on which nothing can be drawn."""

quiet = False
"""Whether progress and remarks are hidden."""


class Display:
    """Shows the progress of a command; a context manager, so that the bar is always closed."""

    def __init__(self) -> None:
        self.quiet = quiet
        self.interactive = not quiet and sys.stderr.isatty() and os.environ.get("TERM") not in DUMB
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._label, self._total, self._done, self._began_with = "", 0, 0, 0
        self._start = self._last = 0.0
        self._end: float | None = None  # of the stage, where it was told

    def __enter__(self) -> Display:
        if self.interactive:
            from rich.console import Console
            from rich.progress import (
                BarColumn,
                MofNCompleteColumn,
                Progress,
                TextColumn,
                TimeElapsedColumn,
            )

            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TextColumn("{task.fields[left]}"),
                TextColumn("{task.fields[text]}", markup=False),
                console=Console(stderr=True),
            )
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def stage(self, label: str, total: int, done: int = 0) -> None:
        self._label, self._total, self._done, self._began_with = label, total, done, done
        self._start = self._last = time.monotonic()
        self._end = None
        if self._bar is not None:
            if self._task is not None:
                self._bar.stop_task(self._task)
            self._task = self._bar.add_task(label, total=total, completed=done, text="", left="")

    def advance(self, text: str = "") -> None:
        self._done += 1
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=self._done, text=printable(text), left=self._left())
            return
        now = time.monotonic()
        if self._done < self._total and now - self._last >= SPARSE_SECONDS:
            self._last = now
            self.say(f"{self._label}: {self._done}/{self._total}, {self._left()}{', ' * bool(text)}{text}")

    def left(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, left=self._left())

    def _left(self) -> str:
        """Returns the time that is left: as it was told, or else at an even pace."""
        now = time.monotonic()
        if self._end is not None:
            return f"{clock(max(0.0, self._end - now))} left"
        pace = (now - self._start) / max(1, self._done - self._began_with)
        return f"{clock(pace * (self._total - self._done))} left"

    def say(self, text: str) -> None:
        if self._bar is not None:
            self._bar.console.print(printable(text), markup=False, highlight=False, soft_wrap=True)
        elif not self.quiet:
            tell(text)


def clock(seconds: float) -> str:
    """Returns a time in minutes and seconds, with hours if there are any.

    >>> clock(75)
    '1:15'
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"

"""Ctrl-C and termination signals: the first stops training between steps, a second one at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

from isthmus.watch import Watch

SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name)]
UNTOUCHED = (signal.SIG_DFL, signal.default_int_handler)
"""Default handlers, which may be replaced."""


class Stopped(KeyboardInterrupt):
    """Training stopped on request; the message says what the run holds and how to go on."""

    def __init__(self, number: int, message: str = "training was stopped") -> None:
        super().__init__(message)
        self.number = number


class Stop:
    """While the block runs, the first request to stop is only noted.

    Outside the main thread, and where a program handles these signals itself, nothing is changed.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self._before: dict[int, Callable[[int, FrameType | None], Any] | int | None] = {}
        self._told = False

    def __enter__(self) -> Stop:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                if signal.getsignal(number) in UNTOUCHED:
                    self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

    def _note(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        if self.number is not None:
            self.__exit__()
            signal.raise_signal(number)
        self.number = number

    def between_steps(self, epoch: int, saved: int, watch: Watch) -> None:
        """Stop here if that was asked for and all finished epochs are saved; else after this epoch.

        Args:
            epoch, saved: how many epochs are done, and how many of these are in the checkpoint.

        Raises:
            Stopped: it was asked for.
        """
        if self.number is None or self._told:
            return
        if saved == epoch:
            raise Stopped(self.number)
        watch.say(f"stopping once epoch {epoch + 1} is done and saved; ask again to end at once")
        self._told = True

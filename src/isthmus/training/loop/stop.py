"""Handles Ctrl-C and termination signals: the first stops training between steps, the second at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

from isthmus.watch import Watch

SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name)]
UNTOUCHED = (signal.SIG_DFL, signal.default_int_handler)
"""Default handlers, which are replaced during training."""


class Stopped(KeyboardInterrupt):
    """Training was stopped on request; the message says what the run holds and how to continue it."""

    def __init__(self, number: int, message: str = "training was stopped") -> None:
        super().__init__(message)
        self.number = number


class Stop:
    """Takes note of the first request to stop while the block runs, instead of stopping at once.

    Outside the main thread, and in programs that handle these signals themselves, it changes nothing.
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
        """Stops if that was requested and all finished epochs are saved; otherwise it says that this epoch ends first.

        Args:
            epoch: number of finished epochs.
            saved: number of these that are in the checkpoint.
            watch: receives the note.

        Raises:
            Stopped: it was requested.
        """
        if self.number is None or self._told:
            return
        if saved == epoch:
            raise Stopped(self.number)
        watch.say(f"stopping once epoch {epoch + 1} is done and saved; interrupt again to stop at once")
        self._told = True

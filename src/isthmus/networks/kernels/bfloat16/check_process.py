"""Starts the process that checks kernels, restarts it if it has died, and asks it."""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO, cast

from isthmus.networks.kernels.bfloat16.kinds import Kind

LIMIT = 120.0
"""Seconds to wait for one answer."""


class CannotCheck(Exception):
    """The process that checks kernels cannot be started here."""


class Checker:
    """Asks whether kinds of convolutions are computed correctly, and keeps the process that answers."""

    command = (sys.executable, "-P", "-m", "isthmus.networks.kernels.bfloat16.check")

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._owner = os.getpid()
        atexit.register(self.close)

    def ask(self, kind: Kind, way: str) -> bool:
        """Returns whether this way of computing this kind of convolution is correct; False if the process dies.

        Raises:
            CannotCheck: the process cannot be started.
        """
        question = f"{way}\t{kind.to_json()}\n"
        # twice, as an idle process may just have ended
        answers = (self._answer(question) for _ in range(2))
        return next((answer for answer in answers if answer), "False") == "True"

    def close(self) -> None:
        """Ends the process."""
        if self._process is None or self._owner != os.getpid():
            return
        with suppress(OSError):
            cast(IO[str], self._process.stdin).close()
        self._process.kill()
        self._process.wait()
        cast(IO[str], self._process.stdout).close()
        self._process = None

    def _answer(self, question: str) -> str:
        if self._owner != os.getpid():  # forked: the answers for two processes would be mixed up
            self._process, self._owner = None, os.getpid()
        process = self._process or self._start()
        with suppress(OSError):
            stdin = cast(IO[str], process.stdin)
            stdin.write(question)
            stdin.flush()
        return self._line(process)

    def _start(self) -> subprocess.Popen[str]:
        package = Path(__file__).parents[4]
        path = os.pathsep.join(filter(None, [str(package), os.environ.get("PYTHONPATH")]))
        try:
            process = subprocess.Popen(  # noqa: S603
                self.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                encoding="utf-8",
                env={**os.environ, "PYTHONPATH": path},
            )
        except (OSError, ValueError, TypeError) as error:
            raise CannotCheck(str(error)) from error
        self._process = process
        if self._line(process) != "ready":
            raise CannotCheck(f"{' '.join(self.command)} does not start")
        return process

    def _line(self, process: subprocess.Popen[str]) -> str:
        """Returns the next line of its output; empty if it died or was killed after `LIMIT` seconds."""
        limit = threading.Timer(LIMIT, process.kill)
        limit.start()
        try:
            line = cast(IO[str], process.stdout).readline().strip()
        finally:
            limit.cancel()
        if not line:
            self.close()
        return line

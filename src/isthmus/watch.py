"""How long work tells what it is doing; the command line shows it, a test or a notebook may ignore it."""

from __future__ import annotations

from typing import Protocol


class Watch(Protocol):
    """Told of stages, steps and remarks."""

    def stage(self, label: str, total: int, done: int = 0) -> None:
        """A new stage of ``total`` steps begins, ``done`` of them done already."""

    def advance(self, text: str = "") -> None:
        """A step is done; ``text`` says how it stands."""

    def say(self, text: str) -> None:
        """A remark to keep."""


class Silent:
    """Shows nothing."""

    def stage(self, label: str, total: int, done: int = 0) -> None:
        pass

    def advance(self, text: str = "") -> None:
        pass

    def say(self, text: str) -> None:
        pass

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


def about(seconds: float) -> str:
    """A span of time, rounded as one would say it.

    >>> about(1), about(44.6), about(1858), about(20_000), about(400_000)
    ('1 second', '45 seconds', '31 minutes', '5.6 hours', '4.6 days')
    """
    if seconds < 90:
        whole = max(1, round(seconds))
        return f"{whole} second{'s' * (whole > 1)}"
    if seconds < 90 * 60:
        return f"{round(seconds / 60)} minutes"
    return f"{seconds / 3600:.1f} hours" if seconds < 36 * 3600 else f"{seconds / 86400:.1f} days"


class Silent:
    """Shows nothing."""

    def stage(self, label: str, total: int, done: int = 0) -> None:
        pass

    def advance(self, text: str = "") -> None:
        pass

    def say(self, text: str) -> None:
        pass

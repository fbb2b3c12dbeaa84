"""Reports on the progress of long work, which the command line shows and a test or notebook may ignore."""

from __future__ import annotations

from typing import Protocol


class Watch(Protocol):
    """Receives stages, steps and remarks."""

    def stage(self, label: str, total: int, done: int = 0) -> None:
        """Begins a stage of ``total`` steps, ``done`` of which are already done."""

    def advance(self, text: str = "") -> None:
        """Ends a step; ``text`` says how the work is going."""

    def left(self, seconds: float) -> None:
        """Tells how long the rest of the stage will take, where its steps take unequal times."""

    def say(self, text: str) -> None:
        """Makes a remark that stays on the screen."""


def duration(seconds: float) -> str:
    """Returns a rounded duration in words.

    >>> duration(1), duration(44.6), duration(1858), duration(20_000), duration(400_000)
    ('1 second', '45 seconds', '31 minutes', '5.6 hours', '4.6 days')
    """
    if seconds < 90:
        whole = max(1, round(seconds))
        return f"{whole} second{'s' * (whole > 1)}"
    if seconds < 90 * 60:
        return f"{round(seconds / 60)} minutes"
    return f"{seconds / 3600:.1f} hours" if seconds < 36 * 3600 else f"{seconds / 86400:.1f} days"


class Silent:
    """Ignores all reports."""

    def stage(self, label: str, total: int, done: int = 0) -> None:
        pass

    def advance(self, text: str = "") -> None:
        pass

    def left(self, seconds: float) -> None:
        pass

    def say(self, text: str) -> None:
        pass

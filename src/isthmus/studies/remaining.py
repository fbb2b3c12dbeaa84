"""How long the tables and figures that are not made yet will take."""

from __future__ import annotations

import math
from collections.abc import Mapping

from isthmus.watch import duration


class Remaining:
    """What is left of several tables and figures, corrected by how long those that are made have taken.

    Args:
        seconds: how long each will take, by name, as it was measured before it began; 0 if all of its cells are done,
            infinity if it is unknown.

    >>> remaining = Remaining({"a": 600.0, "b": 1200.0, "c": math.inf})
    >>> remaining.line()
    'about 30 minutes for 2 tables and figures, and as long as it takes for 1 that could not be measured'
    >>> remaining.made("a", 1200.0)
    >>> remaining.made("c", 5.0)
    >>> remaining.line()
    'about 40 minutes for 1 table or figure'
    """

    def __init__(self, seconds: Mapping[str, float]) -> None:
        self._left = dict(seconds)
        self._spent = self._expected = 0.0

    def made(self, name: str, spent: float) -> None:
        """Takes note of one that was made, or could not be made, in so many seconds."""
        expected = self._left.pop(name)
        if math.isfinite(expected):
            self._spent, self._expected = self._spent + spent, self._expected + expected

    def line(self) -> str:
        """Returns the time that is left, in words; empty if nothing is."""
        known = [seconds for seconds in self._left.values() if 0 < seconds < math.inf]
        unknown = sum(math.isinf(seconds) for seconds in self._left.values())
        pace = self._spent / self._expected if self._expected else 1.0
        parts = []
        if known:
            what = "1 table or figure" if len(known) == 1 else f"{len(known)} tables and figures"
            parts.append(f"about {duration(math.fsum(known) * pace)} for {what}")
        if unknown:
            parts.append(f"as long as it takes for {unknown} that could not be measured")
        return ", and ".join(parts)

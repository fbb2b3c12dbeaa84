"""How a part declares its settings, so that the recipe can take them over.

A setting is a field with a default whose annotation carries its range and its help text:

>>> from dataclasses import dataclass
>>> from typing import Annotated
>>> @dataclass
... class Blur:
...     sigma: Annotated[float, Range(above=0), "Standard deviation of the Gaussian, in pixels."] = 2.0
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf


@dataclass(frozen=True)
class Range:
    """Bounds of a number, or of each number in a list.

    Attributes:
        least: smallest value.
        most: largest value.
        above: bound that values must exceed.
        below: bound that values must stay under.

    >>> 0.5 in Range(0, 1), 0 in Range(above=0), float("nan") in Range(0)
    (True, False, False)
    >>> str(Range(0, 1)), str(Range(above=0)), str(Range(0, below=1))
    ('from 0 to 1', 'above 0', 'at least 0 and below 1')
    """

    least: float = -inf
    most: float = inf
    above: float = -inf
    below: float = inf

    def __contains__(self, number: float) -> bool:
        return (
            self.least <= number <= self.most
            and (number > self.above or self.above == -inf)
            and (number < self.below or self.below == inf)
        )

    def __str__(self) -> str:
        if self.least > -inf and self.most < inf:
            return f"from {self.least:,} to {_written(self.most)}"
        bounds = (
            (self.least, "at least"),
            (self.above, "above"),
            (self.most, "at most"),
            (self.below, "below"),
        )
        return " and ".join(f"{word} {_written(bound)}" for bound, word in bounds if abs(bound) < inf)


def _written(bound: float) -> str:
    return "10^9" if bound == 10**9 else f"{bound:,}"


POSITIVE = Range(1, 10**9)
"""A count: at least one."""

SHARE = Range(0, 1)

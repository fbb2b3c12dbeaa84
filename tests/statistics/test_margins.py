"""Verdicts on non-inferiority: the six intervals of figure 1 of the CONSORT extension (Piaggio et al. 2012)."""

from __future__ import annotations

import math

import pytest

from isthmus.errors import IsthmusError
from isthmus.statistics import Interval, non_inferiority

INTERVALS = [
    (0.01, 0.05, "superior"),
    (-0.01, 0.03, "non-inferior"),
    (-0.01, -0.002, "non-inferior"),  # worse, but by no more than the margin
    (-0.03, 0.03, "inconclusive"),
    (-0.03, -0.01, "inconclusive"),
    (-0.06, -0.03, "inferior"),
    (-0.02, 0.01, "inconclusive"),  # the bound lies on the margin
    (0.0, 0.0, "non-inferior"),  # all cases tie
]


@pytest.mark.parametrize(("low", "high", "verdict"), INTERVALS)
def test_an_interval_against_a_margin(low: float, high: float, verdict: str) -> None:
    assert non_inferiority(Interval((low + high) / 2, low, high, 0.95), 0.02) == verdict
    mirrored = Interval(-(low + high) / 2, -high, -low, 0.95)
    assert non_inferiority(mirrored, 0.02, higher_is_better=False) == verdict


@pytest.mark.parametrize("margin", [0, -0.02, math.nan, math.inf])
def test_a_margin_is_above_0(margin: float) -> None:
    with pytest.raises(IsthmusError, match="the margin is"):
        non_inferiority(Interval(0, 0, 0, 0.95), margin)

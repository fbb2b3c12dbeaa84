"""Items that stay within a budget of bytes."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.data.sampling.cache import ByteBudget, Cache


def test_items_stay_within_the_budget() -> None:
    loads: Counter[str] = Counter()

    def load(name: str) -> NDArray[Any]:
        loads[name] += 1
        return np.zeros(10, np.uint8)

    cache = Cache(load, ByteBudget(35), recent=15)  # room for two that stay, and one of the most recent
    for name in "aabbccccddccab":
        assert cache[name].nbytes == 10
    assert loads == {"a": 1, "b": 1, "c": 2, "d": 1}


def test_a_budget_is_shared() -> None:
    loads: Counter[str] = Counter()

    def load(name: str) -> NDArray[Any]:
        loads[name] += 1
        return np.zeros(10, np.uint8)

    shared = ByteBudget(10)
    one, other = Cache(load, shared), Cache(load, shared)
    for _ in range(3):
        one["x"], other["y"]
    assert loads == {"x": 1, "y": 3}

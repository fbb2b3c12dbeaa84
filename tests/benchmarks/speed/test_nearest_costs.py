"""The constants of the cost rule are measured under the names that the rule has."""

from __future__ import annotations

import pytest

from benchmarks.speed import nearest_costs
from isthmus.metrics import nearest


def test_every_constant_is_one_of_the_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nearest_costs, "CALLS", 1)
    assert all(hasattr(nearest, name.partition("[")[0]) for name in nearest_costs.costs())

"""The benchmark of prediction runs at toy size."""

from __future__ import annotations

import pytest
from benchmarks.frame.benchmark import Settings
from benchmarks.frame.command import run

from benchmarks.speed import inference


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # what the tools say of themselves
def test_it_runs_at_toy_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inference, "keep_freed_memory", lambda: None)
    made = run("speed.inference", Settings(toy=True))
    assert len(made) == len(inference.TOY)
    for row in made:
        assert {"isthmus", "torch"} <= row["values"].keys()
    assert max(made[0]["facts"]["mean_difference_in_deviations"].values()) < 1e-4

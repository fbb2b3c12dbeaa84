"""The benchmark of tiles runs at toy size."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.frame.benchmark import Settings
from benchmarks.frame.command import run


@pytest.mark.slow
def test_it_runs_at_toy_size(shared_data: Path) -> None:
    made = run("accuracy.tiles", Settings(toy=True, data=shared_data))
    assert [row["name"] for row in made] == [f"32x32, statistics of the {kind}" for kind in ("tile", "image")]
    assert all(0 <= row["values"]["isthmus"]["dice"][0] <= 1 for row in made)

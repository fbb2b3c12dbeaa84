"""The benchmark of whole epochs runs at toy size."""

from __future__ import annotations

import pytest
from benchmarks.frame.benchmark import Settings
from benchmarks.frame.command import run

from benchmarks.speed import epoch


def test_it_runs_at_toy_size() -> None:
    made = run("speed.epoch", Settings(toy=True), only="ISBI-2012")
    assert [row["name"] for row in made] == [f"ISBI-2012, {name}" for name in epoch.AUGMENTATIONS]
    for row in made:
        found = row["values"]["isthmus"]
        shares = [found[f"share_{part}"] for part in ("steps", "waiting", "validating")]
        assert sum(shares) == pytest.approx(1)
        assert min(shares) >= 0
        assert found["seconds_to_first_step"] > 0

"""The benchmark of targets runs at toy size."""

from __future__ import annotations

from benchmarks.frame.benchmark import Settings
from benchmarks.frame.command import run

from benchmarks.speed import targets


def test_it_runs_at_toy_size() -> None:
    made = run("speed.targets", Settings(toy=True))
    assert [row["name"] for row in made] == list(targets.TARGETS)
    assert all({"64 x 64", "16 x 16 x 16"} <= row["values"].keys() for row in made)

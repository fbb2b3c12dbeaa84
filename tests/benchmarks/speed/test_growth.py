"""The benchmark of cost by size runs at toy size, and its page divides by images or pixels."""

from __future__ import annotations

from benchmarks.frame.benchmark import Settings
from benchmarks.frame.command import run

from benchmarks.speed import growth


def test_it_runs_at_toy_size() -> None:
    made = run("speed.growth", Settings(toy=True))
    assert len(made) == 5
    assert all(len(row["values"]) == 3 for row in made)


def test_the_page_divides_by_what_grows() -> None:
    rows = [
        {"name": "a", "unit": "seconds", "values": {"2": 1.0, "20": 5.0}, "facts": {"by": growth.COUNT}},
        {"name": "b", "unit": "seconds", "values": {"2": 1.0, "20": 5.0}, "facts": {"by": growth.SIDE}},
    ]
    page = growth.page([{"rows": rows}])
    assert "20: 5 s (0.50)" in page[2]
    assert "20: 5 s (0.05)" in page[3]

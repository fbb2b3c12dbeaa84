"""The documentation shows what the committed results say, and all of it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from benchmarks.frame.benchmark import Settings, find, titles

from benchmarks.frame import pages, results

BLOCKS = pages.blocks()


@pytest.mark.parametrize("page", sorted(set(BLOCKS.values())), ids=lambda page: page.name)
def test_the_committed_page_is_made_of_the_committed_results(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert pages.filled(text) == text


@pytest.mark.parametrize("name", titles())
def test_every_block_of_a_benchmark_stands_on_a_page(name: str) -> None:
    if results.every(name):
        assert [block for block in find(name).blocks if (name, block) not in BLOCKS] == []


def test_every_block_of_a_page_belongs_to_a_benchmark() -> None:
    assert [key for key in BLOCKS if key[1] not in find(key[0]).blocks] == []


def test_every_file_of_results_belongs_to_a_benchmark() -> None:
    files = set(results.RESULTS.rglob("*.json"))
    known = {
        path
        for name in titles()
        for path in results.path_of(name).parent.glob(f"{name.partition('.')[2]}*.json")
    }
    assert files == known


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow if name in ("speed.inference", "speed.metrics") else ())
        for name in titles()
        if name not in ("speed.against", "unlike_images.rates")  # whose rows need a commit, and data
    ],
)
def test_every_stored_row_is_a_row_of_its_benchmark(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = sys.modules[find(name).rows.__module__]
    monkeypatch.setattr(module, "keep_freed_memory", lambda: None, raising=False)
    rows = {(row.name, row.unit) for row in find(name).rows(Settings())}
    assert [
        key for result in results.every(name) for key in map(results.key, result["rows"]) if key not in rows
    ] == []

"""The documentation shows what the committed results say, and all of it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[3]))

from benchmarks.frame.benchmark import find, titles

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

"""Examples in docstrings hold, and tables have a cell for every contender."""

from __future__ import annotations

import doctest
from types import ModuleType

import pytest

from benchmarks.frame import markdown, runs


@pytest.mark.parametrize("module", [markdown, runs])
def test_the_examples_in_docstrings_hold(module: ModuleType) -> None:
    found = doctest.testmod(module)
    assert (found.failed, found.attempted > 0) == (0, True)


def test_a_contender_that_a_row_lacks_is_a_dash() -> None:
    rows = [{"name": "a", "values": {"ours": 2.0, "theirs": 5.0}}, {"name": "b", "values": {"ours": 4.0}}]
    table = markdown.contender_table("row", rows, markdown.ratio_cell("ours", "{:.0f}".format))
    assert table == [
        "| row | ours | theirs |",
        "|---|---:|---:|",
        "| a | **1.00** (2) | **2.50** (5) |",
        "| b | **1.00** (4) | - |",
        "",
    ]


def test_every_machine_is_named_with_its_rows_where_there_are_several() -> None:
    one = {"processor": "A", "cores": 2, "python": "3.11", "versions": {"torch": "2"}}
    rows = [{"name": name, "machine": one} for name in "ab"]
    assert markdown.machine_lines(rows) == [markdown.machine_line(one)]
    other = markdown.machine_lines([*rows, {"name": "c", "machine": one | {"processor": "B"}}])
    assert other == [
        "- a; b: Measured on A, 2 cores; Python 3.11, torch 2.",
        "- c: Measured on B, 2 cores; Python 3.11, torch 2.",
    ]

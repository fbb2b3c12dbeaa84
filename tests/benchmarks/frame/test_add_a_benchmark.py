"""The page's example of a benchmark works as written."""

from __future__ import annotations

import re
import sys
from types import ModuleType

import pytest
from benchmarks.frame.benchmark import Settings
from benchmarks.frame.command import run
from benchmarks.frame.pages import DOCS


def test_the_example_of_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    page = (DOCS / "benchmarks.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    module = ModuleType("benchmarks.speed.sorting")
    exec(example, module.__dict__)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    (row,) = run("speed.sorting", Settings(toy=True))
    assert row["values"].keys() == {"NumPy", "Python"}
    table = module.BENCHMARK.blocks["table"]([{"rows": [row | {"machine": {**MACHINE}}]}])
    assert table[0] == "| numbers | NumPy | Python |"


MACHINE = {"processor": "p", "cores": 2, "python": "3", "versions": {}}

"""The work by which two commits are compared runs at toy size in either tree."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.speed import against, against_work

IN_PROCESSES = ("import isthmus", "isthmus --help")
SLOW = ("a short training, files to run folder", "training steps, multiresunet 2D", "prediction of objects")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow if name in SLOW else ())
        for name in against_work.WORKS
        if name not in IN_PROCESSES
    ],
)
def test_every_work_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", sys.argv)
    before = against_work.spent()
    against_work.WORKS[name](tmp_path, True)()
    assert against_work.spent() > before


def test_a_tree_that_is_not_the_one_imported_from_is_refused(tmp_path: Path) -> None:
    (tmp_path / "isthmus").mkdir()
    (tmp_path / "isthmus" / "__init__.py").write_text("__file__ = '/elsewhere/isthmus/__init__.py'")
    with pytest.raises(RuntimeError, match="ended with code 1"):
        against.start("all metrics of a mask", tmp_path, tmp_path / "scratch", True)


def test_the_page_marks_what_became_slower() -> None:
    row = {
        "name": "work",
        "rounds": 3,
        "values": {"now": 2.0, "before": 2.2},
        "fastest": {"now": 2.0, "before": 1.8},
        "facts": {"commit": "abc"},
        "machine": {"processor": "p", "cores": 2, "python": "3", "versions": {}},
    }
    page = "\n".join(against.page([{"rows": [row]}]))
    assert "| work | 1.8 | 2 | **0.90** (slower) | 1.10 | 3 |" in page

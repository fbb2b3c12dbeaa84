"""The benchmark runs at toy size; the page names every loss and shows what was measured."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks import targets
from isthmus.objectives import LOSSES, Objective, Settings


def test_benchmark_runs_at_toy_size(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["targets", "--toy"])
    targets.main()
    assert capsys.readouterr().out.count("'2d'") == len(targets.TARGETS)


def test_page_shows_the_committed_results() -> None:
    page = targets.PAGE.read_text(encoding="utf-8")
    assert targets.table(json.loads(targets.RESULTS.read_text(encoding="utf-8"))) in page


def test_page_names_every_loss_and_target() -> None:
    page = targets.PAGE.read_text(encoding="utf-8")
    assert [name for name in LOSSES if f"| `{name}` |" not in page] == []
    heads = {
        "logits": {name: 1.0 for name, loss in LOSSES.items() if "logits" in loss.heads and name != "ce"},
        "contour": {"contour_l2": 1.0, "bce": 1.0},
        "marker": {"bce": 1.0},
    }
    every = Objective(heads, classes=1, settings=Settings(class_weights=(1, 1))).targets
    assert [name for name in every if f"| `{name}` |" not in page] == []
    assert len(every) == 6

"""The benchmarks of whole epochs and of growth run at toy size."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks import epoch, growth


def test_epochs_run_at_toy_size(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["epoch", "--toy", "--only", "ISBI-2012"])
    epoch.main()
    assert capsys.readouterr().out.count("to the first step") == len(epoch.AUGMENTATIONS)


def test_growth_runs_at_toy_size(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["growth", "--toy"])
    growth.main()
    assert capsys.readouterr().out.count(" by ") == 5

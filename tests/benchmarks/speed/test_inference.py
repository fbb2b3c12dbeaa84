"""The benchmark of prediction runs at toy size."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks import inference


@pytest.mark.filterwarnings("ignore")  # what the tools say of themselves
def test_it_runs_at_toy_size(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["inference", "--toy"])
    inference.main()
    out = capsys.readouterr().out
    assert out.count("  isthmus   ") == out.count("  torch   ") == len(inference.TOY)

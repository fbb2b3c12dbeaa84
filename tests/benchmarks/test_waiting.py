"""The benchmark of waiting runs at toy size."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks import waiting


def test_it_runs_at_toy_size(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["waiting", "--toy"])
    waiting.main()
    assert capsys.readouterr().out.count("waiting for data") == len(waiting.AUGMENTATIONS)

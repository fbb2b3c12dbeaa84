"""The benchmark of large images runs at toy size."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks import large


@pytest.mark.skipif(not large.RESET.exists(), reason="the highest memory is Linux's to tell")
def test_it_runs_at_toy_size(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["large", "--toy"])
    large.main()
    assert capsys.readouterr().out.count("beyond image and mask") == 8

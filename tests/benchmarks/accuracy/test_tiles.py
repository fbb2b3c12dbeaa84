"""The benchmark of tiles runs at toy size."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks import seams


def test_it_runs_at_toy_size(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    shared_data: Path,
) -> None:
    monkeypatch.setattr(sys, "argv", ["seams", str(shared_data / "isbi-2012"), "--toy"])
    monkeypatch.setattr(seams, "RESULTS", tmp_path)
    seams.main()
    assert capsys.readouterr().out.startswith("tiles of 32, statistics of the tile: Dice to one piece ")
    assert list(tmp_path.iterdir()) == []

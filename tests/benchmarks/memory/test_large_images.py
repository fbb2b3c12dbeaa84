"""The benchmark of large images runs at toy size."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks import large


@pytest.mark.skipif(not large.RESET.exists(), reason="needs another operating system: Linux tells the peak")
def test_it_runs_at_toy_size(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["large", "--toy"])
    large.main()
    assert capsys.readouterr().out.count("beyond image and mask") == 8


def test_new_rows_take_the_place_of_old_ones_and_leave_the_others(tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    row = {"network": "unet", "dimensions": 3, "side": 48, "a": 1}
    large.write(path, [row, row | {"side": 512}])
    large.write(path, [row | {"a": 2}, row | {"dimensions": 2}])
    rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
    assert [(r["dimensions"], r["side"], r["a"]) for r in rows] == [(2, 48, 1), (3, 48, 2), (3, 512, 1)]

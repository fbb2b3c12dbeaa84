"""``isthmus demo``."""

from __future__ import annotations

from pathlib import Path

import pytest

from .calls import call


def test_the_demo_needs_no_more_than_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from isthmus.cli import demo

    monkeypatch.setattr(demo, "EPOCHS", 1)
    monkeypatch.setattr(demo, "WIDTHS", [4, 8])
    assert call("demo", "--out", tmp_path / "demo") == 0
    assert "data:image" in (tmp_path / "demo" / "report.html").read_text(encoding="utf-8")
    assert call("demo", "--out", tmp_path / "demo") == 0  # its own folder it may replace
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("mine")
    assert call("demo", "--out", tmp_path / "other") == 2
    assert (tmp_path / "other" / "thesis.txt").is_file()

"""``isthmus report``."""

from __future__ import annotations

from pathlib import Path

import pytest

from .calls import call, error_of


def test_report_is_written_anew(run: Path) -> None:
    (run / "report.html").unlink()
    assert call("report", run) == 0
    assert (run / "report.html").is_file()


def test_a_name_that_is_too_long_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("report", "x" * 300) == 2
    assert "check the name" in error_of(capsys)

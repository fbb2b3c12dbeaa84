"""The documentation's table of columns is the table of metrics."""

from __future__ import annotations

from pathlib import Path

from isthmus.metrics.page import table, written

PAGE = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")


def test_the_page_is_up_to_date():
    assert written(PAGE) == PAGE
    assert table() in PAGE

"""The documentation's table of columns is the table of metrics, and its advice is that of the command."""

from __future__ import annotations

from pathlib import Path

import pytest

from isthmus.errors import IsthmusError
from isthmus.metrics.advice import ADVICE, advice_for
from isthmus.metrics.page import advice, table, written
from isthmus.metrics.table import METRICS

PAGE = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")


def test_the_page_is_up_to_date():
    assert written(PAGE) == PAGE
    assert table() in PAGE


def test_the_advice_is_up_to_date_and_names_metrics_of_the_table():
    page = (Path(__file__).parents[2] / "docs" / "choosing-metrics.md").read_text(encoding="utf-8")
    assert written(page, advice) == page
    for each in ADVICE:
        assert f"## {each.task}\n" in page
        assert set(each.metrics) <= set(METRICS)
    assert "--objects --metric panoptic_quality" in advice_for("objects").command
    assert "--objects" not in advice_for("borders").command


def test_a_task_without_advice_is_told():
    with pytest.raises(IsthmusError, match="did you mean 'objects'"):
        advice_for("object")

"""The page of the recipe: every key with the type, range, default and help text of the code."""

from __future__ import annotations

from pathlib import Path

from isthmus.runs.recipe.page import TABLE, table, updated
from isthmus.runs.recipe.recipe import sections

PAGE = Path(__file__).resolve().parents[3] / "docs" / "recipe.md"


def test_the_page_is_that_of_the_code() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == updated(page), "run: python -m isthmus.runs.recipe.page docs"
    assert sorted(TABLE.findall(page)) == sorted(sections())


def test_a_row_has_values_default_and_meaning() -> None:
    rows = {line.split(" | ")[0]: line.split(" | ")[1:3] for line in table("training").splitlines()}
    assert rows["| `epochs`"] == ["integer from 1 to 10^9", "`50`"]
    assert rows["| `early_stopping`"] == ["integer from 1 to 10^9, or open", "open"]
    assert rows["| `learning_rate`"] == ["number, above 0 and at most 10", "`0.001`"]
    assert rows["| `select`"] == ["`dice`, `iou`, `soft_iou`, `loss` or `objects`", "`dice`"]
    assert rows["| `milestones`"] == ["list of numbers, above 0 and below 1", "`[0.5, 0.75]`"]

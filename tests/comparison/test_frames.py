"""Scores that were computed elsewhere."""

from __future__ import annotations

import math
from typing import Any

import pytest

import isthmus
from isthmus.errors import IsthmusError

ROWS: list[dict[str, Any]] = [
    {"case": case, "program": name, "dice": value}
    for name, values in {"a": [0.9, 0.8, 0.7], "b": [0.6, 0.7, 0.8]}.items()
    for case, value in zip("xyz", values, strict=True)
]
FOUR = [*ROWS, *({"case": "w", "program": name, "dice": 0.5} for name in "ab")]


class Frame:
    """As pandas has it."""

    columns = ("case", "program", "dice")

    def to_dict(self, orient: str) -> list[dict[str, Any]]:
        assert orient == "records"
        return ROWS


class Polars:
    columns = ("case", "program", "dice")

    def to_dicts(self) -> list[dict[str, Any]]:
        return ROWS


@pytest.mark.parametrize("frame", [ROWS, Frame(), Polars()])
def test_a_frame_is_compared_as_its_rows_are(frame: Any) -> None:
    found = isthmus.compare(frame, margin=0.5)
    (row,) = found.tables["differences"]
    assert row["difference"] == pytest.approx(0.1)
    assert (row["wins"], row["losses"]) == (2, 1)
    assert "agreement" not in found.tables
    assert {r["verdict"] for r in found.tables["non-inferiority"]} == {""}


def test_fewer_than_four_cases_or_groups_decide_no_claim() -> None:
    assert verdicts(ROWS) == {("", "too few cases")}
    assert verdicts(FOUR) == {("non-inferior", "non-inferior")}
    assert verdicts([row | {"group": row["case"] in "xy"} for row in FOUR]) == {("", "too few cases")}


def verdicts(rows: list[dict[str, Any]]) -> set[tuple[str, str]]:
    """Returns the verdicts of the CSV and of the page at a margin of 0.5."""
    table = isthmus.compare(rows, margin=0.5).printed["non-inferiority"]
    return {(one["verdict"], row[-1].text) for one, row in zip(table.records, table.table.rows, strict=True)}


def test_a_row_for_each_metric() -> None:
    long = [
        {"case": r["case"], "program": r["program"], "metric": m, "score": r["dice"] * k}
        for r in ROWS
        for m, k in (("dice", 1), ("error", 10))
    ]
    found = isthmus.compare(long, metrics={"error": "lower", "dice": "higher"})
    rows = {r["metric"]: r for r in found.tables["differences"]}
    assert rows["error"]["difference"] == pytest.approx(1)
    assert (rows["error"]["wins"], rows["dice"]["wins"]) == (1, 2)


def test_groups_and_classes_are_columns() -> None:
    rows = [
        row | {"group": "p" if row["case"] in "xy" else "q", "class": label}
        for row in ROWS
        for label in ("liver", "kidney")
    ]
    found = isthmus.compare(rows)
    assert {r["groups"] for r in found.tables["differences"]} == {2}
    assert [r["class"] for r in found.tables["differences"]] == ["all classes", "liver", "kidney"]


def test_a_missing_share_is_a_miss_and_any_other_score_is_refused() -> None:
    found = isthmus.compare(ROWS[:-1])
    assert {r["program"]: r["dice"] for r in found.tables["scores"]}["b"] == pytest.approx(1.3 / 3)
    assert isthmus.compare(ROWS[:-1], common=True).tables["scores"][0]["cases"] == 2
    mine = [{"case": r["case"], "program": r["program"], "mine": r["dice"]} for r in ROWS]
    with pytest.raises(IsthmusError, match="'b' has no score of case z, and what a miss scores is not known"):
        isthmus.compare(mine[:-1], metrics={"mine": "higher"})


def test_a_score_that_a_row_does_not_state_is_not_a_number() -> None:
    found = isthmus.compare([*ROWS[:-1], {"case": "z", "program": "b", "iou": 0.5}], metrics=["dice"])
    (row,) = found.tables["differences"]
    assert (row["cases"], row["difference"]) == (2, pytest.approx(0.2))


def test_a_direction_is_one_of_three() -> None:
    with pytest.raises(IsthmusError, match="the metric 'dice' says 'up': choose from higher, lower, neither"):
        isthmus.compare(ROWS, metrics={"dice": "up"})


def test_percentages_may_have_a_margin_above_1() -> None:
    found = isthmus.compare([row | {"dice": 100 * row["dice"]} for row in FOUR], margin=50)
    assert {r["verdict"] for r in found.tables["non-inferiority"]} == {"non-inferior"}


def test_a_score_of_no_direction_has_no_winner() -> None:
    mine = [{"case": r["case"], "program": r["program"], "mine": r["dice"]} for r in ROWS]
    found = isthmus.compare(mine, margin=0.1)
    assert found.printed["differences"].table.rows[0][-1].text == "–"
    assert {r["verdict"] for r in found.tables["non-inferiority"]} == {""}
    assert found.printed["non-inferiority"].table.rows[0][-1].text == "neither is better"


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ([], "has no rows"),
        ([1, 2], "are mappings"),
        ([{"case": "x", "dice": 1}], "no column 'program'"),
        ([{"case": "x", "program": "a"}], "no column of scores"),
        ([*ROWS, ROWS[0]], "'a' has two scores of case x"),
        ([{"case": "x", "program": "a", "dice": "good"}], "'good', not a number"),
        (ROWS[:3], "at least two programs"),
        ([*ROWS, {"case": None, "program": "a", "dice": 1}], "case None and program a has no case"),
        ([row | {"group": None if row["case"] == "x" else "p"} for row in ROWS], "has no group; fill in"),
        ([row | {"group": float("nan")} for row in ROWS], "of case x and program a has no group"),
        ([row | {"class": None} for row in ROWS], "has no class"),
        ([row | {"group": " "} for row in ROWS], "of case x and program a has no group"),
        ([row | {"dice": math.nan} for row in ROWS], "no metric has a score in any case"),
        ([row | {"program": row["program"] + "\n"} for row in ROWS], r"'a\\n', with a control character"),
        ([row | {"group": row["program"]} for row in ROWS], "case x is in two groups, a and b"),
    ],
)
def test_a_table_that_cannot_be_compared(frame: Any, message: str) -> None:
    with pytest.raises(IsthmusError, match=message):
        isthmus.compare(frame)

"""How far readers agree, by hand."""

from __future__ import annotations

import numpy as np
import pytest

import isthmus


def mask(*columns: int) -> np.ndarray:
    made = np.zeros((1, 10), bool)
    made[0, list(columns)] = True
    return made


def test_two_readers_agree_with_each_other_and_with_the_truth() -> None:
    """Truth 0123, one 23, two 2345 of 10 points; one and two share 2 of 2 and 4: Dice 2/3, kappa by hand."""
    truth = {"a": mask(0, 1, 2, 3), "b": mask(0, 1, 2, 3)}
    one, two = {"a": mask(2, 3), "b": truth["b"]}, {"a": mask(2, 3, 4, 5), "b": truth["b"]}
    found = isthmus.compare(truth, {"one": one, "two": two}, metrics=["dice"])
    rows = {(r["first"], r["second"]): r for r in found.tables["agreement"]}
    assert list(rows) == [("truth", "one"), ("truth", "two"), ("one", "two")]
    assert rows["one", "two"]["dice"] == pytest.approx((2 / 3 + 1) / 2)
    # a: observed 0.8; by chance 0.2 0.4 + 0.8 0.6 = 0.56
    assert rows["one", "two"]["kappa"] == pytest.approx(((0.8 - 0.56) / 0.44 + 1) / 2)
    # a: observed 0.6; by chance 0.4 0.4 + 0.6 0.6 = 0.52
    assert rows["truth", "two"]["kappa"] == pytest.approx(((0.6 - 0.52) / 0.48 + 1) / 2)
    assert {r["farthest apart"] for r in rows.values()} == {"a"}


def test_only_cases_of_both_readers_count() -> None:
    truth = {"a": mask(0, 1), "b": mask(0, 1), "c": mask(0, 1)}
    one, two = {"a": mask(0, 1), "b": mask(5, 6)}, {"b": mask(5, 6), "c": mask(7)}
    found = isthmus.compare(truth, {"one": one, "two": two}, metrics=["dice"])
    rows = {(r["first"], r["second"]): r for r in found.tables["agreement"]}
    assert rows["truth", "one"]["cases"] == 2
    assert (rows["one", "two"]["cases"], rows["one", "two"]["dice"]) == (1, 1)


def test_readers_without_a_common_case_have_no_row() -> None:
    truth = {"a": mask(0, 1), "b": mask(0, 1)}
    found = isthmus.compare(truth, {"one": {"a": mask(0)}, "two": {"b": mask(0)}}, metrics=["dice"])
    assert [(r["first"], r["second"]) for r in found.tables["agreement"]] == [
        ("truth", "one"),
        ("truth", "two"),
    ]

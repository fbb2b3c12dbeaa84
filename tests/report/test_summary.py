"""Means, misses and the order of cases."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.report import summary as s
from isthmus.report.folder import Score

inf, nan = math.inf, math.nan


def score(case: str, label: str = "cell", **values: float) -> Score:
    return Score(case, case, "test", "0", label, values)


def test_a_case_is_the_mean_of_its_classes() -> None:
    scores = [
        score("a", "x", hd=2.0),
        score("a", "y", hd=4.0),
        score("b", "x", hd=nan),
        score("b", "y", hd=5.0),
    ]
    assert s.by_case(scores, "hd") == {"a": 3.0, "b": 5.0}
    scores += [score("c", "x", hd=inf), score("c", "y", hd=1.0), score("d", "x", hd=nan)]
    found = s.by_case(scores, "hd")
    assert found["c"] == inf
    assert math.isnan(found["d"])
    assert s.summarise(found.values()) == s.Summary(4.0, math.sqrt(2), 2, 4)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"dice": 0.0, "hausdorff_distance": 360.6}, True),
        ({"dice": 0.0, "hausdorff_distance": nan}, True),
        ({"hausdorff_distance": inf}, True),
        ({"dice": 1.0, "hausdorff_distance": 0.0}, False),
        ({"dice": 0.01, "iou": 0.005, "hausdorff_distance": 50.0}, False),
        ({"dice": nan, "hausdorff_distance": nan}, False),
    ],
)
def test_a_miss_is_seen_under_every_rule_for_empty_masks(values: dict[str, float], expected: bool) -> None:
    assert s.missed(score("a", **values)) is expected


def test_missed_counts_cases_not_classes() -> None:
    scores = [score("a", "x", dice=0.0), score("a", "y", dice=0.0), score("b", "x", dice=0.5)]
    assert s.missed_cases(scores) == 1


@given(st.dictionaries(st.text(max_size=3), st.floats(allow_nan=True), max_size=8))
def test_ranking_is_best_first_both_ways(values: dict[str, float]) -> None:
    defined = [c for c in s.ranked(values, "dice") if not math.isnan(values[c])]
    assert s.ranked(values, "dice")[: len(defined)] == defined
    assert [values[c] for c in defined] == sorted((values[c] for c in defined), reverse=True)
    low = [values[c] for c in s.ranked(values, "hausdorff_distance") if not math.isnan(values[c])]
    assert low == sorted(low)


def test_nothing_finite_is_written_as_a_dash() -> None:
    empty = s.summarise([nan, inf])
    assert (s.number(empty.mean, 3), s.number(empty.std, 3), empty.n) == ("–", "–", 0)
    assert math.isnan(s.summarise([0.5]).std)
    assert s.decimals("dice", [0.5, nan]) == 3
    assert s.decimals("dice_percent", [91.0]) == 2

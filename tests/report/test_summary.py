"""Means, misses and the order of cases."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.report import summary as s
from isthmus.runs.results import Score

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
    summary = s.summarise(scores)["hd"]  # 3, 5, infinite, nothing to measure
    assert (summary.mean, summary.median, summary.minimum, summary.n) == (inf, 5.0, 3.0, 3)
    assert math.isnan(summary.std)


def counted(case: str, label: str, dice: float, predicted: int, true: int) -> Score:
    shared = min(predicted, true) if dice else 0
    counts = {
        "prediction_points": predicted,
        "truth_points": true,
        "shared_points": shared,
        "image_points": 90,
    }
    return score(case, label, dice=dice, iou=dice / (2 - dice), **counts)


def test_misses_are_told_by_the_points_of_the_masks_and_counted_by_case() -> None:
    """A prediction elsewhere has Dice 0 too, but is not a miss; a case with two missed classes counts once."""
    scores = [
        counted("a", "x", 0.0, 0, 4),
        counted("a", "y", 0.0, 0, 9),
        counted("b", "x", 0.0, 5, 4),
        counted("b", "y", 1.0, 0, 0),
        counted("c", "x", 1.0, 0, 0),
        counted("c", "y", 1.0, 0, 0),
        counted("d", "x", 0.0, 7, 0),
        counted("d", "y", 1.0, 3, 3),
    ]
    dice = s.summarise(scores)["dice"]
    assert (dice.n, dice.n_missed, dice.n_both_empty, dice.n_false_alarm) == (4, 1, 1, 1)
    assert dice.mean == pytest.approx((0 + 0.5 + 1 + 0.5) / 4)
    assert set(s.summarise(scores)) == {"dice", "iou"}
    y = [x for x in scores if x.label == "y"]
    assert s.pooled_overlap(y) == pytest.approx({"dice": 2 * 3 / (3 + 12), "iou": 3 / 12})


def test_without_counts_a_miss_is_not_guessed() -> None:
    scores = [score("a", dice=0.0), score("b", dice=1.0)]
    assert not scores[0].has_counts
    assert s.summarise(scores)["dice"].n_missed == 0
    assert s.pooled_overlap(scores) == {}


def test_over_folds_leaves_out_what_is_undefined() -> None:
    assert s.over_folds([0.5, nan, 1.0]) == (0.75, pytest.approx(math.sqrt(0.125)))
    assert s.over_folds([1.0, inf])[0] == inf
    for means in ([], [nan]):
        assert all(math.isnan(value) for value in s.over_folds(means))
    assert math.isnan(s.over_folds([0.5])[1])


@given(st.dictionaries(st.text(max_size=3), st.floats(allow_nan=True), max_size=8))
def test_ranking_is_best_first_both_ways(values: dict[str, float]) -> None:
    defined = [c for c in s.ranked(values, "dice") if not math.isnan(values[c])]
    assert s.ranked(values, "dice")[: len(defined)] == defined
    assert [values[c] for c in defined] == sorted((values[c] for c in defined), reverse=True)
    low = [values[c] for c in s.ranked(values, "hausdorff_distance") if not math.isnan(values[c])]
    assert low == sorted(low)


def test_nothing_finite_is_written_as_a_dash() -> None:
    empty = s.summarise([score("a", dice=nan)])["dice"]
    assert (s.number(empty.mean, 3), s.number(empty.std, 3), empty.n) == ("–", "–", 0)
    assert math.isnan(s.summarise([score("a", dice=0.5)])["dice"].std)
    assert s.decimals("dice", [0.5, nan]) == 3
    assert s.decimals("dice_percent", [91.0]) == 2


def test_objects_lead_where_they_were_scored() -> None:
    run: Any = SimpleNamespace(
        metrics=("dice", "iou", "hausdorff_distance_foreground", "object_f1", "object_dice")
    )
    assert s.leading(run) == ("object_f1", "object_dice", "dice")
    run.metrics = run.metrics[:3]
    assert s.leading(run)[0] == "dice"
    run.metrics = ("my own",)
    assert s.leading(run) == ("my own",)

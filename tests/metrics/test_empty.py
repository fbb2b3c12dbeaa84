"""The rule for empty masks, in every metric and every combination."""

from __future__ import annotations

import math

import numpy as np
import pytest

from isthmus import metrics
from isthmus.metrics import pooled, score_case, summarise

SHAPE, SPACING = (5, 7, 4), (2.0, 0.5, 3.0)
DIAGONAL = math.sqrt((4 * 2.0) ** 2 + (6 * 0.5) ** 2 + (3 * 3.0) ** 2)
EMPTY = np.zeros(SHAPE, bool)
SOME = np.zeros(SHAPE, bool)
SOME[1:3, 2:4, 1] = True
OVERLAP = [metrics.dice, metrics.iou, metrics.precision, metrics.recall, metrics.volumetric_similarity]
OBJECT = [
    metrics.object_precision,
    metrics.object_recall,
    metrics.object_f1,
    metrics.object_dice,
    metrics.panoptic_quality,
    metrics.average_precision,
    metrics.aggregated_jaccard,
]
DISTANCE = [
    metrics.hausdorff_distance,
    lambda p, t, **how: metrics.hausdorff_distance(p, t, percentile=95, **how),
    lambda p, t, **how: metrics.hausdorff_distance(p, t, percentile=95, pooled=True, **how),
    lambda p, t, **how: metrics.hausdorff_distance(p, t, on="foreground", **how),
    lambda p, t, **how: metrics.hausdorff_distance(p, t, on="foreground", percentile=95, **how),
    metrics.average_surface_distance,
    lambda p, t, **how: metrics.average_surface_distance(p, t, direction="to_truth", **how),
    lambda p, t, **how: metrics.average_surface_distance(p, t, direction="to_prediction", **how),
    metrics.root_mean_square_surface_distance,
    lambda p, t, **how: metrics.object_hausdorff(p.astype(int), t.astype(int), **how),
]
ONE_EMPTY = pytest.mark.parametrize(
    ("prediction", "truth"), [(EMPTY, SOME), (SOME, EMPTY)], ids=["missed", "false"]
)


def surface_dice(prediction, truth):
    return metrics.surface_dice(prediction, truth, tolerance=100)


@pytest.mark.parametrize("score", [*OVERLAP, surface_dice])
def test_overlap(score):
    assert score(EMPTY, EMPTY) == 1
    assert score(EMPTY, SOME) == 0
    assert score(SOME, EMPTY) == 0


@pytest.mark.parametrize("score", OBJECT)
def test_objects(score):
    none, two = EMPTY.astype(int), SOME * np.array([1, 2, 1, 2])
    assert two.max() == 2
    assert score(none, none) == 1
    assert score(none, two) == 0
    assert score(two, none) == 0


def test_one_to_one_objects():
    none, some = EMPTY.astype(int), SOME.astype(int)
    for score in (metrics.object_f1, metrics.aggregated_jaccard):
        assert [score(*pair, one_to_one=True) for pair in ((none, none), (none, some), (some, none))] == [
            1,
            0,
            0,
        ]


@ONE_EMPTY
@pytest.mark.parametrize("distance", DISTANCE)
def test_distance_of_a_miss(distance, prediction, truth):
    assert distance(prediction, truth, spacing=SPACING) == pytest.approx(DIAGONAL)
    assert distance(prediction, truth, spacing=SPACING, missing="diagonal") == pytest.approx(DIAGONAL)
    assert distance(prediction, truth, spacing=SPACING, missing="infinity") == math.inf
    assert math.isnan(distance(prediction, truth, spacing=SPACING, missing="exclude"))


@pytest.mark.parametrize("distance", DISTANCE)
def test_distance_of_nothing_to_nothing(distance):
    for missing in ("diagonal", "infinity", "exclude"):
        assert distance(EMPTY, EMPTY, spacing=SPACING, missing=missing) == 0


def test_specificity_and_volume_need_no_rule():
    assert metrics.specificity(EMPTY, SOME) == metrics.specificity(EMPTY, EMPTY) == 1
    assert metrics.specificity(SOME, EMPTY) == (140 - 4) / 140
    assert metrics.specificity(SOME, ~EMPTY) == 1
    assert [metrics.volume_difference(*pair) for pair in ((EMPTY, SOME), (SOME, EMPTY))] == [-4, 4]


def test_missing_everything_never_beats_finding_something_wrong():
    """The farthest possible mistake is no worse than a miss, and no better than any other."""
    corner, opposite = np.zeros((2, *SHAPE), bool)
    corner[0, 0, 0] = opposite[-1, -1, -1] = True
    wrong = score_case(corner, opposite, spacing=SPACING)
    missed = score_case(EMPTY, opposite, spacing=SPACING)
    for name in wrong:
        if "hausdorff" in name or "distance" in name:
            assert missed[name] == pytest.approx(DIAGONAL)
            assert wrong[name] <= missed[name] * (1 + 1e-12)


def test_every_combination_in_one_call():
    """Class 1 is in both, 2 only in the truth, 3 only in the prediction, 4 in neither."""
    truth = np.zeros((4, 4), np.uint8)
    truth[0, :2], truth[2, 2] = 1, 2
    prediction = np.zeros((4, 4), np.uint8)
    prediction[0, :2], prediction[3, 3] = 1, 3
    scores = score_case(prediction, truth, classes=[1, 2, 3, 4])
    assert [scores[c]["dice"] for c in (1, 2, 3, 4)] == [1, 0, 0, 1]
    assert [scores[c]["hausdorff_distance"] for c in (1, 2, 3, 4)] == pytest.approx(
        [0, math.sqrt(18), math.sqrt(18), 0]
    )
    assert [scores[c]["object_f1"] for c in (1, 2, 3, 4)] == [1, 0, 0, 1]
    assert [scores[c]["false_objects"] for c in (1, 2, 3, 4)] == [0, 0, 1, 0]


CASES = [(SOME, SOME), (EMPTY, SOME), (SOME, EMPTY), (EMPTY, EMPTY), (EMPTY, SOME)]


def test_an_aggregate_tells_what_was_missed():
    rows = [score_case(*case, spacing=SPACING) for case in CASES]
    summary = summarise(rows)
    for name, metric in summary.items():
        assert (metric.n_missed, metric.n_both_empty, metric.n_false_alarm) == (2, 1, 1)
        assert metric.n == (0 if name == "open_gaps" else 5), name
    assert summary["dice"].mean == pytest.approx((1 + 0 + 0 + 1 + 0) / 5)
    assert summary["hausdorff_distance"].mean == pytest.approx(3 * DIAGONAL / 5)
    assert (
        summary["hausdorff_distance"].median
        == summary["hausdorff_distance"].maximum
        == pytest.approx(DIAGONAL)
    )
    assert summary["dice"].std == pytest.approx(np.std([1, 0, 0, 1, 0], ddof=1))
    assert math.isnan(summary["open_gaps"].mean)

    without = summarise(rows, both_empty="exclude")
    assert (without["dice"].mean, without["dice"].n, without["dice"].n_both_empty) == (0.25, 4, 1)

    excluded = summarise([score_case(*case, spacing=SPACING, missing="exclude") for case in CASES])
    hausdorff = excluded["hausdorff_distance"]
    assert (hausdorff.mean, hausdorff.n, hausdorff.n_missed, hausdorff.n_false_alarm) == (0, 2, 2, 1)
    assert excluded["dice"].n == 5

    infinite = summarise([score_case(*case, spacing=SPACING, missing="infinity") for case in CASES])
    assert infinite["hausdorff_distance"].mean == infinite["hausdorff_distance"].maximum == math.inf
    assert infinite["hausdorff_distance"].n == 5
    assert math.isnan(infinite["hausdorff_distance"].std)
    assert infinite["hausdorff_distance"].minimum == 0


def test_the_average_gets_worse_as_the_model_misses_more():
    """The error this package exists to avoid: dropping missed cases from the mean rewards missing them."""
    half = SOME & (np.arange(7)[:, None] < 3)
    found = [score_case(half, SOME)] * 4
    means = [
        summarise([score_case(EMPTY, SOME)] * n + found[n:])["hausdorff_distance"].mean
        for n in range(len(found) + 1)
    ]
    assert means == sorted(means)
    assert len(set(means)) == len(means)


def test_pooled_counts_weigh_cases_by_size():
    rows = [score_case(*case) for case in CASES]
    total = pooled(rows)
    assert (total.prediction, total.truth, total.both, total.image) == (8, 12, 4, 5 * 140)
    assert total.dice == pytest.approx(8 / 20)
    assert total.iou == pytest.approx(4 / 16)


def test_aggregates_by_class():
    truth = [np.array([[1, 1, 2]]), np.array([[1, 0, 0]])]
    prediction = [np.array([[1, 0, 2]]), np.array([[1, 0, 0]])]
    rows = [score_case(p, t, classes={1: "a", 2: "b"}) for p, t in zip(prediction, truth, strict=True)]
    summary = summarise(rows)
    assert summary["a"]["dice"].mean == pytest.approx((2 / 3 + 1) / 2)
    assert (summary["b"]["dice"].n_both_empty, summary["a"]["dice"].n_both_empty) == (1, 0)
    assert pooled(rows)["a"].dice == pytest.approx(2 * 2 / (2 + 3))


def test_aggregates_refuse_what_does_not_fit():
    for function in (summarise, pooled):
        with pytest.raises(metrics.summary.IsthmusError, match="there are no scores"):
            function([])
        with pytest.raises(
            metrics.summary.IsthmusError, match="row 1 of the scores differs from row 0 in iou"
        ):
            function([{"dice": 1.0, "iou": 1.0}, {"dice": 1.0}])
    with pytest.raises(metrics.summary.IsthmusError, match="both_empty is 'drop'"):
        summarise([score_case(SOME, SOME)], both_empty="drop")

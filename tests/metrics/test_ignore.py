"""An ignored label: the points where the truth holds it count on neither side."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from isthmus import metrics
from isthmus.errors import IsthmusError

from .test_input import BY_CLASS
from .test_types import same

OBJECTS = [
    metrics.object_precision,
    metrics.object_recall,
    metrics.object_f1,
    metrics.object_dice,
    metrics.object_hausdorff,
    metrics.panoptic_quality,
    metrics.average_precision,
    metrics.aggregated_jaccard,
    lambda p, t, **how: metrics.score_case(p, t, instances=True, **how),
]
TRUTH = np.array([[1, 1, 0, 255, 255, 2]], np.uint8)
PREDICTION = np.array([[1, 0, 1, 1, 2, 2]], np.uint8)


def test_on_paper():
    """Without the two points of 255: class 1 predicted {0, 2}, true {0, 1}; class 2 alike; four points in all."""
    found = metrics.score_case(PREDICTION, TRUTH, classes=[0, 1, 2], ignore=255)
    assert [found[c]["dice"] for c in (0, 1, 2)] == [0.0, 0.5, 1.0]
    assert {found[c]["image_points"] for c in found} == {4.0}
    assert found[1]["specificity"] == 0.5  # of the points at 2 and 5 the prediction spares one
    assert found[1]["prediction_points"], found[2]["prediction_points"] == (2.0, 1.0)
    assert metrics.volume_difference(PREDICTION, TRUTH, [1, 2], ignore=255) == {1: 0.0, 2: 0.0}
    assert metrics.hausdorff_distance(PREDICTION, TRUTH, classes=[1, 2], ignore=255) == {1: 1.0, 2: 0.0}
    assert metrics.false_objects([[1, 0, 1, 0, 1]], [[1, 0, 9, 0, 0]], classes=[1], ignore=9) == {1: 1}


@settings(max_examples=30, deadline=None)
@given(arrays.arrays(np.int16, (4, 5), elements=st.sampled_from([0, 1, 2, -1])), st.integers(0, 2**32))
def test_ignored_points_are_as_background_in_both(truth, seed):
    """Holds for every metric that does not count the points of the image; the prediction there does not matter."""
    prediction = np.random.default_rng(seed).integers(0, 3, truth.shape)
    outside = truth == -1
    if outside.all():
        return
    cleared = [np.where(outside, 0, mask) for mask in (prediction, truth)]
    elsewhere = np.where(outside, (prediction + 1) % 3, prediction)
    for score in BY_CLASS:
        if score in (metrics.specificity, metrics.score_case):
            continue
        same(score(prediction, truth, classes=[1, 2], ignore=-1), score(*cleared, classes=[1, 2]))
        same(score(elsewhere, truth, classes=[1, 2], ignore=-1), score(*cleared, classes=[1, 2]))
    for score in OBJECTS[:-1]:
        same(score(prediction, truth, ignore=-1), score(*cleared))
    kept = [mask[~outside] for mask in (prediction, truth)]  # a line of the points that count
    for score in (metrics.dice, metrics.iou, metrics.precision, metrics.recall, metrics.specificity):
        same(score(prediction, truth, [0, 1, 2], ignore=-1), score(*kept, [0, 1, 2]))


def test_instances_leave_out_the_points_too():
    found = metrics.score_case([[1, 1, 2, 2]], [[1, 1, 9, 9]], instances=True, ignore=9)
    assert (found["object_f1"], found["specificity"], found["image_points"]) == (1.0, 1.0, 2.0)
    assert found["prediction_objects"] == 1.0


@pytest.mark.parametrize("score", BY_CLASS + OBJECTS)
def test_a_label_that_is_absent_changes_nothing(score):
    how = {"classes": [1, 2]} if score in BY_CLASS else {}
    p, t = PREDICTION, np.where(TRUTH == 255, 0, TRUTH)
    for ignore in (255, 300, -1, np.int8(7)):
        same(score(p, t, ignore=ignore, **how), score(p, t, **how))


def test_boolean_predictions_beside_a_truth_with_an_ignored_label():
    truth = np.array([[1, 0, 255]], np.uint8)
    assert metrics.dice(np.array([[True, False, True]]), truth, ignore=255) == 1.0


@pytest.mark.parametrize("score", BY_CLASS + OBJECTS)
def test_what_cannot_be_ignored_is_refused(score):
    how = {"classes": [1, 2]} if score in BY_CLASS else {}
    for wrong in (True, 1.5, "255", [255]):
        with pytest.raises(IsthmusError, match=r"ignore is .*; give one label of the truth"):
            score(PREDICTION, TRUTH, ignore=wrong, **how)
    with pytest.raises(IsthmusError, match="which is ignored: nothing is left to score"):
        score(PREDICTION, np.full_like(TRUTH, 9), ignore=9, **how)
    if score in BY_CLASS:
        with pytest.raises(IsthmusError, match="label 2 is both ignored and among the classes"):
            score(PREDICTION, TRUTH, ignore=2, **how)
        with pytest.raises(IsthmusError, match="the truth is boolean"):
            score(PREDICTION > 0, TRUTH > 0, ignore=1)
        with pytest.raises(IsthmusError, match="truth holds label 255"):
            score(PREDICTION, TRUTH, **how)

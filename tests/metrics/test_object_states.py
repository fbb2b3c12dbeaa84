"""States of objects: examples on paper, sums, symmetry, and a slow rule on sets of points."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from isthmus.metrics import object_states, panoptic_quality, score_case
from isthmus.metrics.object_states import (
    OF_PREDICTION,
    OF_TRUTH,
    PREDICTED_STATES,
    TRUE_STATES,
    add_up,
    in_words,
)

EXAMPLES = {
    "nothing in either": ([0, 0], [0, 0], "", ""),
    "equal": ([1, 1, 0, 5], [2, 2, 0, 1], "found found", "found found"),
    "only false": ([1, 0, 2], [0, 0, 0], "", "false false"),
    "only missed": ([0, 0, 0], [1, 0, 2], "missed missed", ""),
    # 4 / 4, and both true ones wholly inside: IoU 1/2 is no match
    "one for two": ([1] * 4, [1, 1, 2, 2], "merged merged", "merged"),
    "two for one": ([1, 1, 2, 2], [1] * 4, "split", "split split"),
    "one for three": ([7] * 6, [1, 1, 2, 2, 3, 3], "merged merged merged", "merged"),
    # the large one is matched (5/6), and the small one lost in its prediction
    "a small one swallowed": ([1] * 6, [1] * 5 + [2], "found merged", "found"),
    "a small one too many": ([1] * 5 + [2], [1] * 6, "found", "found split"),
    # 2 of 4 is not more than half, so nothing is covered: 2/4 and 2/4 in both
    "half of each": ([0, 0, 1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 2, 2, 2, 2], "missed missed", "false"),
    # IoU 3/6: covered, but alone
    "covered alone": ([1] * 6, [1] * 3 + [0] * 3, "missed", "false"),
    "just matched": ([1] * 5, [1] * 3 + [0] * 2, "found", "found"),
    # 1 covers 5 of 9 points of the first and the second wholly; the first covers 5 of 9 points of 1, and 2 and 3
    # wholly: to cover others goes first
    "merged and split": (
        [2, 2, 3, 3] + [1] * 9,
        [1] * 9 + [2] * 4,
        "split merged",
        "merged split split",
    ),
}


@pytest.mark.parametrize(
    ("predicted", "true", "true_states", "predicted_states"), EXAMPLES.values(), ids=EXAMPLES
)
def test_states_on_paper(predicted, true, true_states, predicted_states):
    states = object_states([predicted], [true])
    assert [TRUE_STATES[state] for state in states.truth] == true_states.split()
    assert [PREDICTED_STATES[state] for state in states.prediction] == predicted_states.split()


def test_counts_are_columns_of_scores():
    """A match, a miss, two merged into one, one split into two, and something of nothing."""
    truth = [[1, 1, 0, 2, 0, 3, 3, 4, 4, 0, 5, 5, 5, 5, 0, 0]]
    prediction = [[1, 1, 0, 0, 0, 2, 2, 2, 2, 0, 3, 3, 4, 4, 0, 9]]
    expected = {
        "found_objects": 1,
        "missed_objects": 1,
        "merged_objects": 2,
        "split_objects": 1,
        "false_predictions": 1,
        "splitting_predictions": 2,
        "merging_predictions": 1,
    }
    scores = score_case(prediction, truth, instances=True)
    assert object_states(prediction, truth).counts() == expected
    assert {name: scores[name] for name in expected} == expected
    assert add_up([scores, scores]) == {name: 2 * n for name, n in expected.items()}
    assert add_up([scores, scores | {"found_objects": float("nan")}]) == {}
    assert add_up([]) == dict.fromkeys(expected, 0)
    assert in_words(expected) == {
        "found": "1",
        "missed": "1",
        "false": "1",
        "merged": "2 true, 1 predicted",
        "split": "1 true, 2 predicted",
    }


def test_points_that_do_not_count_change_states():
    """With the second true object ignored, the first is all that the prediction covers: 2 of 2 points."""
    assert object_states([[1] * 4], [[1, 1, 2, 2]], ignore=2).counts()["found_objects"] == 1


def slowly(own, others):
    """The states of one side by sets of points: 0 found, 1 none of the others, 2 covered, 3 covers."""

    def covered(one, other):
        return 2 * len(one & other) > len(one)

    found = []
    for one in own:
        if any(2 * len(one & other) > len(one | other) for other in others):
            found.append(0)
        elif sum(covered(other, one) for other in others) > 1:
            found.append(3)
        else:
            several = any(covered(one, o) and sum(covered(each, o) for each in own) > 1 for o in others)
            found.append(2 if several else 1)
    return found


MASKS = st.tuples(*[hnp.arrays("int32", (5, 6), elements=st.sampled_from([0, 1, 1, 2, 3, 40, 9]))] * 2)


@settings(max_examples=300, deadline=None)
@given(MASKS)
def test_states_add_up_and_mirror(masks):
    prediction, truth = masks
    states, swapped = object_states(prediction, truth), object_states(truth, prediction)
    np.testing.assert_array_equal(states.truth, swapped.prediction)
    np.testing.assert_array_equal(states.prediction, swapped.truth)
    counts, scores = states.counts(), score_case(prediction, truth, instances=True)
    assert sum(counts[name] for name in OF_TRUTH) == scores["truth_objects"]
    assert sum(counts[name] for name in OF_PREDICTION) == scores["prediction_objects"]
    assert (states.truth == 0).sum() == (states.prediction == 0).sum()
    if len(states.truth) and len(states.prediction):
        quality = 2 * counts["found_objects"] / (len(states.truth) + len(states.prediction))
        assert scores["recognition_quality"] == pytest.approx(quality)
        assert panoptic_quality(prediction, truth) <= quality + 1e-12


@settings(max_examples=300, deadline=None)
@given(MASKS)
def test_states_are_those_of_point_sets(masks):
    sides = [
        [set(zip(*np.nonzero(mask == n), strict=True)) for n in np.unique(mask[mask > 0])] for mask in masks
    ]
    states = object_states(*masks)
    assert states.prediction.tolist() == slowly(sides[0], sides[1])
    assert states.truth.tolist() == slowly(sides[1], sides[0])

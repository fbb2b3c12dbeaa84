"""Overlap scores against point-by-point counting, and against answers derived on paper."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from isthmus.metrics import (
    dice,
    iou,
    precision,
    recall,
    score_case,
    specificity,
    volume_difference,
    volumetric_similarity,
)

from . import oracle

SCORES = (dice, iou, precision, recall, specificity, volumetric_similarity, volume_difference)


def count(prediction, truth):
    """True positives, false positives, false negatives and true negatives, one point at a time."""
    pairs = list(zip(prediction.ravel().tolist(), truth.ravel().tolist(), strict=True))
    return tuple(pairs.count(kind) for kind in ((True, True), (True, False), (False, True), (False, False)))


def by_hand(prediction, truth):
    tp, fp, fn, tn = count(prediction, truth)
    if tp + fp + fn == 0:
        overlap = dict.fromkeys(["dice", "iou", "precision", "recall", "volumetric_similarity"], 1.0)
    elif tp + fp == 0 or tp + fn == 0:
        overlap = dict.fromkeys(["dice", "iou", "precision", "recall", "volumetric_similarity"], 0.0)
    else:
        overlap = {
            "dice": 2 * tp / (2 * tp + fp + fn),
            "iou": tp / (tp + fp + fn),
            "precision": tp / (tp + fp),
            "recall": tp / (tp + fn),
            "volumetric_similarity": 1 - abs(fp - fn) / (2 * tp + fp + fn),
        }
    return overlap | {"specificity": tn / (tn + fp) if tn + fp else 1.0, "volume_difference": fp - fn}


@settings(max_examples=400, deadline=None)
@given(oracle.cases())
def test_scores_are_those_of_counting(case):
    prediction, truth, _ = case
    expected = by_hand(prediction, truth)
    for score in SCORES:
        assert score(prediction, truth) == pytest.approx(expected[score.__name__], abs=1e-12), score.__name__
    assert iou(prediction, truth) == pytest.approx(dice(prediction, truth) / (2 - dice(prediction, truth)))


@settings(max_examples=200, deadline=None)
@given(st.data(), st.sampled_from(["uint8", "int8", "int16", "uint16", "int64", "uint64"]))
def test_every_class_scores_as_its_mask_alone(data, dtype):
    """Also labels above 8 bits, more than eight classes, and classes that do not occur."""
    labels = data.draw(st.lists(st.integers(1, np.iinfo(dtype).max), min_size=1, max_size=11, unique=True))
    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=3, max_side=6))
    values = st.sampled_from([0, *labels])
    prediction, truth = (data.draw(hnp.arrays(dtype, shape, elements=values)) for _ in range(2))
    names = {label: f"class {label}" for label in labels}
    for score in SCORES:
        ours = score(prediction, truth, classes=names)
        assert list(ours) == list(names.values())
        for label, name in names.items():
            assert ours[name] == pytest.approx(score(prediction == label, truth == label)), (
                score.__name__,
                label,
            )
    assert dice(prediction, truth, classes=labels) == dict(
        zip(labels, dice(prediction, truth, classes=names).values(), strict=True)
    )


def test_background_is_scored_where_it_is_named():
    prediction, truth = np.array([[0, 0, 1, 1]]), np.array([[0, 1, 1, 1]])
    assert dice(prediction, truth, classes=[0, 1]) == {0: 2 / 3, 1: 0.8}
    assert list(dice(prediction, truth, classes=[1])) == [1]


def test_volume_is_in_the_unit_of_the_spacing():
    prediction, truth = np.zeros((2, 3, 4), bool), np.zeros((2, 3, 4), bool)
    prediction[0], truth[0, 0] = True, True  # 12 and 4 points
    assert volume_difference(prediction, truth, spacing=(2.0, 0.5, 3.0)) == 24.0
    assert volume_difference(truth, prediction, spacing=0.5) == -1.0
    assert volume_difference(prediction, truth, relative=True, spacing=(2.0, 0.5, 3.0)) == 2.0
    assert volume_difference(prediction, ~(truth | True), relative=True) == math.inf
    assert volume_difference(~(truth | True), ~(truth | True), relative=True) == 0.0


def test_one_call_holds_what_the_functions_say():
    rng = np.random.default_rng(0)
    prediction, truth = rng.integers(0, 4, (2, 9, 11)).astype(np.uint8)
    scores = score_case(prediction, truth, classes=[1, 2, 3], spacing=(0.5, 2.0))
    for label, row in scores.items():
        p, t = prediction == label, truth == label
        for score in SCORES[:-1]:
            assert row[score.__name__] == score(p, t)
        assert row["volume_difference"] == volume_difference(p, t, spacing=(0.5, 2.0))
        assert [row[f"{n}_points"] for n in ("prediction", "truth", "shared", "image")] == [
            p.sum(),
            t.sum(),
            (p & t).sum(),
            99,
        ]

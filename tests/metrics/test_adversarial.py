"""Masks made to break metrics: every pair of them, in images that are not square, against brute force."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from isthmus import metrics
from isthmus.errors import IsthmusError
from isthmus.metrics import mask_distances, score_case
from isthmus.metrics.nearest import Nearest

from . import oracle

FLAT, DEEP = (7, 12), (4, 5, 7)


def made(shape):
    """Masks of one shape: nothing, everything, single points in corners and middle, frames, shells, combs."""
    empty, full = np.zeros(shape, bool), np.ones(shape, bool)
    middle = tuple(n // 2 for n in shape)
    inner = tuple(slice(1, -1) for _ in shape)

    def point(*place):
        mask = empty.copy()
        mask[place] = True
        return mask

    frame, hole, block = full.copy(), full.copy(), empty.copy()
    frame[inner] = False
    hole[middle] = False
    block[inner] = True
    shell = block.copy()
    shell[middle] = False
    comb, board = empty.copy(), np.indices(shape).sum(axis=0) % 2 == 0
    comb[..., ::2] = True
    plane = empty.copy()
    plane[0] = True
    return {
        "nothing": empty,
        "everything": full,
        "first corner": point(*(0,) * len(shape)),
        "last corner": point(*(n - 1 for n in shape)),
        "middle": point(*middle),
        "beside the middle": point(*middle[:-1], middle[-1] + 1),
        "frame": frame,
        "all but the middle": hole,
        "block": block,
        "shell": shell,
        "comb": comb,
        "chess board": board,
        "one plane": plane,
    }


@pytest.mark.parametrize(
    ("shape", "spacing"),
    [(FLAT, (1.0, 1.0)), (FLAT, (0.3, 2.0)), (DEEP, (1.0, 1.0, 1.0)), (DEEP, (3.0, 0.7, 0.7))],
)
def test_every_pair_of_masks(shape, spacing):
    """All scores from their definitions; both ways, so that what should be symmetric is."""
    masks, diagonal = made(shape), oracle.diagonal(shape, spacing)
    for one, other in itertools.product(masks, repeat=2):
        p, t = masks[one], masks[other]
        found = score_case(p, t, spacing=spacing, objects=False)
        if p.any() and t.any():
            there, back = oracle.distances(p, t, spacing)
            both = np.concatenate([there, back])
            far = np.concatenate(oracle.distances(p, t, spacing, oracle.foreground_points))
            expected = {
                "hausdorff_distance": both.max(),
                "hausdorff_distance_95": max(np.percentile(there, 95), np.percentile(back, 95)),
                "hausdorff_distance_foreground": far.max(),
                "average_surface_distance": both.mean(),
                "average_distance_to_truth": there.mean(),
                "average_distance_to_prediction": back.mean(),
                "root_mean_square_surface_distance": math.sqrt((both**2).mean()),
                "surface_dice": (both <= 1 + 1e-12).mean(),
                "dice": 2 * (p & t).sum() / (p.sum() + t.sum()),
                "iou": (p & t).sum() / (p | t).sum(),
                "precision": (p & t).sum() / p.sum(),
                "recall": (p & t).sum() / t.sum(),
            }
        else:
            miss = p.any() != t.any()
            distances = [name for name in found if "hausdorff" in name or "distance" in name]
            shares = ["dice", "iou", "precision", "recall", "surface_dice", "volumetric_similarity"]
            expected = dict.fromkeys(distances, diagonal if miss else 0) | dict.fromkeys(
                shares, float(not miss)
            )
        outside = (~t).sum()
        expected["specificity"] = (~t & ~p).sum() / outside if outside else 1
        expected["volume_difference"] = (int(p.sum()) - int(t.sum())) * math.prod(spacing)
        for name, value in expected.items():
            assert found[name] == pytest.approx(value, rel=1e-9, abs=1e-9), f"{name} of {one} against {other}"


@pytest.mark.parametrize("shape", [FLAT, DEEP])
def test_scores_do_not_depend_on_how_the_array_lies(shape):
    """Rotated, mirrored, in another memory order or type, or in a larger image: the numbers are the same."""
    masks, spacing = made(shape), (0.5, 2.0, 3.0)[: len(shape)]
    for one, other in itertools.combinations(masks, 2):
        p, t = masks[one], masks[other]
        found = score_case(p, t, spacing=spacing)
        turned = score_case(p.T, t.T, spacing=spacing[::-1])
        mirrored = score_case(p[::-1], t[::-1], spacing=spacing)
        for scores in (turned, mirrored):
            for name, value in found.items():
                if "chess board" in (one, other) and name == "object_hausdorff":
                    continue  # of equal overlaps the object with the lowest number is the partner
                assert scores[name] == pytest.approx(value, nan_ok=True), f"{name}, {one} against {other}"
        labels = p.astype(np.int8), t.astype(np.uint64)
        assert score_case(*labels, classes=[1], spacing=spacing)[1] == pytest.approx(found, nan_ok=True)


def test_enlarging_the_image_changes_only_what_depends_on_it():
    masks = made(FLAT)
    for one, other in itertools.combinations([name for name in masks if name != "nothing"], 2):
        p, t = masks[one], masks[other]
        wide = [np.pad(mask, ((3, 4), (5, 1))) for mask in (p, t)]
        found, larger = score_case(p, t), score_case(*wide)
        for name in set(found) - {"specificity", "image_points", "open_gaps"}:
            assert larger[name] == pytest.approx(found[name], nan_ok=True), f"{name}, {one} against {other}"


def test_object_scores_of_the_same_masks_stay_within_their_range():
    masks = made(FLAT)
    numbers = {name: metrics.components(mask) for name, mask in masks.items()}
    for one, other in itertools.product(numbers, repeat=2):
        found = score_case(numbers[one], numbers[other], instances=True)
        for name in ("object_f1", "average_precision"):  # 1 for what covers the objects well enough, too
            assert 0 <= found[name] <= 1, f"{name} of {one} against {other}"
        for name in ("object_dice", "panoptic_quality", "aggregated_jaccard"):
            assert 0 <= found[name] <= 1, f"{name} of {one} against {other}"
            assert (found[name] == 1) == (one == other), f"{name} of {one} against {other}"
        assert 0 <= found["object_hausdorff"] <= math.hypot(6, 11)
        assert found["prediction_objects"] == numbers[one].max()


def test_planes_whose_squares_need_more_than_16_bits():
    """300 points apart in a stack of planes, one of them without a target: squares beyond 65,535 stay exact."""
    truth, prediction = np.zeros((2, 4, 300, 20), bool)
    truth[0, 0, 0] = truth[3, 0, 19] = True
    prediction[:, 200:] = True
    target = truth.copy()
    near = Nearest(target, (1.0, 1.0, 1.0))
    queries = np.flatnonzero(prediction)
    expected = oracle.directed(np.argwhere(prediction).astype(float), np.argwhere(truth).astype(float))
    np.testing.assert_allclose(near._by_planes(queries, 0.0), expected, rtol=1e-15)
    assert near._transform().dtype == np.float32
    assert Nearest(prediction, (1.0, 1.0, 1.0))._transform().dtype == np.uint16
    found = oracle.every(mask_distances(prediction, truth, on="foreground").from_prediction)
    np.testing.assert_allclose(np.sort(found), np.sort(expected), rtol=1e-15)


def test_percentiles_between_shared_points_and_those_apart():
    """Shared points count with distance 0, wherever the percentile lies among them."""
    truth = np.zeros((1, 40), bool)
    prediction = truth.copy()
    truth[0, :10], prediction[0, :30] = True, True
    found = mask_distances(prediction, truth)
    there = np.maximum(0, np.arange(30) - 9)
    np.testing.assert_array_equal(np.sort(oracle.every(found.from_prediction)), there)
    for q in (0, 10, 31, 32, 33, 34.5, 50, 95, 99.9, 100):
        expected = max(np.percentile(there, q), 0)
        assert found.hausdorff(q) == pytest.approx(expected, abs=1e-12)
        pooled = np.percentile(np.concatenate([there, np.zeros(10)]), q)
        assert found.hausdorff(q, pooled=True) == pytest.approx(pooled, abs=1e-12)


ONE = np.ones((3, 4), bool)


@pytest.mark.parametrize(
    ("work", "message"),
    [
        (lambda: score_case(ONE, ONE, spacing=1e300), "too extreme to be squared"),
        (lambda: score_case(ONE, ONE, spacing=(1e-200, 1.0)), "too extreme to be squared"),
        (lambda: score_case(ONE, ONE, spacing="12"), "is not made of numbers"),
        (lambda: score_case(ONE, ONE, spacing=(None, 1)), "not a positive number"),
        (lambda: metrics.dice(np.ma.array(ONE, mask=ONE), ONE), "prediction has pixels that are masked out"),
        (lambda: metrics.dice(ONE, None), "truth has values of type object"),
        (lambda: metrics.dice(ONE, ONE.T), r"shape \(3, 4\) and truth \(4, 3\)"),
        (lambda: metrics.dice(ONE * 1, ONE * 1, classes={1: ["a"]}), "has a name that is not text"),
        (lambda: metrics.surface_dice(ONE, ONE, tolerance="1"), "tolerance is 1; give a distance"),
        (lambda: metrics.hausdorff_distance(ONE, ONE, percentile=None), "percentile is None"),
        (lambda: metrics.average_surface_distance(ONE, ONE, direction=["both"]), "direction is"),
        (lambda: metrics.object_f1(ONE * 1, ONE * 1, overlap="half"), "overlap is half"),
        (
            lambda: metrics.average_precision(ONE * 1, ONE * 1, thresholds=0.5),
            "thresholds is 0.5; give a list",
        ),
        (lambda: metrics.open_gaps(ONE, ONE, width="4"), "width is 4"),
        (lambda: metrics.summarise([1]), "row 0 of the scores is 1"),
        (lambda: metrics.summarise(None), "there are no scores"),
        (lambda: metrics.summarise([{"dice": 1.0}]), "the scores lack prediction_points"),
        (lambda: metrics.pooled([{"prediction_points": 1.0}]), "the scores lack truth_points"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(work, message):
    with pytest.raises(IsthmusError, match=message) as caught:
        work()
    assert "\n" not in str(caught.value)


def test_tensors_that_are_no_dense_numbers_are_refused_in_one_line():
    torch = pytest.importorskip("torch")
    for tensor in (
        torch.full((3, 4), 0.5, dtype=torch.bfloat16),
        torch.ones(3, 4).to_sparse(),
        torch.ones(3, 4, device="meta"),
        torch.ones(3, 4, dtype=torch.complex64),
    ):
        with pytest.raises(IsthmusError, match=r"prediction (is not an array|has values of type)") as caught:
            metrics.dice(tensor, ONE)
        assert "\n" not in str(caught.value)

"""Object metrics against an oracle on sets of points, and against answers derived on paper."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.ndimage import gaussian_filter

from isthmus.metrics import (
    aggregated_jaccard,
    average_precision,
    components,
    false_objects,
    object_dice,
    object_f1,
    object_hausdorff,
    object_precision,
    object_recall,
    panoptic_quality,
    score_case,
)
from isthmus.metrics import object_distances as engine

from . import oracle

SCORES = (object_f1, object_dice, object_hausdorff, panoptic_quality, average_precision, aggregated_jaccard)


def sets(instances):
    """Each object as a set of points, in the order of the numbers."""
    found = {}
    for place, number in np.ndenumerate(instances):
        if number:
            found.setdefault(int(number), set()).add(place)
    return [found[number] for number in sorted(found)]


def partner(one, others):
    """The one with most points shared, the first of equals; None where none shares any."""
    best = max(others, key=lambda other: len(one & other), default=None)
    return best if best and one & best else None


def iou_of(a, b):
    return len(a & b) / len(a | b)


def hausdorff(a, b, spacing):
    a, b = (np.array(sorted(points), dtype=float) * spacing for points in (a, b))
    return max(oracle.directed(a, b).max(), oracle.directed(b, a).max())


def rule(predicted, true):
    return None if predicted and true else float(not predicted and not true)


def challenge(predicted, true, share):
    right = [p for p in predicted if (t := partner(p, true)) and len(p & t) / len(t) >= share]
    hit = [t for t in true if any(partner(p, true) is t for p in right)]
    return len(right) / len(predicted), len(hit) / len(true)


def most_pairs(predicted, true, good):
    """The largest number of disjoint good pairs, by trying everything."""
    edges = [(i, j) for i, p in enumerate(predicted) for j, t in enumerate(true) if good(p, t)]
    for n in range(min(len(predicted), len(true)), 0, -1):
        for chosen in itertools.combinations(edges, n):
            if len({i for i, _ in chosen}) == len({j for _, j in chosen}) == n:
                return n
    return 0


def jaccard(predicted, true):
    shared = united = 0
    used = set()
    for t in true:
        best = max(range(len(predicted)), key=lambda k: iou_of(predicted[k], t))
        if not predicted[best] & t:
            united += len(t)
            continue
        shared, united = shared + len(predicted[best] & t), united + len(predicted[best] | t)
        used.add(best)
    return shared / (united + sum(len(p) for k, p in enumerate(predicted) if k not in used))


def jaccards_one_to_one(predicted, true):
    """The ratio of every way to pair them that reaches the largest sum of IoU."""
    places = list(range(len(predicted))) + [None] * len(true)
    ratios = {}
    for chosen in set(itertools.permutations(places, len(true))):
        pairs = [
            (predicted[k], t) for k, t in zip(chosen, true, strict=True) if k is not None and predicted[k] & t
        ]
        united = sum(len(p | t) for p, t in pairs)
        united += sum(len(t) for t in true if not any(t is other for _, other in pairs))
        united += sum(len(p) for p in predicted if not any(p is other for other, _ in pairs))
        total = round(sum(iou_of(p, t) for p, t in pairs), 9)
        ratios.setdefault(total, []).append(sum(len(p & t) for p, t in pairs) / united)
    return ratios[max(ratios)]


@st.composite
def instances(draw, most=4):
    ndim = draw(st.sampled_from([1, 2, 2, 3]))
    shape = draw(hnp.array_shapes(min_dims=ndim, max_dims=ndim, max_side={1: 12, 2: 6, 3: 3}[ndim]))
    names = draw(st.lists(st.sampled_from([1, 2, 3, 5, 9, 60_000]), min_size=0, max_size=most, unique=True))
    spacing = tuple(draw(st.sampled_from([0.5, 1.0, 3.0])) for _ in range(ndim))
    return *(
        draw(hnp.arrays("int32", shape, elements=st.sampled_from([0, *names]))) for _ in range(2)
    ), spacing


@settings(max_examples=500, deadline=None)
@given(instances(), st.sampled_from([0.0, 0.25, 0.5, 0.7, 1.0]))
def test_scores_are_those_of_point_sets(case, share):
    prediction, truth, spacing = case
    predicted, true = sets(prediction), sets(truth)
    close = {"rel": 1e-9, "abs": 1e-9}
    ours = {score.__name__: score(prediction, truth) for score in SCORES if score is not object_hausdorff}
    if rule(predicted, true) is not None:
        assert set(ours.values()) == {rule(predicted, true)}
        return

    precision, recall = challenge(predicted, true, share)
    assert object_precision(prediction, truth, overlap=share) == pytest.approx(precision, **close)
    assert object_recall(prediction, truth, overlap=share) == pytest.approx(recall, **close)
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0
    assert object_f1(prediction, truth, overlap=share) == pytest.approx(f1, **close)

    n = most_pairs(predicted, true, lambda p, t: iou_of(p, t) > share and p & t)
    total = len(predicted) + len(true)
    assert object_f1(prediction, truth, overlap=share, one_to_one=True) == pytest.approx(
        2 * n / total, **close
    )
    assert average_precision(prediction, truth, thresholds=[share]) == pytest.approx(n / (total - n), **close)

    dice = 0.0
    for own, others in ((predicted, true), (true, predicted)):
        area = sum(map(len, own))
        for one in own:
            if other := partner(one, others):
                dice += len(one) / area / 2 * 2 * len(one & other) / (len(one) + len(other))
    assert ours["object_dice"] == pytest.approx(dice, **close)
    distance = weighted_hausdorff(prediction, truth, spacing)
    assert object_hausdorff(prediction, truth, spacing=spacing) == pytest.approx(distance, **close)

    good = [(p, t) for p in predicted for t in true if iou_of(p, t) > 0.5]
    quality = sum(iou_of(p, t) for p, t in good) / (total / 2)
    assert ours["panoptic_quality"] == pytest.approx(quality, **close)
    assert ours["aggregated_jaccard"] == pytest.approx(jaccard(predicted, true), **close)


@settings(max_examples=200, deadline=None)
@given(instances(most=3))
def test_one_to_one_jaccard_pairs_for_the_largest_sum(case):
    """Several pairings may reach the largest sum, and any of them is right."""
    prediction, truth, _ = case
    predicted, true = sets(prediction), sets(truth)
    if rule(predicted, true) is None:
        ours = aggregated_jaccard(prediction, truth, one_to_one=True)
        assert any(ours == pytest.approx(ratio) for ratio in jaccards_one_to_one(predicted, true))


@settings(max_examples=200, deadline=None)
@given(instances(), st.permutations([1, 2, 3, 4, 5, 6, 7, 8]), st.integers(0, 10**12))
def test_numbers_are_only_names(case, order, offset):
    """Objects keep their scores under other numbers, however large, wherever no two overlaps tie."""
    prediction, truth, _ = case
    renamed = prediction.astype(np.int64)
    for place, number in enumerate(np.unique(prediction[prediction > 0]).tolist()):
        renamed[prediction == number] = offset + place + 1
    for score in SCORES:
        assert score(renamed, truth) == score(prediction, truth)
    assert panoptic_quality(truth, prediction) == pytest.approx(panoptic_quality(prediction, truth))
    assert object_hausdorff(truth, prediction) == pytest.approx(object_hausdorff(prediction, truth))


def row(*numbers):
    return np.array([numbers])


def test_f1_of_the_challenge():
    truth = row(1, 1, 1, 1, 0, 2, 2, 0, 3, 3)
    assert object_f1(row(1, 1, 0, 0, 0, 0, 2, 0, 0, 0), truth) == pytest.approx(2 * 1 * (2 / 3) / (1 + 2 / 3))
    # two halves of one object both cover at least half of it: both right, and it is found once
    assert object_precision(row(1, 1, 2, 2, 0, 0, 0, 0, 0, 0), truth) == 1
    assert object_recall(row(1, 1, 2, 2, 0, 0, 0, 0, 0, 0), truth) == pytest.approx(1 / 3)
    # one object over all: it covers the whole of the one it overlaps most, the others are missed
    assert object_f1(row(1, 1, 1, 1, 1, 1, 1, 1, 1, 1), truth) == pytest.approx(2 * (1 / 3) / (4 / 3))
    # less than half
    assert object_f1(row(1, 0, 0, 0, 0, 0, 0, 0, 0, 0), truth) == 0


def test_one_to_one_takes_no_object_twice():
    truth, halves = row(1, 1, 1, 1), row(1, 1, 2, 2)
    assert object_f1(halves, truth) == 1
    assert object_f1(halves, truth, overlap=0.4, one_to_one=True) == pytest.approx(2 / 3)
    # a chain where the greedy choice would block the second pair: the best is two pairs
    prediction, truth = row(1, 1, 2, 2, 2, 0), row(0, 1, 1, 2, 2, 2)
    assert object_f1(prediction, truth, overlap=0.2, one_to_one=True) == 1


def test_object_dice_weighs_by_area():
    # predicted 1 (4 points) against true 1 (6): 2 * 4 / 10; predicted 2 (2 points) has none
    prediction, truth = row(1, 1, 1, 1, 0, 0, 0, 2, 2), row(1, 1, 1, 1, 1, 1, 0, 0, 0)
    assert object_dice(prediction, truth) == pytest.approx((4 / 6 * 0.8 + 0 + 0.8) / 2)


def test_object_hausdorff_of_the_nearest():
    # true 1 at column 0, true 2 at 9; predicted 1 at 0 and 2 at 5: 5 is nearer to 9 (4) than to 0 (5)
    truth, prediction = row(1, 0, 0, 0, 0, 0, 0, 0, 0, 2), row(1, 0, 0, 0, 0, 2, 0, 0, 0, 0)
    assert object_hausdorff(prediction, truth) == pytest.approx(((0 + 4) / 2 + (0 + 4) / 2) / 2)
    assert object_hausdorff(prediction, truth, spacing=(1.0, 2.5)) == pytest.approx(10 / 2)


def weighted_hausdorff(prediction, truth, spacing):
    """Object Hausdorff distance from point sets."""
    predicted, true = sets(prediction), sets(truth)
    total = 0.0
    for own, others in ((predicted, true), (true, predicted)):
        for one in own:
            other = partner(one, others)
            near = (
                hausdorff(one, other, spacing) if other else min(hausdorff(one, o, spacing) for o in others)
            )
            total += len(one) / sum(map(len, own)) / 2 * near
    return total


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_nearest_objects_far_and_wide(data):
    """Few points strewn over a large image, so that most objects overlap none and are ring-like or torn apart."""
    shape = data.draw(st.sampled_from([(1, 40), (15, 15), (6, 6, 6)]))
    spacing = data.draw(st.sampled_from([1.0, 0.3, 2.0])), *[1.0] * (len(shape) - 1)
    masks = []
    for _ in range(2):
        mask = np.zeros(shape, np.int32)
        for number in range(1, data.draw(st.integers(1, 4)) + 1):
            for _ in range(data.draw(st.integers(1, 4))):
                mask[tuple(data.draw(st.integers(0, n - 1)) for n in shape)] = number
        masks.append(mask)
    expected = weighted_hausdorff(*masks, spacing)
    assert object_hausdorff(*masks, spacing=spacing) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def at(shape, **objects):
    """Object numbers `_1=[(row, column), …]` in an image."""
    array = np.zeros(shape, np.int32)
    for number, points in objects.items():
        for point in points:
            array[point] = int(number[1:])
    return array


def test_bounds_on_the_nearest_object_are_bounds():
    """Cases in which a slightly less careful bound would stop the search at the wrong object."""
    shape = (45, 45)
    # the farthest point from the middle of the true pair, (22, 42), is nearer to the pair than (37, 22) is
    truth = at(shape, _1=[(22, 17), (22, 27)])
    prediction = at(shape, _1=[(22, 42), (37, 22), (21, 17), (21, 27)])
    assert object_hausdorff(prediction, truth) == pytest.approx(math.hypot(15, 5))
    # (13, 13) is the nearer by the diagonal, (15, 10) by the sum along both axes
    lone, two = at(shape, _1=[(10, 10)]), at(shape, _1=[(15, 10)], _2=[(13, 13)])
    back = (5 + math.hypot(3, 3)) / 2
    assert object_hausdorff(lone, two) == pytest.approx((math.hypot(3, 3) + back) / 2)
    # the second object is 5 away in one direction and 8 in the other, the first 9
    own = row(*np.bincount([0, 20], minlength=30).tolist())
    others = at((1, 30), _1=[(0, 1), (0, 21), (0, 11)], _2=[(0, 5), (0, 25), (0, 12)])
    assert object_hausdorff(own, others) == pytest.approx((8 + (9 + 8) / 2) / 2)


def test_panoptic_quality_and_precision_on_paper():
    # IoU 3/4 and 2/4; only the first counts
    prediction, truth = row(1, 1, 1, 0, 2, 2, 2, 0), row(1, 1, 1, 1, 0, 2, 2, 2)
    assert panoptic_quality(prediction, truth) == pytest.approx(0.75 / (1 + 0.5 + 0.5))
    assert average_precision(prediction, truth, thresholds=[0.5, 0.75]) == pytest.approx((1 / 3 + 0) / 2)
    assert average_precision(prediction, truth) == pytest.approx((5 * (1 / 3) + 5 * 0) / 10)
    assert average_precision(truth, truth) == 1


def test_aggregated_jaccard_on_paper():
    # one predicted object over two true ones is taken twice: (2 + 2) / (5 + 5)
    prediction, truth = row(1, 1, 1, 1, 1), row(1, 1, 0, 2, 2)
    assert aggregated_jaccard(prediction, truth) == pytest.approx(4 / 10)
    assert aggregated_jaccard(prediction, truth, one_to_one=True) == pytest.approx(2 / (5 + 2))
    assert aggregated_jaccard(row(0, 0, 3, 0), row(1, 1, 0, 0)) == 0


@pytest.mark.parametrize("spacing", [None, (0.5, 2.0), 3.0])
def test_large_objects_take_other_ways_to_the_same_distance(spacing, monkeypatch):
    """Objects beyond the small box, of alike and of very different size, overlapping and apart."""
    rng = np.random.default_rng(0)
    axes = np.ogrid[:160, :130]
    truth, prediction = np.zeros((2, 160, 130), np.int32)
    for number in range(1, 13):
        centre, radius = rng.uniform(0, 1, 2) * (160, 130), rng.choice([3, 8, 45])
        truth[np.hypot(axes[0] - centre[0], axes[1] - centre[1]) < radius] = number
        centre, radius = centre + rng.normal(0, 6, 2), radius * rng.uniform(0.1, 1.2)
        prediction[np.hypot(axes[0] - centre[0], axes[1] - centre[1]) < radius] = number + 20
    monkeypatch.setattr(engine, "SMALL", 10**9)
    plain = object_hausdorff(prediction, truth, spacing=spacing)
    for small, unequal in ((0, 0), (0, 10), (0, 10**9), (6000, 10)):
        monkeypatch.setattr(engine, "SMALL", small)
        monkeypatch.setattr(engine, "UNEQUAL", unequal)
        assert object_hausdorff(prediction, truth, spacing=spacing) == pytest.approx(plain, rel=1e-12)


@pytest.mark.parametrize("first", [1, 8])
@pytest.mark.parametrize(("shape", "spacing"), [((50, 40), (1.0, 1.0)), ((14, 15, 16), (2.0, 0.5, 0.7))])
def test_a_sponge_and_its_crumbs(shape, spacing, first, monkeypatch):
    """One object as large as the image beside many small ones, by the ways of large objects."""
    monkeypatch.setattr(engine, "SMALL", 0)
    monkeypatch.setattr(engine, "SAMPLES", 3)
    monkeypatch.setattr(engine.Extents, "FIRST", first)
    rng = np.random.default_rng(len(shape))
    smooth = [gaussian_filter(rng.normal(size=shape), 1.5) for _ in range(2)]
    masks = [components(one > above * one.std()) for one, above in zip(smooth, (-0.1, 0.6), strict=True)]
    assert min(map(np.max, masks)) > 8 or len(shape) == 3
    expected = weighted_hausdorff(*masks, spacing)
    assert object_hausdorff(*masks, spacing=spacing) == pytest.approx(expected, rel=1e-12)
    assert object_hausdorff(*masks[::-1], spacing=spacing) == pytest.approx(expected, rel=1e-12)


def test_objects_whose_extents_differ_alike_are_all_tried():
    """Points on the rim of a square around another: more than are looked up at first differ by 6 along an axis."""
    rim = [(r, c) for r in (1, 3, 7, 11, 13) for c in (1, 3, 7, 11, 13) if 1 in (r, c) or 13 in (r, c)]
    for order in itertools.islice(itertools.permutations(range(len(rim))), 0, 20_000, 400):
        truth = at((15, 15), **{f"_{number + 1}": [rim[k]] for number, k in enumerate(order)})
        prediction = at((15, 15), _1=[(7, 7)])
        back = np.mean([math.dist(point, (7, 7)) for point in rim])
        assert object_hausdorff(prediction, truth) == pytest.approx((6 + back) / 2)


def test_a_line_out_of_a_disc(monkeypatch):
    """The disc's nearest point to the line's end lies beside the line: (9, 4), not where the line leaves the disc."""
    monkeypatch.setattr(engine, "SMALL", 0)
    y, x = np.ogrid[-10:11, -10:31]
    disc, line = np.hypot(y, x) <= 10, (y == 9) & (x >= 0)
    assert disc.sum() > engine.UNEQUAL * line.sum()
    assert object_hausdorff(line.astype(int), disc.astype(int)) == pytest.approx(math.hypot(30 - 9, 9 - 4))


def test_components_by_face_or_corner():
    mask = np.array([[1, 0, 1], [0, 1, 0], [1, 1, 0]], bool)
    np.testing.assert_array_equal(components(mask), [[1, 0, 2], [0, 3, 0], [3, 3, 0]])
    np.testing.assert_array_equal(components(mask, neighbours="all"), [[1, 0, 1], [0, 1, 0], [1, 1, 0]])
    corner = np.zeros((2, 2, 2), bool)
    corner[0, 0, 0] = corner[1, 1, 1] = True
    assert (components(corner).max(), components(corner, neighbours="all").max()) == (2, 1)


@settings(max_examples=100, deadline=None)
@given(instances())
def test_one_call_holds_what_the_functions_say(case):
    prediction, truth, spacing = case
    scores = score_case(prediction, truth, spacing=spacing, instances=True)
    for score in (*SCORES, object_precision, object_recall):
        how = {"spacing": spacing} if score is object_hausdorff else {}
        assert scores[score.__name__] == score(prediction, truth, **how), score.__name__
    assert scores["panoptic_quality"] == scores["segmentation_quality"] * scores["recognition_quality"]
    assert (scores["prediction_objects"], scores["truth_objects"]) == (
        len(sets(prediction)),
        len(sets(truth)),
    )

    p, t = prediction > 0, truth > 0
    by_components = score_case(p, t, spacing=spacing)
    assert by_components["object_f1"] == object_f1(components(p), components(t))
    assert by_components["object_hausdorff"] == pytest.approx(
        object_hausdorff(components(p), components(t), spacing=spacing), rel=1e-12
    )
    assert by_components["false_objects"] == false_objects(p, t)
    assert not any(name.startswith("object_") for name in score_case(p, t, objects=False))
    assert math.isclose(scores["dice"], by_components["dice"])


def test_a_pair_at_exactly_the_threshold_is_no_match_but_at_half_covered_it_is_right():
    """Two of four points, an IoU of 0.5: StarDist and Cellpose count it, Kirillov's proof and GlaS's rule as here."""
    prediction, truth = np.array([[1, 1, 0, 0]]), np.array([[1, 1, 1, 1]])
    assert average_precision(prediction, truth, thresholds=[0.5]) == 0.0
    assert average_precision(prediction, truth, thresholds=[0.49]) == 1.0
    assert panoptic_quality(prediction, truth) == 0.0
    assert object_f1(prediction, truth, one_to_one=True) == 0.0
    assert object_f1(prediction, truth) == 1.0  # it covers at least half of the true object

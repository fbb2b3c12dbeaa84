"""The cases that MONAI tests its metrics with, through an adapter.

The numbers are those that their public test files expect (MONAI 1.6, tests/metrics). Every case is put to our metrics
and, where the package is installed, to the package itself, so that a number copied wrongly would show. Where a
definition differs the test says what we answer, derived on paper, and docs/metrics.md says why.
"""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest

from isthmus import metrics

from . import peer_adapter

nan, inf = math.nan, math.inf
UNEQUAL = (0.85, 1.2, 0.9)


@pytest.fixture(params=["isthmus", "MONAI"])
def monai(request):
    """Both answer the same cases: ours through the adapter, and the package where it is there."""
    if request.param == "isthmus":
        yield peer_adapter.monai
        return
    torch = pytest.importorskip("torch")
    package = peer_adapter.installed("monai.metrics", "monai")

    def tensor(value):
        array = isinstance(value, np.ndarray)
        return torch.from_numpy(np.ascontiguousarray(value)).float() if array else value

    class Theirs:
        def __getattr__(self, name):
            def call(*given, **how):
                how = {key: tensor(value) for key, value in how.items()}
                return getattr(package, name)(*map(tensor, given), **how).numpy()

            return call

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of theirs; ours are errors
        yield Theirs()


def sphere(radius=20.0, centre=(49, 49, 49), spacing=(1.0, 1.0, 1.0)):
    """A sphere in a 99^3 volume; radius and centre in the unit of the spacing."""
    axes = np.ogrid[:99, :99, :99]
    return sum((x * s - c) ** 2 for x, s, c in zip(axes, spacing, centre, strict=True)) <= radius * radius


def batch(mask):
    """As in MONAI's tests: two equal images of three equal channels, the first of which is left out."""
    return np.broadcast_to(mask, (2, 3, *mask.shape))


NOTHING = np.zeros((99, 99, 99), bool)
MONAI_HAUSDORFF = {  # arguments, then directed and not
    "equal": (sphere(), sphere(), {}, 0, 0),
    "by one along every axis": (
        sphere(20, (20, 20, 20)),
        sphere(20, (19, 19, 19)),
        {},
        1.7320508075688772,
        1.7320508075688772,
    ),
    "by one": (sphere(33, (19, 33, 22)), sphere(33, (20, 33, 22)), {}, 1, 1),
    "one in the other": (
        sphere(20, (20, 33, 22)),
        sphere(40, (20, 33, 22)),
        {},
        20.09975124224178,
        20.223748416156685,
    ),
    "no prediction": (NOTHING, sphere(40, (20, 33, 22)), {}, inf, inf),
    "no truth": (sphere(), NOTHING, {}, inf, inf),
    "neither": (NOTHING, NOTHING, {}, nan, nan),
    "neither, with a spacing": (NOTHING, NOTHING, {"spacing": UNEQUAL}, nan, nan),
    "95 per cent": (
        sphere(20, (20, 33, 22)),
        sphere(40, (20, 33, 22)),
        {"percentile": 95},
        19.924858845171276,
        20.09975124224178,
    ),
    "unequal spacing": (
        sphere(20, (20, 20, 20), UNEQUAL),
        sphere(20, (19, 19, 19), UNEQUAL),
        {"spacing": UNEQUAL},
        2.0808651447296143,
        2.2671568,
    ),
    "unequal spacing, one in the other": (
        sphere(15, (20, 33, 22), UNEQUAL),
        sphere(30, (20, 33, 22), UNEQUAL),
        {"spacing": UNEQUAL},
        15.439640998840332,
        15.62594,
    ),
}


@pytest.mark.parametrize("case", MONAI_HAUSDORFF)
def test_monai_hausdorff_distance(case, monai):
    prediction, truth, how, directed, symmetric = MONAI_HAUSDORFF[case]
    several = monai is peer_adapter.monai and case == "equal"  # theirs puts every case six times
    pair = (batch(prediction), batch(truth)) if several else (prediction[None, None], truth[None, None])
    for one_way, expected in ((True, directed), (False, symmetric)):
        found = monai.compute_hausdorff_distance(*pair, directed=one_way, **how)
        np.testing.assert_allclose(found, np.full(found.shape, expected), rtol=1e-6)


MONAI_SURFACE_DISTANCE = {  # arguments, then symmetric and not
    "equal": (sphere(), sphere(), {}, 0, 0),
    "by one": (sphere(33, (19, 33, 22)), sphere(33, (20, 33, 22)), {}, 0.350217, 0.3483278807706289),
    "one in the other": (
        sphere(20, (20, 33, 22)),
        sphere(40, (20, 33, 22)),
        {},
        15.117741,
        12.040033513150455,
    ),
    "no prediction": (NOTHING, sphere(40, (20, 33, 22)), {}, inf, inf),
    "no truth": (sphere(), NOTHING, {}, inf, inf),
    "neither": (NOTHING, NOTHING, {}, nan, nan),
    "unequal spacing": (
        sphere(33, (42, 45, 52), UNEQUAL),
        sphere(33, (43, 45, 52), UNEQUAL),
        {"spacing": UNEQUAL},
        0.4951,
        0.4951,
    ),
}


@pytest.mark.parametrize("case", MONAI_SURFACE_DISTANCE)
def test_monai_surface_distance(case, monai):
    prediction, truth, how, symmetric, directed = MONAI_SURFACE_DISTANCE[case]
    pair = prediction[None, None], truth[None, None]
    for both_ways, expected in ((True, symmetric), (False, directed)):
        found = monai.compute_average_surface_distance(*pair, symmetric=both_ways, **how)
        np.testing.assert_allclose(found, [[expected]], rtol=1e-5)


def hot(labels, classes):
    """`(batch, *spatial)` to `(batch, classes, *spatial)`, with the background."""
    return np.stack([labels == c for c in range(classes)], axis=1)


def shifted(shape, before, after):
    """Two images: a half plane that the prediction begins earlier along the last axis, and nothing at all."""
    prediction, truth = np.zeros((2, 2, *shape), int)
    prediction[0, ..., before:], truth[0, ..., after:] = 1, 1
    return hot(prediction, 2), hot(truth, 2)


SHIFTED_2D = shifted((480, 640), 50, 60)
SHIFTED_3D = shifted((200, 110, 80), 20, 30)
APART_2D = 478 + 480 + 9 * 2
APART_3D = 200 * 110 + 198 * 108 + 9 * 200 * 2 + 9 * 108 * 2
MONAI_SHIFTED = {
    "plane": (
        SHIFTED_2D,
        [1 - APART_2D / (480 * 4 + 48 * 2 + 58 * 2), 1 - APART_2D / (480 * 4 + 588 * 2 + 578 * 2)],
    ),
    "volume": (
        SHIFTED_3D,
        [
            1 - APART_3D / (200 * 110 * 4 + (28 + 18) * 200 * 2 + (28 + 18) * 108 * 2),
            1 - APART_3D / (200 * 110 * 4 + (58 + 48) * 200 * 2 + (58 + 48) * 108 * 2),
        ],
    ),
}


@pytest.mark.parametrize("case", MONAI_SHIFTED)
def test_monai_surface_dice_of_shifted_planes(case, monai):
    """At tolerance 0 by count; it grows with the tolerance and is 1 from the shift of 10 on."""
    pair, expected = MONAI_SHIFTED[case]

    def at(tolerance, spacing=None):
        how = {"include_background": True, "spacing": spacing}
        return monai.compute_surface_dice(*pair, [tolerance, tolerance], **how)

    np.testing.assert_allclose(at(0), [expected, [1, nan]], rtol=1e-6)
    steps = (0, 1, 10) if case == "volume" else (0, 1, 9, 10)
    found = np.array([at(step)[0] for step in steps])
    assert (np.diff(found, axis=0) > 0).all()
    np.testing.assert_array_equal(at(10), at(11))
    if case == "plane":  # at 1.2 along the columns the shift of 10 pixels is 12
        found = np.array([at(step, (0.85, 1.2))[0] for step in (0, 1, 9, 10, 11)])
        assert (np.diff(found, axis=0) > 0).all()
        np.testing.assert_array_equal(at(12, (0.85, 1.2)), at(13, (0.85, 1.2)))


@pytest.mark.parametrize(
    ("tolerances", "expected"),
    [
        ([0, 0], [1 - (8 + 4) / (36 * 2 + 8 + 4), 0]),
        ([2.8, 5.5], [1 - 3 / (36 * 2 + 8 + 4), 1 - (2 + 2) / (3 + 3)]),
        ([3, 6], [1 - 1 / (36 * 2 + 8 + 4), 1 - 2 / (3 + 3)]),
    ],
)
def test_monai_surface_dice_of_two_strokes(tolerances, expected, monai):
    prediction, truth = np.zeros((2, 1, 10, 10), int)
    prediction[0, 1:4, 1], truth[0, 5:8, 6] = 1, 1
    found = monai.compute_surface_dice(hot(prediction, 2), hot(truth, 2), tolerances, include_background=True)
    np.testing.assert_allclose(found, [expected], rtol=1e-6, atol=1e-7)


def test_monai_surface_dice_of_classes_that_are_missing(monai):
    prediction, truth = np.zeros((2, 1, 80, 80), int)
    prediction[0, 10:20, 10:20], truth[0, 10:20, 10:20] = 1, 2
    pair = hot(prediction, 4), hot(truth, 4)
    found = monai.compute_surface_dice(*pair, [1] * 4, include_background=True)
    np.testing.assert_array_equal(found, [[1, 0, 0, nan]])
    np.testing.assert_array_equal(monai.compute_surface_dice(*pair, [1] * 3), [[0, 0, nan]])
    ours = metrics.surface_dice(prediction, truth, tolerance=1, classes=[0, 1, 2, 3])
    assert ours == {0: 1, 1: 0, 2: 0, 3: 1}  # of the class in neither mask: right, and counted


ONE = np.array([[[[1, 0], [0, 1]]]]), np.array([[[[1, 0], [1, 1]]]])
THREE = (
    np.array(
        [
            [[[0, 1], [0, 0]], [[0, 0], [1, 1]], [[1, 0], [0, 0]]],
            [[[0, 0], [0, 1]], [[1, 0], [0, 0]], [[0, 1], [1, 0]]],
        ]
    ),
    np.array(
        [
            [[[0, 0], [0, 1]], [[1, 0], [1, 0]], [[0, 1], [0, 0]]],
            [[[0, 0], [0, 1]], [[1, 1], [0, 0]], [[0, 0], [1, 0]]],
        ]
    ),
)
FALSE_ALARMS = (
    np.array([[np.zeros((2, 2)), np.zeros((2, 2)), np.ones((2, 2))]] * 2),
    np.array(
        [
            [np.ones((2, 2)), np.zeros((2, 2)), np.zeros((2, 2))],
            [[[0, 1], [1, 0]], [[1, 0], [0, 1]], np.zeros((2, 2))],
        ]
    ),
)
GUESS = np.array(
    [
        [[[1, 1], [1, 0]], [[0, 1], [0, 0]], [[0, 1], [1, 1]]],
        [[[1, 0], [1, 1]], [[0, 1], [1, 1]], [[0, 1], [1, 0]]],
    ]
)
FULL_AND_EMPTY = [np.ones((2, 2)), np.zeros((2, 2)), np.zeros((2, 2))]
TRUTH = np.array([FULL_AND_EMPTY, [[[0, 0], [0, 1]], [[1, 1], [0, 0]], [[0, 0], [1, 0]]]])
ALWAYS_FULL = np.array([FULL_AND_EMPTY, FULL_AND_EMPTY])
FULL, EMPTY = np.ones((2, 2, 3, 3)), np.zeros((2, 2, 3, 3))


@pytest.mark.parametrize(
    ("pair", "how", "dice", "iou"),
    [
        (ONE, {}, [[0.8]], [[0.6667]]),
        (
            THREE,
            {"include_background": False},
            [[0.5, 0], [0.6667, 0.6667]],
            [[0.3333, 0], [0.5, 0.5]],
        ),
        ((FULL, FULL), {}, [[1, 1], [1, 1]], [[1, 1], [1, 1]]),
        ((EMPTY, EMPTY), {"ignore_empty": False}, [[1, 1], [1, 1]], [[1, 1], [1, 1]]),
        ((FULL, EMPTY), {"ignore_empty": False}, [[0, 0], [0, 0]], [[0, 0], [0, 0]]),
    ],
)
def test_monai_overlap(pair, how, dice, iou, monai):
    np.testing.assert_allclose(monai.compute_dice(*pair, **how), dice, atol=1e-4)
    np.testing.assert_allclose(monai.compute_iou(*pair, **how), iou, atol=1e-4)


def test_monai_drops_what_the_truth_does_not_have_and_we_do_not(monai):
    dropped = [[False, True, True], [False, False, True]]
    for compute, metric in ((monai.compute_dice, metrics.dice), (monai.compute_iou, metrics.iou)):
        np.testing.assert_array_equal(np.isnan(compute(*FALSE_ALARMS)), dropped)
        ours = [
            [metric(p > 0, t > 0) for p, t in zip(*case, strict=True)]
            for case in zip(*FALSE_ALARMS, strict=True)
        ]
        assert ours == [[0, 1, 0], [0, 0, 0]]  # missed, both empty, false alarm


@pytest.mark.parametrize(
    ("truth", "how", "reduction", "dice", "iou"),
    [
        (TRUTH, {}, "mean_batch", [0.6786, 0.4, 0.6667], [0.5416, 0.25, 0.5]),
        (TRUTH, {}, "mean", 0.689683, 0.5555),
        (ALWAYS_FULL, {}, "sum_batch", [1.7143, 0, 0], [1.5, 0, 0]),
        (ALWAYS_FULL, {}, "mean", 0.857143, 0.75),
        (ALWAYS_FULL, {"include_background": False}, "sum_batch", [0, 0], [0, 0]),
    ],
)
def test_monai_means(truth, how, reduction, dice, iou, monai):
    found = peer_adapter.reduced(monai.compute_dice(GUESS, truth, **how), reduction)
    np.testing.assert_allclose(found, dice, atol=1e-4)
    found = peer_adapter.reduced(monai.compute_iou(GUESS, truth, **how), reduction)
    np.testing.assert_allclose(found, iou, atol=1e-4)


def test_a_false_alarm_lowers_our_mean_and_not_theirs():
    """On their own case: 0.857 for a network that marks two classes which are nowhere, and 0.286 here."""
    rows = [
        {c: metrics.score_case(p[c] > 0, t[c] > 0) for c in range(3)}
        for p, t in zip(GUESS, ALWAYS_FULL, strict=True)
    ]
    found = metrics.over_classes(rows)["dice"]
    assert found.mean == pytest.approx((6 / 7 + 0 + 0) / 3)
    assert (found.n, found.n_false_alarm, found.n_missed) == (2, 2, 0)


PIECES = np.array([[0, 1, 1, 1], [0, 0, 0, 0], [2, 0, 3, 3], [4, 2, 2, 0]])
SAME_PIECES = np.array([[0, 7, 7, 7], [0, 0, 0, 0], [1, 0, 8, 8], [9, 1, 1, 0]])
TRUE_PIECES = np.array([[1, 1, 2, 1], [0, 0, 0, 0], [1, 3, 0, 0], [4, 3, 3, 3]])


@pytest.mark.parametrize(
    ("pred", "gt", "how", "expected"),
    [
        (TRUE_PIECES, TRUE_PIECES, {"metric_name": "rq", "match_iou_threshold": 0.99}, 1.0),
        (PIECES, TRUE_PIECES, {"match_iou_threshold": 0.5}, 0.25),
        (SAME_PIECES, TRUE_PIECES, {"metric_name": "rq", "match_iou_threshold": 0.3}, 0.75),
    ],
)
def test_monai_panoptic_quality(pred, gt, how, expected, monai):
    """Case 3 of theirs, segmentation quality of matches above 0.3, is not offered: its paper matches above 0.5."""
    np.testing.assert_allclose(monai.compute_panoptic_quality(pred=pred, gt=gt, **how), expected, atol=1e-4)


def test_a_miss_is_infinite_by_choice_and_counted_by_default():
    """Theirs by default is ours by choice; what their aggregates then drop, ours count."""
    assert metrics.hausdorff_distance(NOTHING, sphere(), missing="infinity") == inf
    assert metrics.average_surface_distance(sphere(), NOTHING, missing="infinity") == inf
    assert metrics.hausdorff_distance(NOTHING, sphere()) == pytest.approx(98 * math.sqrt(3))
    assert metrics.hausdorff_distance(NOTHING, NOTHING) == 0

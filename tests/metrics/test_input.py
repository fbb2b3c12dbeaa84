"""Input: arrays, lists and tensors alike; a wrong mask gives one clear line, never a wrong number."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from isthmus import metrics
from isthmus.errors import IsthmusError

BOOLEAN = [[True, False], [True, True]]
LABELS = [[0, 1], [2, 2]]
BY_CLASS = [
    metrics.dice,
    metrics.iou,
    metrics.precision,
    metrics.recall,
    metrics.specificity,
    metrics.volumetric_similarity,
    metrics.volume_difference,
    metrics.hausdorff_distance,
    metrics.average_surface_distance,
    metrics.root_mean_square_surface_distance,
    lambda p, t, **how: metrics.surface_dice(p, t, tolerance=1, **how),
    metrics.mask_distances,
    metrics.open_gaps,
    metrics.false_objects,
    metrics.score_case,
]
BY_OBJECT = [
    metrics.object_precision,
    metrics.object_recall,
    metrics.object_f1,
    metrics.object_dice,
    metrics.object_hausdorff,
    metrics.panoptic_quality,
    metrics.average_precision,
    metrics.aggregated_jaccard,
    lambda p, t: metrics.score_case(p, t, instances=True),
]
SPACED = [
    metrics.volume_difference,
    metrics.hausdorff_distance,
    metrics.average_surface_distance,
    metrics.root_mean_square_surface_distance,
    lambda p, t, **how: metrics.surface_dice(p, t, tolerance=1, **how),
    metrics.mask_distances,
    metrics.open_gaps,
    metrics.score_case,
]


def says(message):
    return pytest.raises(IsthmusError, match=message)


@pytest.mark.parametrize("score", BY_CLASS + BY_OBJECT)
def test_masks_that_are_no_masks_are_refused(score):
    with says(r"prediction has shape \(2, 2\) and truth \(4,\)"):
        score(BOOLEAN, [True] * 4)
    with says("prediction has values of type float64; a mask holds booleans or integers"):
        score([[0.2, 0.9]], [[True, True]])
    with says("truth has values of type float32; .* and 0.5 is not a whole number"):
        score(BOOLEAN, np.full((2, 2), 0.5, np.float32))
    for value in (np.nan, np.inf, 1e300):
        with says("is not a whole number"):
            score([[value, 0.0]], [[1, 0]])
    with says("prediction has values of type <U3"):
        score([["one", "two"]], [[True, True]])
    with says("prediction is not an array"):
        score([[True], [True, False]], BOOLEAN)
    with says(r"has shape \(0,\); a mask needs at least one pixel"):
        score(np.zeros(0, bool), np.zeros(0, bool))
    with says(r"truth has shape \(\)"):
        score(BOOLEAN, np.array(True))


@pytest.mark.parametrize("score", BY_CLASS)
def test_labels_must_be_among_the_classes(score):
    with says(r"masks of type int64 hold labels: name them with classes"):
        score(LABELS, LABELS)
    with says("prediction is bool and truth int64"):
        score(BOOLEAN, LABELS)
    with says("classes is for integer labels, and these masks are boolean"):
        score(BOOLEAN, BOOLEAN, classes=[1])
    with says(r"truth holds label 2, outside the classes \[1\] and background 0"):
        score([[0, 1], [1, 1]], LABELS, classes=[1])
    with says("prediction holds label -1, outside"):
        score([[0, 1], [-1, 2]], LABELS, classes=[1, 2])
    with says("prediction holds label 3, 4, 5, 6, 7, …, outside"):
        score([[3, 4, 5, 6, 7, 8]], [[1] * 6], classes=[1])
    with says("prediction holds label 1, outside"):  # a gap among the classes
        score(np.array([[0, 1, 2]], np.uint8), np.array([[0, 2, 2]], np.uint8), classes=[2])
    for wrong in ([], [-1], "ab", 2, [1.5], [True], [1, 1], {1: "a", 2: "a"}, {"a": 1}, [[1]]):
        with says("classes"):
            score(LABELS, LABELS, classes=wrong)


@pytest.mark.parametrize("score", BY_OBJECT)
def test_objects_must_have_numbers(score):
    with says("prediction is boolean, and object metrics take object numbers"):
        score(BOOLEAN, LABELS)
    with says("truth holds object number -3"):
        score(LABELS, [[0, -3], [1, 1]])
    with says("too large"):
        score(LABELS, np.full((2, 2), 2**63, np.uint64))


@pytest.mark.parametrize("score", SPACED)
def test_spacing_must_be_positive_and_fit(score):
    for wrong in (0, -1.0, (1, -2), (1, np.inf), np.nan):
        with says(r"spacing .* has a value that is not a positive number"):
            score(BOOLEAN, BOOLEAN, spacing=wrong)
    for wrong in ((1, 1, 1), (1,)):
        with says(r"spacing \(.*\) does not fit masks of 2 axes"):
            score(BOOLEAN, BOOLEAN, spacing=wrong)
    for wrong in ("wide", [[1], [1, 2]]):
        with says("spacing .* is not made of numbers"):
            score(BOOLEAN, BOOLEAN, spacing=wrong)
    with says("spacing"):
        metrics.object_hausdorff(LABELS, LABELS, spacing=-1)


def test_what_has_one_meaning_may_stand_third():
    """Classes of an overlap, the spacing of a distance, tolerance and then spacing of surface Dice."""
    prediction, truth = np.array([[1, 0, 0, 2]]), np.array([[0, 0, 1, 2]])
    assert metrics.dice(prediction, truth, [1, 2]) == {1: 0.0, 2: 1.0}
    assert metrics.iou(prediction, truth, {2: "lumen", 1: "gland"}) == {"gland": 0.0, "lumen": 1.0}
    assert metrics.hausdorff_distance(prediction == 1, truth == 1, (1, 3)) == 6
    assert metrics.average_surface_distance(prediction == 1, truth == 1, 0.5) == 1
    assert metrics.surface_dice(prediction == 1, truth == 1, 6) == 1
    assert metrics.surface_dice(prediction == 1, truth == 1, 5.9, (1, 3)) == 0
    for distance in (metrics.hausdorff_distance, metrics.average_surface_distance):
        with says("name them with classes"):  # classes, mistaken for the third
            distance(prediction, truth, [1, 2])


def test_options_must_be_known():
    empty = np.zeros((2, 2), bool)
    for pair in ((BOOLEAN, BOOLEAN), (BOOLEAN, empty), (empty, empty)):
        for wrong in (-1, 101, float("nan")):
            with says("percentile is"):
                metrics.hausdorff_distance(*pair, percentile=wrong)
            with says("percentile is"):
                metrics.hausdorff_distance(*pair, percentile=wrong, on="foreground")
        with says("did you mean 'surface'"):
            metrics.hausdorff_distance(*pair, on="surfaces")
        with says("did you mean 'diagonal'"):
            metrics.hausdorff_distance(*pair, missing="diag")
        with says("direction is 'up'"):
            metrics.average_surface_distance(*pair, direction="up")
        for wrong in (-1, float("nan")):
            with says("tolerance is"):
                metrics.surface_dice(*pair, tolerance=wrong)
        for wrong in (0, -1, float("nan"), float("inf")):
            with says("width is"):
                metrics.open_gaps(*pair, width=wrong)
    for objects in ((LABELS, LABELS), (LABELS, [[0, 0], [0, 0]])):
        for wrong in (-0.1, 1.1, float("nan")):
            for score in (metrics.object_f1, metrics.object_precision, metrics.object_recall):
                with says("overlap is"):
                    score(*objects, overlap=wrong)
            with says("threshold is"):
                metrics.average_precision(*objects, thresholds=[wrong])
        with says("thresholds is empty"):
            metrics.average_precision(*objects, thresholds=[])
        with says("did you mean 'diagonal'"):
            metrics.object_hausdorff(*objects, missing="diagonals")
    with says("components are those of a boolean mask, not of int64"):
        metrics.components(LABELS)
    with says("did you mean 'face'"):
        metrics.components(BOOLEAN, neighbours="faces")
    with says("classes is for labels of classes, and instances=True"):
        metrics.score_case(LABELS, LABELS, classes=[1, 2], instances=True)


@pytest.mark.parametrize("score", [*BY_CLASS, *BY_OBJECT, metrics.components])
def test_a_batch_is_scored_case_by_case(score):
    """For (N, 1, H, W) a metric would treat all cases as one, so none accepts it; a volume is a single case."""
    for shape in ((3, 1, 4, 5), (3, 1, 2, 4, 5), (1, 1, 4, 5)):
        batch = [np.ones(shape, int if score in BY_OBJECT else bool)] * (
            1 if score is metrics.components else 2
        )
        with says(r"4 axes|5 axes") as caught:
            score(*batch)
        assert "one by one: [dice(p[0], t[0])" in str(caught.value)
    volume = [mask[:, 0] for mask in batch]
    score(*volume)
    with says(r"has shape \(0, 4, 5\); a mask needs at least one pixel"):
        score(*(mask[:0, 0] for mask in batch))


def test_tensors_lists_and_views_score_as_arrays():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(1)
    prediction, truth = rng.integers(0, 3, (2, 8, 9)).astype(np.uint8)
    expected = metrics.score_case(prediction, truth, classes=[1, 2])
    tensors = torch.from_numpy(prediction), torch.from_numpy(truth).long().requires_grad_(False)
    flipped = prediction[::-1, ::2].T, truth[::-1, ::2].T
    for given in (tensors, (prediction.tolist(), truth.tolist()), (np.asfortranarray(prediction), truth)):
        np.testing.assert_equal(metrics.score_case(*given, classes=[1, 2]), expected)
    np.testing.assert_equal(
        metrics.score_case(*flipped, classes=[1, 2]),
        metrics.score_case(*(np.ascontiguousarray(mask) for mask in flipped), classes=[1, 2]),
    )


def test_masks_are_left_as_they_were():
    rng = np.random.default_rng(2)
    prediction, truth = rng.integers(0, 3, (2, 6, 7, 5)).astype(np.uint8)
    before = prediction.copy(), truth.copy()
    metrics.score_case(prediction, truth, classes=[1, 2])
    metrics.score_case(prediction > 0, truth > 0)
    np.testing.assert_array_equal(prediction, before[0])
    np.testing.assert_array_equal(truth, before[1])
    prediction.flags.writeable = truth.flags.writeable = False
    metrics.score_case(prediction, truth, classes=[1, 2])


def test_importing_metrics_waits_for_no_heavy_package():
    code = (
        "import sys, isthmus.metrics as m; m.dice([[True]], [[True]]); "
        "print([n for n in ('torch', 'scipy', 'cv2', 'matplotlib', 'skimage') if n in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"

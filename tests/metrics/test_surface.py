"""Surface metrics against brute force, and against answers derived on paper."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings

from isthmus.metrics import (
    average_surface_distance,
    hausdorff_distance,
    mask_distances,
    root_mean_square_surface_distance,
    surface_dice,
)
from isthmus.metrics.nearest import Nearest

from . import oracle

MANY = settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(params=["cost rule", "planes", "tree", "volume"])
def way(request, monkeypatch):
    """Forces every way to the nearest point in turn, so that none hides behind the cost rule."""
    if request.param != "cost rule":
        choose = Nearest._costs

        def only(self, n_queries):
            costs = choose(self, n_queries)
            return {request.param: 0.0} if request.param in costs else costs

        monkeypatch.setattr(Nearest, "_costs", only)
    return request.param


@MANY
@given(oracle.cases())
def test_every_distance_is_that_of_brute_force(way, case):
    prediction, truth, spacing = case
    assume(prediction.any() and truth.any())
    for on, points in (("surface", oracle.surface_points), ("foreground", oracle.foreground_points)):
        to_truth, to_prediction = oracle.distances(prediction, truth, spacing, points)
        ours = mask_distances(prediction, truth, spacing=spacing, on=on)
        np.testing.assert_allclose(
            np.sort(oracle.every(ours.from_prediction)), np.sort(to_truth), rtol=1e-12, atol=1e-12
        )
        np.testing.assert_allclose(
            np.sort(oracle.every(ours.from_truth)), np.sort(to_prediction), rtol=1e-12, atol=1e-12
        )
        both = np.concatenate([to_truth, to_prediction])
        close = {"rel": 1e-9, "abs": 1e-9}

        def hausdorff(**how):
            return hausdorff_distance(prediction, truth, spacing=spacing, on=on, **how)  # noqa: B023

        assert hausdorff() == pytest.approx(both.max(), **close)
        for q in (0, 37.5, 95, 100):
            larger = max(np.percentile(to_truth, q), np.percentile(to_prediction, q))
            assert hausdorff(percentile=q) == pytest.approx(larger, **close)
            assert hausdorff(percentile=q, pooled=True) == pytest.approx(np.percentile(both, q), **close)
        if on == "foreground":
            continue
        for direction, ds in (("both", both), ("to_truth", to_truth), ("to_prediction", to_prediction)):
            how = {"spacing": spacing, "direction": direction}
            assert average_surface_distance(prediction, truth, **how) == pytest.approx(ds.mean(), **close)
            rms = root_mean_square_surface_distance(prediction, truth, **how)
            assert rms == pytest.approx(math.sqrt((ds**2).mean()), **close)
        for tolerance in (0.0, 1.0, float(np.median(both))):
            expected = np.mean(both <= tolerance * (1 + 1e-12))
            got = surface_dice(prediction, truth, tolerance=tolerance, spacing=spacing)
            assert got == pytest.approx(expected, abs=1e-12)


def mask(shape, *points):
    array = np.zeros(shape, bool)
    for point in points:
        array[point] = True
    return array


def rectangle(shape, low, high):
    """Foreground from `low` up to but without `high`."""
    return mask(shape, tuple(slice(a, b) for a, b in zip(low, high, strict=True)))


def test_points_apart():
    a, b = mask((4, 9), (1, 1)), mask((4, 9), (3, 7))  # 2 down, 6 to the right
    assert hausdorff_distance(a, b) == pytest.approx(math.sqrt(40))
    assert hausdorff_distance(a, b, spacing=(3.0, 0.5)) == pytest.approx(math.sqrt(36 + 9))
    assert hausdorff_distance(a, b, spacing=2) == pytest.approx(2 * math.sqrt(40))
    far = mask((2, 3, 4), (0, 0, 0)), mask((2, 3, 4), (1, 2, 3))  # opposite corners: the diagonal
    assert hausdorff_distance(*far) == pytest.approx(math.sqrt(1 + 4 + 9))
    assert hausdorff_distance(*far, spacing=(5, 1, 0.1)) == pytest.approx(math.sqrt(25 + 4 + 0.09))


def test_rectangle_grown_by_one_row():
    """10 x 20 against 11 x 20 rows: the bottom row of the larger is 1 away from the smaller."""
    a, b = rectangle((30, 40), (5, 5), (15, 25)), rectangle((30, 40), (5, 5), (16, 25))
    # borders: a has 2 * 20 + 2 * 8 = 56 points, b 2 * 20 + 2 * 9 = 58. The bottom row of b (20 points) is 1
    # away from a; of the bottom row of a, the two ends lie on the border of b and 18 are inside it, at 1.
    assert hausdorff_distance(a, b) == 1
    assert average_surface_distance(a, b) == pytest.approx((18 + 20) / (56 + 58))
    assert average_surface_distance(a, b, direction="to_truth") == pytest.approx(18 / 56)
    assert average_surface_distance(a, b, direction="to_prediction") == pytest.approx(20 / 58)
    assert root_mean_square_surface_distance(a, b, spacing=3) == pytest.approx(3 * math.sqrt(38 / 114))
    assert surface_dice(a, b, tolerance=0.99) == pytest.approx((56 - 18 + 58 - 20) / 114)
    assert surface_dice(a, b, tolerance=1) == 1
    # 18 of 56 distances are 1, so the 50th percentile is 0 and the 95th 1; 20 of 58 likewise
    assert hausdorff_distance(a, b, percentile=50) == 0
    assert hausdorff_distance(a, b, percentile=95) == 1


def test_percentile_interpolates_between_points():
    line = mask((1, 5), (0, slice(None)))
    point = mask((1, 5), (0, 0))
    # from the line 0 1 2 3 4, from the point 0: of the first the 95th percentile is 3.8, of all six 3.75
    assert hausdorff_distance(line, point, percentile=95) == pytest.approx(3.8)
    assert hausdorff_distance(line, point, percentile=95, pooled=True) == pytest.approx(3.75)
    assert hausdorff_distance(point, line, percentile=95) == pytest.approx(3.8)


def test_nested_masks_differ_on_surface_and_foreground():
    """A full 9 x 9 square, its centre (4 from the sides, 4 sqrt 2 from the corners) and its outline."""
    full, centre = rectangle((9, 9), (0, 0), (9, 9)), mask((9, 9), (4, 4))
    assert hausdorff_distance(full, centre) == pytest.approx(4 * math.sqrt(2))
    assert average_surface_distance(centre, full, direction="to_truth") == 4
    ring = full & ~rectangle((9, 9), (1, 1), (8, 8))
    # every pixel of the full square has a ring pixel within 4; their surfaces are the same
    assert hausdorff_distance(full, ring, on="foreground") == 4
    assert hausdorff_distance(full, ring, on="surface") == 0
    assert hausdorff_distance(ring, full, on="foreground") == 4


def test_outside_the_image_counts_as_outside():
    full = np.ones((5, 6), bool)
    hole = full.copy()
    hole[2, 2] = False
    # the hole adds its four neighbours to the border: three of them are 1 from the frame, (2, 3) is 2
    assert hausdorff_distance(hole, full) == 2
    assert mask_distances(hole, full).from_prediction.size == 18 + 4
    assert hausdorff_distance(
        np.ones((3, 3, 3), bool), rectangle((3, 3, 3), (1, 1, 1), (2, 2, 2))
    ) == pytest.approx(math.sqrt(3))


def test_a_stack_of_one_plane_is_all_surface():
    """In 3D every voxel of a single plane has a face neighbour outside, in 2D only the rim has."""
    plane, centre = np.ones((5, 5), bool), mask((5, 5), (2, 2))
    assert mask_distances(plane, centre).from_prediction.size == 16
    assert mask_distances(plane[None], centre[None]).from_prediction.size == 25
    assert mask_distances(plane[:, :, None], centre[:, :, None]).from_prediction.size == 25


@pytest.mark.parametrize("shift", [(0, 1), (1, 0), (3, -2)])
@pytest.mark.parametrize("shape", [(40, 60), (60, 40), (17, 90)])
def test_shapes_that_are_not_square(shape, shift):
    """A shifted square moves every border point by the shift, and the far corner is nowhere nearer."""
    low = np.array([6, 6])
    a, b = rectangle(shape, low, low + 7), rectangle(shape, low + shift, low + shift + 7)
    assert hausdorff_distance(a, b) == pytest.approx(math.hypot(*shift))
    assert hausdorff_distance(a, b, spacing=(2, 0.5)) == pytest.approx(
        math.hypot(2 * shift[0], 0.5 * shift[1])
    )


@settings(max_examples=150, deadline=None)
@given(oracle.cases())
def test_distances_obey_their_symmetries(case):
    prediction, truth, spacing = case
    assume(prediction.any() and truth.any())
    for on in ("surface", "foreground"):
        here = hausdorff_distance(prediction, truth, spacing=spacing, on=on)
        assert here == pytest.approx(hausdorff_distance(truth, prediction, spacing=spacing, on=on), rel=1e-12)
        assert hausdorff_distance(prediction, prediction, spacing=spacing, on=on) == 0
        assert here <= oracle.diagonal(truth.shape, spacing) * (1 + 1e-12)
        mirrored = hausdorff_distance(prediction[::-1], truth[::-1], spacing=spacing, on=on)
        assert here == pytest.approx(mirrored, rel=1e-12)
        turned = hausdorff_distance(prediction.T, truth.T, spacing=spacing[::-1], on=on)
        assert here == pytest.approx(turned, rel=1e-12)
        doubled = hausdorff_distance(prediction, truth, spacing=tuple(2 * s for s in spacing), on=on)
        assert 2 * here == pytest.approx(doubled, rel=1e-12)
    assert surface_dice(prediction, truth, tolerance=here + 1, spacing=spacing) <= 1
    average = average_surface_distance(prediction, truth, spacing=spacing)
    assert average <= root_mean_square_surface_distance(prediction, truth, spacing=spacing) * (1 + 1e-12)


@settings(max_examples=150, deadline=None)
@given(oracle.cases(dims=(2, 3)), oracle.cases(dims=(2, 3)))
def test_classes_are_measured_as_their_masks_alone(first, second):
    assume(first[0].ndim == second[0].ndim)
    grid = tuple(min(a, b) for a, b in zip(first[0].shape, second[0].shape, strict=True))
    cut = tuple(slice(0, n) for n in grid)
    prediction = np.where(first[0][cut], 3, np.where(second[0][cut], 7, 0)).astype(np.int16)
    truth = np.where(second[1][cut], 7, np.where(first[1][cut], 3, 0)).astype(np.int16)
    how = {"spacing": first[2], "percentile": 95}
    by_class = hausdorff_distance(prediction, truth, classes=[3, 7], **how)
    for label in (3, 7):
        assert by_class[label] == hausdorff_distance(prediction == label, truth == label, **how)

"""The ways to the nearest point on sets large enough to need them, against SciPy's distance transform."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from isthmus.metrics import hausdorff_distance, mask_distances
from isthmus.metrics.border import border
from isthmus.metrics.distances import planes_first
from isthmus.metrics.nearest import EXACT_SQUARE, Nearest

from . import oracle


def ball(shape, centre, radii):
    axes = np.ogrid[tuple(slice(0, n) for n in shape)]
    return sum(((x - c) / r) ** 2 for x, c, r in zip(axes, centre, radii, strict=True)) <= 1


def noise(shape, share, seed):
    return np.random.default_rng(seed).random(shape) < share


def expected(prediction, truth, spacing):
    p, t = border(prediction), border(truth)
    to_truth = distance_transform_edt(~t, sampling=spacing)[p]
    return np.sort(to_truth), np.sort(distance_transform_edt(~p, sampling=spacing)[t])


def blank(shape, part):
    """Noise in only a part of the image."""
    array = np.zeros(shape, bool)
    array[part] = noise(array[part].shape, 0.3, 5)
    return array


SHAPE = (36, 50, 44)
VOLUMES = {
    "near": (ball(SHAPE, (18, 24, 20), (12, 14, 10)), ball(SHAPE, (19, 26, 20), (12, 13, 11))),
    "far apart": (ball(SHAPE, (6, 6, 6), (5, 5, 5)), ball(SHAPE, (30, 44, 38), (5, 5, 5))),
    "one in the other": (ball(SHAPE, (18, 25, 22), (4, 5, 6)), ball(SHAPE, (18, 25, 22), (16, 22, 20))),
    "tiny in large": (ball(SHAPE, (3, 3, 3), (1, 1, 1)), noise(SHAPE, 0.5, 1)),
    "tiny, far from large": (ball(SHAPE, (33, 3, 3), (1, 1, 1)), blank(SHAPE, np.s_[:10])),
    "noise": (noise(SHAPE, 0.5, 2), noise(SHAPE, 0.5, 3)),
    "sparse noise": (noise(SHAPE, 0.002, 4), noise(SHAPE, 0.002, 5)),
    "noise far apart": (blank(SHAPE, np.s_[:8]), blank(SHAPE, np.s_[28:])),
    "planes with gaps": (blank(SHAPE, np.s_[::9]), blank(SHAPE, np.s_[4::13])),
    "full frame": (np.ones(SHAPE, bool), ball(SHAPE, (18, 25, 22), (3, 3, 3))),
}
SPACINGS = [(1.0, 1.0, 1.0), (3.0, 0.7, 0.7), (0.5, 2.0, 0.5), (1.5, 1.5, 4.0), (1.0, 2.0, 3.0)]


@pytest.mark.parametrize("way", ["cost rule", "planes", "tree", "volume"])
@pytest.mark.parametrize("name", VOLUMES)
def test_volumes_agree_with_a_distance_transform(name, way, monkeypatch):
    if way != "cost rule":
        choose = Nearest._costs
        monkeypatch.setattr(
            Nearest, "_costs", lambda self, n: {way: 0.0} if way in choose(self, n) else choose(self, n)
        )
    prediction, truth = VOLUMES[name]
    for spacing in SPACINGS:
        ours = mask_distances(prediction, truth, spacing=spacing)
        to_truth, to_prediction = expected(prediction, truth, spacing)
        np.testing.assert_allclose(
            np.sort(oracle.every(ours.from_prediction)), to_truth, rtol=1e-12, atol=1e-12
        )
        np.testing.assert_allclose(
            np.sort(oracle.every(ours.from_truth)), to_prediction, rtol=1e-12, atol=1e-12
        )
        away = max(
            distance_transform_edt(~a, sampling=spacing)[b].max()
            for a, b in itertools.permutations((prediction, truth))
        )
        assert hausdorff_distance(prediction, truth, spacing=spacing, on="foreground") == pytest.approx(
            away, rel=1e-12
        )


def test_each_way_is_taken_where_it_is_cheapest():
    """Every way occurs among these sizes, so no constant of the cost rule is far enough off to hide one."""

    def way(target, n_queries, spacing=(1.0, 1.0, 1.0)):
        costs = Nearest(target, spacing)._costs(n_queries)
        return min(costs, key=costs.get)

    large, flat = noise((40, 60, 60), 0.3, 0), noise((1, 2000, 2000), 0.2, 0)
    few = np.zeros((40, 60, 60), bool)
    few[range(40), range(40), range(40)] = True
    assert way(large, 10_000) == "planes"
    assert way(few, 20) == "tree"
    assert way(large, 10_000, (1.0, 2.0, 3.0)) == "volume"
    assert way(flat, 300_000) == "tree"
    assert "planes" not in Nearest(flat, (1.0, 1.0, 1.0))._costs(10)
    assert "planes" not in Nearest(large, (1.0, 2.0, 3.0))._costs(10)


@pytest.mark.parametrize("shape", [(512, 512), (700, 188), (2, 725), (725, 1)])
def test_planes_stay_exact_up_to_their_limit(shape):
    """OpenCV's transform goes wrong a little beyond; at the limit every squared distance is exact."""
    assert sum((n - 1) ** 2 for n in shape) <= EXACT_SQUARE
    rng = np.random.default_rng(0)
    rows, columns = np.indices(shape)
    for n in (1, 2, 7, 100):
        points = [
            (0, 0),
            *zip(rng.integers(0, shape[0], n - 1), rng.integers(0, shape[1], n - 1), strict=True),
        ]
        target = np.zeros((1, *shape), bool)
        for row, column in points:
            target[0, row, column] = True
        squares = np.min([(rows - row) ** 2 + (columns - column) ** 2 for row, column in points], axis=0)
        planes = Nearest(target, (1.0, 1.0, 1.0))._transform()[0]
        np.testing.assert_array_equal(planes.astype(np.int64), squares)


def test_planes_beyond_the_limit_are_not_transformed():
    truth = np.zeros((2, 1200), bool)
    truth[0, 0] = True
    prediction = np.zeros((2, 1200), bool)
    prediction[1, 885:] = True
    distances = oracle.every(mask_distances(prediction, truth).from_prediction)
    np.testing.assert_allclose(np.sort(distances), np.sqrt(1 + np.arange(885.0, 1200) ** 2), rtol=1e-15)


def test_volumes_are_cut_into_the_fewest_exact_planes():
    assert planes_first((30, 20, 40), (1.0, 1.0, 1.0)) == (1, 0, 2)
    assert planes_first((30, 20, 40), (2.0, 1.0, 1.0)) == (0, 1, 2)
    assert planes_first((30, 20, 40), (1.0, 1.0, 2.0)) == (2, 0, 1)
    assert planes_first((30, 700, 700), (1.0, 1.0, 1.0)) == (1, 0, 2)  # planes of 700 x 700 are too large
    assert planes_first((30, 20), (1.0, 2.0)) == (0, 1)
    assert planes_first((10, 20, 30), (3.0, 0.1 * 3, 0.3)) == (0, 1, 2)  # equal but for rounding


def test_a_floor_spares_only_what_cannot_be_the_farthest():
    target, others = border(VOLUMES["near"][0]), np.flatnonzero(VOLUMES["far apart"][1])
    near = Nearest(target, (1.0, 1.0, 1.0))
    exact = distance_transform_edt(~target).ravel()[others]
    for floor in (0.0, float(np.median(exact)), float(exact.max()) + 1):
        assert near.farthest(others, floor) == pytest.approx(max(floor, exact.max()), rel=1e-12)
        np.testing.assert_allclose(np.maximum(near.distances(others, floor), floor), np.maximum(exact, floor))
    assert near.farthest(others[:0], 2.5) == 2.5

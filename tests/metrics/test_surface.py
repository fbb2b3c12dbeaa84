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

MANY = settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(params=["cost rule", "planes", "tree", "volume"])
def way(request, monkeypatch):
    """Every way to the nearest point, forced in turn, so that none hides behind the cost rule."""
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
        np.testing.assert_allclose(np.sort(ours.to_truth), np.sort(to_truth), rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(
            np.sort(ours.to_prediction), np.sort(to_prediction), rtol=1e-12, atol=1e-12
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

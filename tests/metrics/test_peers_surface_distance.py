"""The cases that DeepMind's surface-distance tests itself with (surface_distance_test.py), through an adapter.

As in test_peers_monai.py: the numbers are theirs; where a definition differs the case says what we answer, derived on
paper, and docs/metrics.md says why.
"""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest

from . import peer_adapter

nan, inf = math.nan, math.inf


@pytest.fixture(params=["isthmus", "surface-distance"])
def deepmind(request, monkeypatch):
    if request.param == "isthmus":
        yield peer_adapter.deepmind
        return
    package = peer_adapter.installed("surface_distance", "surface-distance")
    for name, value in (("Inf", np.inf), ("NaN", np.nan)):  # which its release of 2018 still uses
        monkeypatch.setitem(vars(np), name, value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield package


def points(shape, *places):
    mask = np.zeros(shape, bool)
    for place in places:
        mask[place] = True
    return mask


def answers(package, truth, prediction, spacing):
    """What their `_assert_metrics` looks at."""
    found = package.compute_surface_distances(truth, prediction, spacing_mm=spacing)
    return {
        "average": package.compute_average_surface_distance(found),
        "hausdorff": package.compute_robust_hausdorff(found, 100),
        "hausdorff 95": package.compute_robust_hausdorff(found, 95),
        "overlap": package.compute_surface_overlap_at_tolerance(found, tolerance_mm=1),
        "surface dice": package.compute_surface_dice_at_tolerance(found, tolerance_mm=1),
        "dice": package.compute_dice_coefficient(truth, prediction),
    }


FLAT, DEEP = (128, 128), (128, 128, 128)
TWO_SQUARES = (points((6, 6), np.s_[1:3, 1:3]), points((6, 6), np.s_[1:4, 1:3]))
SLABS = points((100, 100, 100), np.s_[:50]), points((100, 100, 100), np.s_[:51])
RIM = 100 * 100 - 98 * 98
TRUTH_BORDER, GUESS_BORDER = 2 * 100 * 100 + 48 * RIM, 2 * 100 * 100 + 49 * RIM
"""Points on the border of 50 and 51 planes: both end planes, and the rims of those between."""

DEEPMIND = {
    # Two pixels 2 mm apart. Their surface runs between the pixels' centres, so half of it is only 1 mm away.
    "two pixels": (
        (points(FLAT, (50, 70)), points(FLAT, (50, 72)), (2, 1)),
        {"average": (1.5, 1.5), "hausdorff": 2, "hausdorff 95": 2, "overlap": (0.5, 0.5), "surface dice": 0.5}
        | {"dice": 0},
        {"average": (2, 2), "overlap": (0, 0), "surface dice": 0},
    ),
    "two voxels": (
        (points(DEEP, (50, 60, 70)), points(DEEP, (50, 60, 72)), (3, 2, 1)),
        {"average": (1.5, 1.5), "hausdorff": 2, "hausdorff 95": 2, "overlap": (0.5, 0.5), "surface dice": 0.5}
        | {"dice": 0},
        {"average": (2, 2), "overlap": (0, 0), "surface dice": 0},
    ),
    # 2 x 2 and 3 x 2 pixels, all of them border. Ours: the third row's two points lie 2 mm from the second.
    "two squares": (
        (*TWO_SQUARES, (2, 1)),
        {"hausdorff": 2, "hausdorff 95": 2, "dice": 0.8},
        {"average": (0, 4 / 6), "overlap": (1, 4 / 6), "surface dice": 8 / 10},
    ),
    # 50 and 51 planes. Only in the last plane of either is any point farther than 1 mm from the other's border: of the
    # 51 planes all 100 x 100 are 2 mm away; of the 50 planes the rim lies on the other's border, the ring within it is
    # 1 mm away, and 96 x 96 remain, which are 2 mm away.
    "two slabs": (
        (*SLABS, (2, 1, 1)),
        {"average": (0.322, 0.339), "hausdorff": 2, "hausdorff 95": 2, "overlap": (0.842, 0.830)}
        | {"surface dice": 0.836, "dice": 0.990},
        {
            "average": ((98 * 98 - 96 * 96 + 2 * 96 * 96) / TRUTH_BORDER, 2 * 100 * 100 / GUESS_BORDER),
            "overlap": (1 - 96 * 96 / TRUTH_BORDER, 1 - 100 * 100 / GUESS_BORDER),
            "surface dice": 1 - (96 * 96 + 100 * 100) / (TRUTH_BORDER + GUESS_BORDER),
        },
    ),
    "no prediction": (
        (points(FLAT, (50, 60)), points(FLAT), (3, 2)),
        {"average": (inf, nan), "hausdorff": inf, "hausdorff 95": inf, "overlap": (0, nan), "surface dice": 0}
        | {"dice": 0},
        {"average": (nan, nan), "overlap": (nan, nan)},
    ),
    "no truth": (
        (points(FLAT), points(FLAT, (50, 60)), (3, 2)),
        {"average": (nan, inf), "hausdorff": inf, "hausdorff 95": inf, "overlap": (nan, 0), "surface dice": 0}
        | {"dice": 0},
        {"average": (nan, nan), "overlap": (nan, nan)},
    ),
    "neither": (
        (points(FLAT), points(FLAT), (3, 2)),
        {"average": (nan, nan), "hausdorff": inf, "hausdorff 95": inf, "overlap": (nan, nan), "dice": nan}
        | {"surface dice": nan},
        {"hausdorff": 0, "hausdorff 95": 0, "surface dice": 1},
    ),
    "no prediction, 3D": (
        (points(DEEP, (50, 60, 70)), points(DEEP), (3, 2, 1)),
        {"hausdorff": inf, "hausdorff 95": inf, "surface dice": 0, "dice": 0},
        {},
    ),
    "no truth, 3D": (
        (points(DEEP), points(DEEP, (50, 60, 72)), (3, 2, 1)),
        {"hausdorff": inf, "hausdorff 95": inf, "surface dice": 0, "dice": 0},
        {},
    ),
}


@pytest.mark.parametrize("case", DEEPMIND)
def test_deepmind(case, deepmind):
    """What they expect to three places; where we differ, what we answer."""
    given, theirs, ours = DEEPMIND[case]
    found = answers(deepmind, *given)
    expected = theirs | ours if deepmind is peer_adapter.deepmind else theirs
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, atol=5e-4, err_msg=f"{case}: {name}")


@pytest.mark.parametrize(
    ("truth", "prediction", "spacing"),
    [
        (np.zeros((2, 2, 2), bool), np.zeros((2, 2), bool), (1, 1)),
        (np.zeros((2, 2), bool), np.zeros((2, 2, 2), bool), (1, 1)),
        (np.zeros((2, 2), bool), np.zeros((2, 2), bool), (1, 1, 1)),
        (np.zeros((2, 2, 2, 2), bool), np.zeros((2, 2, 2, 2), bool), (1, 1, 1, 1)),
    ],
)
def test_deepmind_refuses(truth, prediction, spacing):
    """Masks of one axis, which they refuse as well, are measured here."""
    with pytest.raises(ValueError, match=r"compatible shape|Only 2D and 3D"):
        peer_adapter.deepmind.compute_surface_distances(truth, prediction, spacing_mm=spacing)

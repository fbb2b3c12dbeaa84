"""The cases that MONAI and DeepMind's surface-distance test themselves with: equal where the definitions are.

The numbers are those their test suites expect. Where a definition differs, the test says how, and
docs/metrics.md says why.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from isthmus.metrics import average_surface_distance, dice, hausdorff_distance, surface_dice

UNEQUAL = (0.85, 1.2, 0.9)


def sphere(radius=20.0, centre=(49, 49, 49), spacing=(1.0, 1.0, 1.0)):
    """A sphere in a 99^3 volume; radius and centre in the unit of the spacing."""
    axes = np.ogrid[:99, :99, :99]
    return sum((x * s - c) ** 2 for x, s, c in zip(axes, spacing, centre, strict=True)) <= radius * radius


MONAI_HAUSDORFF = [
    (sphere(), sphere(), {}, 0),
    (sphere(20, (20, 20, 20)), sphere(20, (19, 19, 19)), {}, 1.7320508075688772),
    (sphere(33, (19, 33, 22)), sphere(33, (20, 33, 22)), {}, 1),
    (sphere(20, (20, 33, 22)), sphere(40, (20, 33, 22)), {}, 20.223748416156685),
    (sphere(20, (20, 33, 22)), sphere(40, (20, 33, 22)), {"percentile": 95}, 20.09975124224178),
    (
        sphere(20, (20, 20, 20), UNEQUAL),
        sphere(20, (19, 19, 19), UNEQUAL),
        {"spacing": UNEQUAL},
        2.2671568,
    ),
    (
        sphere(15, (20, 33, 22), UNEQUAL),
        sphere(30, (20, 33, 22), UNEQUAL),
        {"spacing": UNEQUAL},
        15.62594,
    ),
]


@pytest.mark.parametrize(("prediction", "truth", "how", "expected"), MONAI_HAUSDORFF)
def test_monai_hausdorff_distance(prediction, truth, how, expected):
    assert hausdorff_distance(prediction, truth, **how) == pytest.approx(expected, rel=1e-6)


MONAI_SURFACE_DISTANCE = [
    (sphere(), sphere(), {}, 0, 0),
    (sphere(33, (19, 33, 22)), sphere(33, (20, 33, 22)), {}, 0.350217, 0.3483278807706289),
    (sphere(20, (20, 33, 22)), sphere(40, (20, 33, 22)), {}, 15.117741, 12.040033513150455),
    (
        sphere(33, (42, 45, 52), UNEQUAL),
        sphere(33, (43, 45, 52), UNEQUAL),
        {"spacing": UNEQUAL},
        0.4951,
        0.4951,
    ),
]


@pytest.mark.parametrize(("prediction", "truth", "how", "symmetric", "directed"), MONAI_SURFACE_DISTANCE)
def test_monai_surface_distance(prediction, truth, how, symmetric, directed):
    assert average_surface_distance(prediction, truth, **how) == pytest.approx(symmetric, rel=1e-5)
    to_truth = average_surface_distance(prediction, truth, direction="to_truth", **how)
    assert to_truth == pytest.approx(directed, rel=1e-5)


def test_monai_calls_a_miss_infinite():
    """Theirs by default is ours by choice; what its aggregate then drops, ours counts."""
    nothing = np.zeros((99, 99, 99), bool)
    assert hausdorff_distance(nothing, sphere(), missing="infinity") == math.inf
    assert average_surface_distance(sphere(), nothing, missing="infinity") == math.inf


def points(shape, *places):
    mask = np.zeros(shape, bool)
    for place in places:
        mask[place] = True
    return mask


@pytest.mark.parametrize(
    ("truth", "prediction", "spacing"),
    [
        (points((128, 128), (50, 70)), points((128, 128), (50, 72)), (2, 1)),
        (points((128, 128, 128), (50, 60, 70)), points((128, 128, 128), (50, 60, 72)), (3, 2, 1)),
    ],
)
def test_deepmind_two_pixels(truth, prediction, spacing):
    """Two pixels 2 mm apart. DeepMind's surface runs between pixel centres, so half of it is only 1 mm away.

    It has an average of 1.5 and a surface Dice of 0.5 where the pixels themselves are 2 mm apart, all of
    them.
    """
    assert hausdorff_distance(prediction, truth, spacing=spacing) == 2
    assert hausdorff_distance(prediction, truth, spacing=spacing, percentile=95) == 2
    assert dice(prediction, truth) == 0
    assert average_surface_distance(prediction, truth, spacing=spacing) == 2
    assert surface_dice(prediction, truth, tolerance=1, spacing=spacing) == 0


def test_deepmind_two_slabs():
    """50 and 51 planes, 2 mm apart. DeepMind's surface Dice at 1 mm is 0.836, by area; ours counts.

    On paper: the border of either mask are its two end planes and the rims of those between. Only in the
    last plane of either is any point farther than 1 mm from the other's border: of the 51 planes all 100 x
    100 are 2 mm away; of the 50 planes the rim lies on the other's border, the ring within it is 1 mm away,
    and 96 x 96 remain.
    """
    truth, prediction = np.zeros((2, 100, 100, 100), bool)
    truth[:50], prediction[:51] = True, True
    rim = 100 * 100 - 98 * 98
    points_of_both = (2 * 100 * 100 + 48 * rim) + (2 * 100 * 100 + 49 * rim)
    far = 100 * 100 + 96 * 96
    how = {"spacing": (2, 1, 1)}
    assert hausdorff_distance(prediction, truth, **how) == 2
    assert hausdorff_distance(prediction, truth, percentile=95, **how) == 2
    assert dice(prediction, truth) == pytest.approx(100 / 101)
    assert surface_dice(prediction, truth, tolerance=1, **how) == pytest.approx(1 - far / points_of_both)
    assert surface_dice(prediction, truth, tolerance=2, **how) == 1

"""Geometry against answers on paper and SciPy; against scikit-image where it is installed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from isthmus.measurement import slabs
from isthmus.measurement.shapes import Shapes


def ellipse(semi: tuple[float, float], degrees: float, side: int = 201) -> np.ndarray:
    """An ellipse in the middle, whose first semi-axis is turned counter-clockwise from the horizontal."""
    rows, columns = np.mgrid[:side, :side] - side // 2
    turn = np.radians(degrees)
    along = columns * np.cos(turn) - rows * np.sin(turn)
    across = columns * np.sin(turn) + rows * np.cos(turn)
    return ((along / semi[0]) ** 2 + (across / semi[1]) ** 2 <= 1).astype(np.int32)


def test_a_rectangle_on_paper() -> None:
    labels = np.zeros((10, 20), np.int32)
    labels[2:5, 4:10] = 1  # 3 rows, 6 columns
    found = Shapes.of(labels, 1)
    assert found.pixels.tolist() == [18]
    assert (found.low.tolist(), found.high.tolist()) == ([[2, 4]], [[5, 10]])
    assert found.centroid.tolist() == [[3, 6.5]]
    # the variance of n places one apart is (n² - 1) / 12, an axis four standard deviations
    axes = [4 * np.sqrt(35 / 12), 4 * np.sqrt(8 / 12)]
    assert found.axes((1, 1)).tolist()[0] == pytest.approx(axes)
    assert found.axes((2, 0.5))[0] == pytest.approx([axes[1] * 2, axes[0] * 0.5])
    assert found.eccentricity((1, 1)) == pytest.approx([np.sqrt(1 - 8 / 35)])
    assert found.orientation((1, 1)).tolist() == [0]
    assert found.orientation((4, 1)).tolist() == [90]  # upright, once rows are that far apart
    assert not found.at_border.any()


@pytest.mark.parametrize("degrees", [0, 30, 45, 90, 120, 179])
def test_a_slanted_ellipse_has_the_axes_and_the_angle_that_it_was_drawn_with(degrees: float) -> None:
    found = Shapes.of(ellipse((80, 30), degrees), 1)
    assert found.axes((1, 1))[0] == pytest.approx([160, 60], rel=5e-3)
    assert found.eccentricity((1, 1))[0] == pytest.approx(np.sqrt(1 - (30 / 80) ** 2), rel=5e-3)
    away = (found.orientation((1, 1))[0] - degrees + 90) % 180 - 90
    assert abs(away) < 0.3


def test_a_circle_of_unlike_pixels_is_a_circle() -> None:
    rows, columns = np.mgrid[:101, :401] - np.array([50, 200])[:, None, None]
    labels = ((rows * 4) ** 2 + columns**2 <= 160**2).astype(np.int32)
    found = Shapes.of(labels, 1)
    assert found.axes((4, 1))[0] == pytest.approx([320, 320], rel=5e-3)
    assert found.eccentricity((4, 1))[0] < 0.1
    assert found.eccentricity((1, 1))[0] == pytest.approx(np.sqrt(1 - 1 / 16), rel=1e-2)


def test_a_ball_of_thick_slices_has_three_equal_axes() -> None:
    z, y, x = np.mgrid[:13, :61, :61] - np.array([6, 30, 30])[:, None, None, None]
    labels = ((z * 5) ** 2 + y**2 + x**2 <= 29**2).astype(np.int32)
    found = Shapes.of(labels, 1)
    assert found.axes((5, 1, 1))[0] == pytest.approx([58, 58, 58], rel=2e-2)
    assert found.pixels[0] * 5 == pytest.approx(4 / 3 * np.pi * 29**3, rel=2e-2)


def test_objects_of_one_pixel_and_round_ones_have_no_direction() -> None:
    labels = np.zeros((5, 8), np.int32)
    labels[1, 1], labels[1:3, 3:5], labels[0, 7] = 1, 2, 3
    found = Shapes.of(labels, 3)
    assert np.isnan(found.orientation((1, 1))).all()
    assert found.eccentricity((1, 1)).tolist() == [0, 0, 0]
    assert found.axes((1, 1))[0].tolist() == [0, 0]
    assert found.at_border.tolist() == [False, False, True]


def test_the_only_slice_of_a_volume_is_no_border() -> None:
    labels = np.zeros((1, 5, 5), np.int32)
    labels[0, 2, 2], labels[0, 4, 4] = 1, 2
    assert Shapes.of(labels, 2).at_border.tolist() == [False, True]


def test_no_object() -> None:
    found = Shapes.of(np.zeros((3, 4), np.int32), 0)
    assert found.axes((1, 1)).shape == (0, 2)
    assert found.orientation((1, 1)).shape == found.eccentricity((1, 1)).shape == (0,)


@settings(max_examples=30, deadline=None)
@given(arrays(np.int32, st.tuples(*[st.integers(1, 9)] * 2), elements=st.integers(0, 3)), st.integers(1, 20))
def test_slabs_change_nothing_and_scipy_agrees(mask: np.ndarray, pixels: int) -> None:
    numbers = np.unique(mask[mask > 0])
    labels = np.where(mask > 0, np.searchsorted(numbers, mask) + 1, 0).astype(np.int32)
    n = len(numbers)
    whole = Shapes.of(labels, n)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slabs, "PIXELS", pixels)
        parts = Shapes.of(labels, n)
    for name in ("pixels", "low", "high", "centroid", "covariance", "at_border"):
        np.testing.assert_allclose(getattr(parts, name), getattr(whole, name))
    centres = ndimage.center_of_mass(labels > 0, labels, range(1, n + 1))
    np.testing.assert_allclose(whole.centroid, np.reshape(centres, (n, 2)))

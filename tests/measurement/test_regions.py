"""Objects on paper, drawn ones of known size and direction, and SciPy for centroids and intensities."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage
from skimage.measure import regionprops
from skimage.measure._regionprops import RegionProperties

from isthmus.measurement.regions import regions


def ball(radius: float, spacing: tuple[float, ...]) -> np.ndarray:
    """A disc, or in space a ball, among pixels of this size."""
    half = [int(radius / step) + 2 for step in spacing]
    lines = [np.arange(-n, n + 1) * step for n, step in zip(half, spacing, strict=True)]
    return (sum(place**2 for place in np.meshgrid(*lines, indexing="ij")) <= radius**2).astype(np.int32)


def ellipse(semi: tuple[float, float], degrees: float, side: int = 201) -> np.ndarray:
    """An ellipse in the middle, whose first semi-axis is turned counter-clockwise from the horizontal."""
    rows, columns = np.mgrid[:side, :side] - side // 2
    turn = np.radians(degrees)
    along = columns * np.cos(turn) - rows * np.sin(turn)
    across = columns * np.sin(turn) + rows * np.cos(turn)
    return ((along / semi[0]) ** 2 + (across / semi[1]) ** 2 <= 1).astype(np.int32)


def of(labels: Any, spacing: tuple[float, ...] | None = None) -> dict[str, Any]:
    """What is measured of the first object."""
    pixels, spaced = regions(np.asarray(labels, np.int32), spacing=spacing)
    return {name: values.tolist()[0] for name, values in (pixels | spaced).items()}


def test_a_rectangle_on_paper() -> None:
    labels = np.zeros((10, 20), np.int32)
    labels[2:5, 4:10] = 1  # 3 rows, 6 columns
    one = of(labels)
    assert (one["area"], one["perimeter"], one["solidity"], one["touches_border"]) == (18, 14, 1, False)
    assert (one["centroid_x"], one["centroid_y"]) == (6.5, 3)
    assert [one[f"box_{side}"] for side in ("x", "y", "width", "height")] == [4, 2, 6, 3]
    # the variance of n places one apart is (n² - 1) / 12, an axis four standard deviations
    axes = [4 * np.sqrt(35 / 12), 4 * np.sqrt(8 / 12)]
    assert [one["axis_major"], one["axis_minor"]] == pytest.approx(axes)
    assert one["eccentricity"] == pytest.approx(np.sqrt(1 - 8 / 35))
    assert one["orientation_deg"] == 0
    upright = of(labels, (4, 1))
    assert [upright["axis_major"], upright["axis_minor"]] == pytest.approx([4 * axes[1], axes[0]])
    assert upright["orientation_deg"] == 90  # once rows are that far apart
    assert np.isnan(upright["perimeter"])


@pytest.mark.parametrize("degrees", [0, 30, 45, 90, 120, 179])
def test_a_slanted_ellipse_has_the_axes_and_the_angle_that_it_was_drawn_with(degrees: float) -> None:
    one = of(ellipse((80, 30), degrees))
    assert [one["axis_major"], one["axis_minor"]] == pytest.approx([160, 60], rel=5e-3)
    assert one["eccentricity"] == pytest.approx(np.sqrt(1 - (30 / 80) ** 2), rel=5e-3)
    assert abs((one["orientation_deg"] - degrees + 90) % 180 - 90) < 0.3


def test_a_disc_has_about_its_circumference_and_no_direction() -> None:
    one = of(ball(40, (1, 1)))
    assert one["perimeter"] == pytest.approx(2 * np.pi * 40, rel=0.06)
    assert np.isnan(one["orientation_deg"])


@pytest.mark.parametrize("spacing", [(1, 1, 1), (2, 1, 1), (0.5, 2, 1)])
def test_a_ball_of_thick_slices_has_three_equal_axes(spacing: tuple[float, float, float]) -> None:
    one = of(ball(20, spacing), spacing)
    axes = [one[f"axis_{which}"] for which in ("major", "middle", "minor")]
    assert axes == sorted(axes, reverse=True)
    assert axes == pytest.approx([40] * 3, rel=2e-2)
    assert one["volume"] * np.prod(spacing) == pytest.approx(4 / 3 * np.pi * 20**3, rel=3e-2)
    assert 0.9 < one["solidity"] <= 1


def test_a_box_in_space_on_paper() -> None:
    labels = np.zeros((6, 10, 20), np.int32)
    labels[1:3, 2:5, 4:10] = 1
    one = of(labels, (5, 1, 2))
    assert (one["volume"], one["solidity"]) == (36, 1)
    assert [one[f"box_{side}"] for side in ("z", "depth", "x", "width")] == [1, 2, 4, 6]
    assert one["axis_major"] == pytest.approx(2 * np.sqrt(5 * 35 / 12) * 2)
    assert one["axis_middle"] == pytest.approx(2 * np.sqrt(5 * 3 / 12) * 5)
    assert one["axis_minor"] == pytest.approx(2 * np.sqrt(5 * 8 / 12))
    assert not {"perimeter", "eccentricity", "orientation_deg"} & set(one)


def test_solidity_of_an_angle_and_of_pieces() -> None:
    angle = np.zeros((5, 5), np.int32)
    angle[:, 0] = angle[4] = 1  # nine pixels; the hull has the triangle, 15
    assert of(angle)["solidity"] == 9 / 15
    assert of([[1, 0, 0, 0, 0, 0, 0, 0, 0, 1]])["solidity"] == 2 / 10
    deep = np.ones((3, 5, 5), np.int32)
    deep[:, :4, 1:] = 0
    assert of(deep)["solidity"] == pytest.approx(9 / 15)


@pytest.mark.parametrize(
    "places", [[(1, 1, 1)], [(0, 0, 0), (0, 0, 1)], [(0, 0, 0), (1, 1, 0), (1, 1, 1), (0, 0, 1)]]
)
def test_voxels_in_one_plane_fill_their_hull(places: list[tuple[int, int, int]]) -> None:
    labels = np.zeros((3, 3, 3), np.int32)
    labels[tuple(np.transpose(places))] = 1
    assert of(labels)["solidity"] == 1
    assert of(labels)["axis_minor"] == pytest.approx(0, abs=1e-7)


def test_solidity_in_space_is_that_of_scikit_image() -> None:
    rng = np.random.default_rng(3)
    smooth = ndimage.gaussian_filter(rng.normal(size=(16, 20, 24)), 2)
    labels, number = ndimage.label(smooth > smooth.std() * 0.7)
    large = [each for each in regionprops(labels) if each.area > 60]  # others may lie in one plane
    assert 3 < len(large) <= number
    found = regions(labels)[0]["solidity"]
    assert [found[each.label - 1] for each in large] == pytest.approx([each.solidity for each in large])


def test_objects_of_one_pixel_and_round_ones_have_no_direction() -> None:
    labels = np.zeros((5, 8), np.int32)
    labels[1, 1], labels[1:3, 3:5], labels[0, 7] = 1, 2, 3
    found, _ = regions(labels)
    assert np.isnan(found["orientation_deg"]).all()
    assert found["eccentricity"].tolist() == [0, 0, 0]
    assert [found[name][0] for name in ("area", "axis_major", "perimeter", "solidity")] == [1, 0, 0, 1]
    assert found["touches_border"].tolist() == [False, False, True]


def test_the_only_slice_of_a_volume_is_no_border() -> None:
    labels = np.zeros((1, 5, 5), np.int32)
    labels[0, 2, 2], labels[0, 4, 4] = 1, 2
    assert regions(labels)[0]["touches_border"].tolist() == [False, True]


@settings(max_examples=15, deadline=None)
@given(st.data(), st.sampled_from([np.uint8, np.uint16, np.float32, np.int16]))
def test_places_and_intensities_are_those_of_scipy(data: Any, dtype: Any) -> None:
    shape = data.draw(st.tuples(*[st.integers(1, 6)] * 2))
    mask = data.draw(arrays(np.int32, shape, elements=st.integers(0, 3)))
    numbers = np.unique(mask[mask > 0])
    labels = np.where(mask > 0, np.searchsorted(numbers, mask) + 1, 0)
    image = data.draw(arrays(np.int16, (2, *shape), elements=st.integers(0, 99))).astype(dtype)
    n = len(numbers)
    found, _ = regions(labels, image)
    if not n:
        assert found == {}
        return
    centres = np.array(ndimage.center_of_mass(labels > 0, labels, range(1, n + 1)))
    np.testing.assert_allclose([found["centroid_y"], found["centroid_x"]], centres.T)
    asked = {"mean": ndimage.mean, "min": ndimage.minimum, "max": ndimage.maximum, "sum": ndimage.sum}
    for channel in (0, 1):
        for name, ask in asked.items():
            wanted = ask(image[channel].astype(float), labels, range(1, n + 1))
            np.testing.assert_allclose(found[f"intensity_{name}_{channel + 1}"], wanted)
    assert found["intensity_sum_1"].dtype.kind == ("f" if dtype is np.float32 else "i")


def test_an_image_of_one_colour_has_one_intensity() -> None:
    found, _ = regions(np.eye(3, dtype=np.int32), np.full((1, 3, 3), 7, np.uint8))
    wanted = {"intensity_mean": [7], "intensity_min": [7], "intensity_max": [7], "intensity_sum": [21]}
    assert {name: found[name].tolist() for name in wanted} == wanted


def test_infinite_and_missing_intensities_stay_in_their_object() -> None:
    found, _ = regions(np.array([[1, 2, 3]]), np.array([[[np.inf, np.nan, 5]]], np.float32))
    np.testing.assert_array_equal(found["intensity_mean"], [np.inf, np.nan, 5])


def test_what_is_kept_of_an_object_is_dropped_once_it_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    dropped: list[int] = []
    monkeypatch.setattr(
        RegionProperties, "__del__", lambda region: dropped.append(region.label), raising=False
    )
    seen: list[int] = []
    regions(np.arange(1, 9).reshape(2, 4), advance=lambda: seen.append(len(dropped)))
    assert seen == [0, 1, 2, 3, 4, 5, 6, 7]

"""Targets against masks drawn by hand, brute force, scipy's Gaussian and scikit-image's Canny."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from scipy import ndimage
from skimage.feature import canny

from isthmus.errors import IsthmusError
from isthmus.objectives import (
    border_map,
    contour_map,
    difficulty_map,
    distance_map,
    edges,
    interior_map,
    object_distance_map,
    proximity_map,
)
from isthmus.objectives.targets import union

ALL = (
    contour_map,
    difficulty_map,
    border_map,
    interior_map,
    distance_map,
    object_distance_map,
    proximity_map,
)


def drawn(text: str) -> NDArray[Any]:
    """`.` is 0."""
    rows = text.replace(".", "0").split()
    return np.array([[int(c) for c in row] for row in rows])


LABELS = hnp.arrays(
    st.sampled_from([np.uint8, np.int32, np.bool_]),
    hnp.array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=7),
    elements=st.integers(0, 1),
) | hnp.arrays(
    np.uint16, hnp.array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=7), elements=st.integers(0, 3)
)


def test_edges_are_both_rows_along_a_border_but_not_the_frame() -> None:
    label = drawn("""
        .......
        ..11...
        ..1122.
        ....22.
        ....222
        ......2
    """)
    assert np.array_equal(
        edges(label),
        drawn("""
        ..11...
        .11111.
        .111111
        ..11111
        ...1111
        ....111
        """)
        == 1,
    )


def test_a_disc_cut_by_the_frame_has_no_edge_along_the_frame() -> None:
    label = np.zeros((6, 5), np.uint8)
    label[:3] = 1
    assert np.array_equal(np.flatnonzero(edges(label).any(1)), [2, 3])
    assert not border_map(label)[0].any()


def test_edges_of_a_volume_are_taken_slice_by_slice() -> None:
    label = np.zeros((3, 6, 6), np.uint8)
    label[1, 2:4, 2:4] = 1
    found = edges(label)
    assert not found[0].any()
    assert not found[2].any()
    assert np.array_equal(found[1], edges(label[1]))


# What skimage.feature.canny(mask, sigma=1) of 0.26.0 gives for the rectangle and the staircase below.
CANNY = {
    "rectangle": """
        ..............
        ..............
        ..............
        ....111111....
        ....1....1....
        ....1....1....
        ....1....1....
        ....111111....
        ..............
        ..............
    """,
    "staircase": """
        ............
        .1..........
        .11.........
        ..11........
        ...11.......
        ....11......
        .....11.....
        ......11....
        .......11...
        ........11..
        .........11.
        ............
    """,
}


@pytest.mark.parametrize("name", CANNY)
def test_edges_are_within_a_pixel_of_what_canny_finds(name: str) -> None:
    wanted = drawn(CANNY[name]) == 1
    mask = np.zeros(wanted.shape, bool)
    if name == "rectangle":
        mask[3:8, 4:10] = True
    else:
        mask[np.triu_indices(12)] = True
    check_close_to_canny(mask, wanted)
    if name == "staircase":  # the same, where Canny gives an answer: it leaves the frame out
        assert np.array_equal(edges(mask)[1:-1, 1:-1], wanted[1:-1, 1:-1])


@pytest.mark.parametrize("radii", [(3, 3), (6, 9), (40, 40), (50, 12)])
def test_edges_are_within_a_pixel_of_scikit_image(radii: tuple[int, int]) -> None:
    y, x = np.mgrid[:128, :128]
    mask = ((y - 64) / radii[0]) ** 2 + ((x - 64) / radii[1]) ** 2 < 1
    check_close_to_canny(mask, canny(mask, sigma=1))


def check_close_to_canny(mask: NDArray[np.bool_], theirs: NDArray[np.bool_]) -> None:
    ours = edges(mask)
    assert ndimage.distance_transform_edt(~ours)[theirs].max() <= 1
    inner = ours.copy()
    inner[[0, -1]] = inner[:, [0, -1]] = False
    assert ndimage.distance_transform_edt(~theirs)[inner].max() <= 1.5


def test_contour_of_a_straight_border_follows_the_gaussian() -> None:
    label = np.zeros((9, 40), np.uint8)
    label[:, 20:] = 1
    found = contour_map(label, sigma=2)
    steps = np.arange(-8, 9)
    weights = np.exp(-(steps**2) / 8)
    weights /= weights.sum()
    expected = np.zeros(40)
    for column in (19, 20):
        expected[column - 8 : column + 9] += weights
    assert np.allclose(found, expected / expected.max(), atol=1e-6)
    assert found[0, 19] == found[0, 20] == 1


@pytest.mark.parametrize("shape", [(31, 40), (5, 7), (12, 20, 17), (3, 40, 9)])
@pytest.mark.parametrize("sigma", [0.5, 2, 8])
def test_gaussian_is_that_of_scipy(shape: tuple[int, ...], sigma: float) -> None:
    random = np.random.default_rng(0)
    label = np.zeros(shape, np.int32)
    label[tuple(slice(n // 3, n // 2 + 1) for n in shape)] = random.integers(
        0, 3, [n // 2 + 1 - n // 3 for n in shape]
    )
    expected = ndimage.gaussian_filter(edges(label).astype(float), sigma)
    assert np.allclose(contour_map(label, sigma), expected / expected.max(), atol=2e-6)


def test_one_class_hides_no_other() -> None:
    """Of three classes in a row the border in the middle is an edge of both its classes."""
    label = np.repeat([[0, 1, 2]], 60, axis=1)[:, :180].repeat(5, axis=0)
    first = difficulty_map(np.where(label == 1, 1, 0))
    second = difficulty_map(np.where(label == 2, 1, 0))
    assert np.allclose(difficulty_map(label), first + second - 1, rtol=1e-6)
    assert np.isclose(first[2, 59], 26, rtol=1e-3)
    assert np.isclose(difficulty_map(label)[2, 119], 51, rtol=1e-3)  # twice where classes touch


def test_three_normalisations() -> None:
    label = np.repeat([[0, 1, 2]], [60, 6, 60], axis=1).repeat(3, axis=0)  # the thin class peaks higher
    borders = [ndimage.gaussian_filter(edges(label == k).astype(float), 8) for k in (1, 2)]
    summed = borders[0] + borders[1]
    assert np.allclose(difficulty_map(label, normalise="none"), 1 + 25 * summed, rtol=1e-5)
    assert np.allclose(difficulty_map(label, normalise="sum"), 1 + 25 * summed / summed.max(), rtol=1e-5)
    by_class = sum(border / border.max() for border in borders)
    assert np.allclose(difficulty_map(label, base=0.5, weight=10), 0.5 + 10 * by_class, rtol=1e-5)
    label = np.repeat([[0, 1]], 60, axis=1)
    peak = 2 / (8 * np.sqrt(2 * np.pi))  # of the two rows along a straight border
    assert np.isclose(difficulty_map(label, normalise="none")[0, 59] - 1, 25 * peak, rtol=0.01)


def test_difficulty_of_numbered_objects_is_that_of_all_their_edges() -> None:
    objects = np.repeat([[0, 7, 9, 0]], 20, axis=1).repeat(4, axis=0)
    found = difficulty_map(objects, sigma=2, objects=True)
    assert np.allclose(found, 1 + 25 * contour_map(objects, sigma=2), rtol=1e-6)
    assert found[0, 39] > 25  # where they touch
    assert np.array_equal(
        difficulty_map(objects > 0, objects=True), difficulty_map((objects > 0).astype(np.uint8))
    )


def test_border_and_interior_of_touching_and_frame_touching_objects() -> None:
    label = drawn("""
        1111....
        1111....
        11112222
        11112222
        11112222
        11112222
    """)
    border = drawn("""
        ...11...
        ...11111
        ...11111
        ...11...
        ...11...
        ...11...
    """)
    assert np.array_equal(border_map(label), border)
    assert np.array_equal(interior_map(label), (label > 0) & (border == 0))


@given(LABELS)
def test_border_is_dilation_against_erosion_of_every_object(label: NDArray[Any]) -> None:
    square = np.ones((3,) * label.ndim)
    expected = np.zeros(label.shape, bool)
    for value in np.unique(label[label != 0]):
        one = label == value
        wide = ndimage.binary_dilation(one, square)
        expected |= wide != ndimage.binary_erosion(one, square, border_value=1)
    assert np.array_equal(border_map(label), expected)
    assert np.array_equal(interior_map(label), (label != 0) & ~expected)


@given(LABELS)
def test_distance_is_that_to_the_nearest_pixel_along_a_border(label: NDArray[Any]) -> None:
    points = np.argwhere(np.ones(label.shape))
    along = [
        p
        for p in points
        if any(label[tuple(p)] != label[tuple(q)] for q in points if np.abs(p - q).sum() == 1)
    ]
    found = distance_map(label)
    if not along:
        assert not found.any()
        return
    expected = [min(np.linalg.norm(p - q) for q in along) for p in points]
    assert np.allclose(found.ravel(), expected, atol=1e-5)


@given(LABELS, st.sampled_from([None, (2.0, 1.0, 0.5)]))
def test_an_object_is_as_deep_as_the_pixels_beside_its_border_are_away(
    label: NDArray[Any], spacing: tuple[float, ...] | None
) -> None:
    """One more than the distance to the nearest pixel with another label beside it, by its largest value."""
    sides = np.ones(label.ndim) if spacing is None else np.array(spacing[-label.ndim :])
    found = object_distance_map(label, None if spacing is None else tuple(sides))
    assert not found[label == 0].any()
    points = np.argwhere(np.ones(label.shape))
    along = [
        p
        for p in points
        if any(label[tuple(p)] != label[tuple(q)] for q in points if np.abs(p - q).sum() == 1)
    ]
    for value in np.unique(label[label != 0]):
        own = np.argwhere(label == value)
        away = [min((np.linalg.norm((p - q) * sides) for q in along), default=0) for p in own]
        depth = 1 + np.array(away) / sides.min()
        assert np.allclose(found[label == value], depth / depth.max(), atol=1e-5)


@given(LABELS)
def test_ranges_types_and_shapes(label: NDArray[Any]) -> None:
    before = label.copy()
    for make in ALL:
        found = make(label)
        assert found.shape == label.shape
        assert found.dtype == np.float32
        assert np.isfinite(found).all()
    assert np.array_equal(label, before)
    contour, near = contour_map(label), proximity_map(label)
    assert contour.min() >= 0
    assert contour.max() == (1 if edges(label).any() else 0)
    assert near.min() >= 0
    assert near.max() == (0 if (label == label.flat[0]).all() else 1)
    classes = len(np.unique(label[label != 0]))
    assert difficulty_map(label).min() >= 1
    assert difficulty_map(label).max() <= 1 + 25 * classes + 1e-3
    assert set(np.unique(border_map(label))) <= {0, 1}
    assert not (interior_map(label) * border_map(label)).any()


@given(hnp.arrays(np.uint8, (6, 9), elements=st.integers(0, 2)))
def test_a_mirrored_label_has_mirrored_targets(label: NDArray[np.uint8]) -> None:
    for make in ALL:
        for axis in (0, 1):
            assert np.allclose(make(np.flip(label, axis)), np.flip(make(label), axis), atol=1e-4)
        assert np.allclose(make(np.rot90(label)), np.rot90(make(label)), atol=1e-4)


@pytest.mark.parametrize("value", [0, 1])
@pytest.mark.parametrize("shape", [(4, 5), (3, 4, 5)])
def test_one_label_everywhere_has_no_border(value: int, shape: tuple[int, ...]) -> None:
    label = np.full(shape, value, np.uint8)
    for make in (contour_map, border_map, distance_map, proximity_map):
        assert not make(label).any()
    assert np.array_equal(difficulty_map(label, base=2), np.full(shape, 2))
    assert np.array_equal(interior_map(label), label)


def test_proximity_falls_on_each_side_by_itself() -> None:
    label = np.zeros((3, 12), np.uint8)
    label[:, 9:] = 2
    assert np.allclose(proximity_map(label)[1], [*np.arange(9) / 8, 1, 0.5, 0])


def test_more_than_65535_objects() -> None:
    label = np.arange(300 * 300, dtype=np.int32).reshape(300, 300)
    assert border_map(label).all()
    assert not interior_map(label).any()
    assert contour_map(label).min() > 0.999
    with pytest.raises(IsthmusError, match="of 89999 classes"):
        difficulty_map(label)
    assert difficulty_map(label, objects=True).min() > 25.9


def test_union_tells_every_combination_of_masks_apart() -> None:
    masks = np.array([[[0, 1, 1, 0]], [[0, 0, 1, 1]]])
    assert len(np.unique(union(masks))) == 4
    expected = edges(masks[0]) | edges(masks[1])
    assert np.array_equal(edges(union(masks)), expected)
    with pytest.raises(IsthmusError, match="at most 62"):
        union(np.zeros((63, 2, 2)))


def test_threads_do_not_disturb_each_other() -> None:
    random = np.random.default_rng(1)
    labels = [random.integers(0, 3, (40, 50)) for _ in range(16)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(difficulty_map, labels))
    assert all(np.array_equal(a, difficulty_map(label)) for a, label in zip(found, labels, strict=True))


def test_bad_input_is_one_line() -> None:
    with pytest.raises(IsthmusError, match=r"2 or 3 axes, found shape \(4,\)"):
        contour_map(np.zeros(4, int))
    with pytest.raises(IsthmusError, match="holds integers, found float64"):
        border_map(np.zeros((4, 4)))
    with pytest.raises(IsthmusError, match="above 0, found 0"):
        contour_map(drawn("01 01"), sigma=0)
    with pytest.raises(IsthmusError, match="unknown normalisation 'max'"):
        difficulty_map(drawn("01 01"), normalise="max")  # type: ignore[arg-type]


def test_real_nuclei_come_apart(shared_data: Path) -> None:
    """No piece of the interior of DSB-2018's nuclei belongs to two of them, though many touch; their union does."""
    touching = 0
    for folder in sorted((shared_data / "dsb-2018" / "stage1_train").iterdir())[:12]:
        masks = [cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in sorted((folder / "masks").iterdir())]
        label = np.zeros(masks[0].shape, np.int32)
        for number, mask in enumerate(masks, start=1):
            label[mask > 0] = number
        pieces, count = ndimage.label(interior_map(label), np.ones((3, 3)))
        for piece in range(1, count + 1):
            assert len(np.unique(label[pieces == piece])) == 1
        together, count = ndimage.label(label > 0)
        touching += sum(len(np.unique(label[together == body])) > 1 for body in range(1, count + 1))
        contour = contour_map(label)
        assert contour.max() == 1
        assert contour[edges(label)].min() > contour[distance_map(label) > 4].max(initial=0)
    assert touching > 0

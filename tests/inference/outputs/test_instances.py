"""Instances: drawn by hand, against a slow flood, for every map, and on real nuclei."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from isthmus.data.phantoms.nuclei import touching_nuclei
from isthmus.errors import IsthmusError
from isthmus.inference.outputs.instances import _peaks, instances
from isthmus.inference.outputs.object_steps import flood
from isthmus.metrics import object_f1

DISC = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
SHAPES = st.one_of(st.tuples(*[st.integers(1, 9)] * 2), st.tuples(*[st.integers(1, 5)] * 3))


def picture(text: str) -> NDArray[np.bool_]:
    """Rows of signs; a point is nothing."""
    return np.array([[sign != "." for sign in row] for row in text.split()])


def heads(truth: NDArray[np.int32]) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """Body, contour (a pixel outside and one inside each object) and marker (each object eroded twice)."""
    contour, marker = np.zeros(truth.shape, bool), np.zeros(truth.shape, bool)
    for number in np.unique(truth[truth > 0]):
        one = (truth == number).astype(np.uint8)
        contour |= cv2.dilate(one, DISC) != cv2.erode(one, DISC)
        marker |= cv2.erode(one, DISC, iterations=2) > 0
    return truth > 0, contour, marker


def first_places(labels: NDArray[np.int32]) -> list[int]:
    return [int(np.flatnonzero(labels.ravel() == n)[0]) for n in range(1, labels.max() + 1)]


# --- drawn by hand


def test_two_nuclei_that_touch_part_at_their_neck() -> None:
    body = picture("""
        ...........
        .###...###.
        .####.####.
        .#########.
        .####.####.
        .###...###.
        ...........
    """)
    marker = np.zeros(body.shape, bool)
    marker[3, 2:4] = marker[3, 7:9] = True
    found = instances(body, marker=marker, min_marker=2)
    assert found.max() == 2
    assert np.array_equal(found[:, :5] == 1, body[:, :5])
    assert np.array_equal(found[:, 6:] == 2, body[:, 6:])
    assert found[3, 5] in (1, 2)
    assert np.array_equal(instances(body) > 0, body)
    assert instances(body, peak_scale=0.3).max() == 2  # peaks of the depth find the two as well
    assert instances(body, peak_scale=2.0).max() == 1
    assert instances(body, marker=marker, min_marker=3).max() == 1  # no marker is left: one body, one object


@pytest.mark.parametrize("border", [0, 2])
def test_a_contour_parts_what_it_crosses_though_it_fails_at_the_border(border: int) -> None:
    body = np.ones((12, 17), bool)
    contour = np.zeros(body.shape, bool)
    contour[1:, 8] = True  # open in the first row
    found = instances(body, contour, border=border)
    assert found.max() == (2 if border else 1)
    assert (found > 0).all()
    if border:
        assert (found[:, :8] == 1).all()
        assert (found[:, 9:] == 2).all()


def test_a_diagonal_contour_of_one_pixel_parts_too() -> None:
    body, contour = np.ones((9, 9), bool), np.eye(9, dtype=bool)
    found = instances(body, contour, border=0)
    assert found.max() == 2
    assert (found[~contour & (np.tri(9) > 0)] == found[8, 0]).all()
    assert (found[np.tri(9).T - np.eye(9) > 0] == found[0, 8]).all()


def test_markers_do_not_count_on_contours_or_outside_bodies() -> None:
    body = np.zeros((9, 20), bool)
    body[1:8, 1:13] = True
    contour, marker = np.zeros(body.shape, bool), np.zeros(body.shape, bool)
    marker[3:6, 3:11] = True  # one marker over both
    marker[2:7, 15:19] = True  # and one where there is no body
    contour[:, 6:8] = True
    assert instances(body, None, marker).max() == 1
    found = instances(body, contour, marker)
    assert found.max() == 2
    assert np.array_equal(found > 0, body)
    assert (found[1:8, 1:7] == 1).all()
    assert (found[1:8, 7:13] == 2).all()


def test_missed_bodies_are_added_and_parted_by_contours_where_they_can_be() -> None:
    body = np.zeros((10, 30), bool)
    body[1:9, 1:9] = body[1:9, 11:22] = body[4:6, 25:28] = True
    contour, marker = np.zeros(body.shape, bool), np.zeros(body.shape, bool)
    marker[4:6, 4:8] = True  # in the first alone
    contour[:, 16] = True  # through the second
    contour[:, 24:] = True  # over all of the third
    found = instances(body, contour, marker)
    assert found.max() == 4
    assert np.array_equal(found > 0, body)
    assert [
        set(np.unique(found[5, part]).tolist()) for part in (slice(1, 9), slice(11, 16), slice(17, 22))
    ] == [
        {1},
        {2},
        {3},
    ]
    assert (found[4:6, 25:28] == 4).all()
    assert instances(body, None, marker).max() == 3


def test_small_bodies_are_dropped_and_sizes_are_reached_and_the_threshold_exceeded() -> None:
    body = np.zeros((5, 9), np.float32)
    body[1, 1] = body[3, 2:4] = body[1, 5:8] = 0.51
    assert np.bincount(instances(body).ravel())[1:].tolist() == [3, 2]
    assert np.bincount(instances(body, min_body=3).ravel())[1:].tolist() == [3]
    assert np.bincount(instances(body, min_body=1).ravel())[1:].tolist() == [1, 3, 2]
    assert not instances(body, threshold=float(np.float32(0.51))).any()


def test_thick_slices_are_farther_apart() -> None:
    z, y, x = np.indices((9, 15, 15))
    body = ((z - 2) ** 2 * 9 + (y - 7) ** 2 + (x - 7) ** 2 < 40) | (
        (z - 6) ** 2 * 9 + (y - 7) ** 2 + (x - 7) ** 2 < 40
    )  # two balls of 6.3 mm, 12 mm apart, in slices of 3 mm
    found = instances(body, spacing=(3.0, 1.0, 1.0))
    assert found.max() == 2
    assert (found[:4][body[:4]] == 1).all()
    assert (found[5:][body[5:]] == 2).all()


@pytest.mark.parametrize("shape", [(24, 20), (9, 14, 12)])
@pytest.mark.parametrize("seed", range(4))
def test_bodies_are_flooded_from_where_they_are_deepest(shape: tuple[int, ...], seed: int) -> None:
    random = np.random.default_rng(seed)
    body = np.pad(ndimage.gaussian_filter(random.standard_normal(shape), 1) > 0, 2 + seed)
    body[(slice(4, -4),) * body.ndim] |= random.random() < 0.5  # one that fills its box
    marker = body & (random.random(body.shape) < 0.1)
    spacing = (2.5, 1.0, 0.7)[: body.ndim]
    depth = ndimage.distance_transform_edt(body, sampling=spacing)
    height = -np.rint(8 * depth / min(spacing)).astype(np.int32)
    expected = flood(height, ndimage.label(marker)[0].astype(np.int32), body)
    found = instances(body, None, marker, min_body=1, min_marker=1, spacing=spacing)
    reached = expected > 0
    pairs = np.unique(np.stack([found[reached], expected[reached]]), axis=1)
    assert pairs.shape[1] == len(np.unique(pairs[0])) == len(np.unique(pairs[1])) > 3


def test_the_peak_of_a_ridge_is_in_its_middle() -> None:
    rod = np.zeros((9, 41), bool)
    rod[2:7, 2:39] = True
    depth = ndimage.distance_transform_edt(rod)
    assert np.argwhere(_peaks(rod, depth, (1.0, 1.0), 0.5)).tolist() == [[4, 20]]


def test_the_peaks_of_every_body_count_by_themselves() -> None:
    body = np.zeros((40, 90), np.uint8)
    for x, radius in (
        (18, 16),
        (38, 6),
        (53, 7),
    ):  # the second is part of the first, the third lies by itself
        cv2.circle(body, (x, 20), radius, 1, -1)
    assert ndimage.label(body)[1] == 2
    assert instances(body > 0, peak_scale=1.4).max() == 3  # 17 pixels: the third is nearer to the second


def test_a_rod_is_one_object_and_so_is_a_picture_without_background() -> None:
    rod = np.zeros((11, 60), bool)
    rod[3:8, 2:58] = True
    assert instances(rod).max() == 1
    assert (instances(np.ones((20, 30), bool)) == 1).all()
    assert (instances(np.ones((4, 5, 6), bool)) == 1).all()


@pytest.mark.parametrize("shape", [(0, 5), (1, 1), (3, 4), (1, 1, 1), (2, 3, 4)])
def test_small_and_empty_maps(shape: tuple[int, ...]) -> None:
    nothing, everything = np.zeros(shape), np.ones(shape)
    for maps in ((), (nothing,), (nothing, nothing), (everything, everything)):
        assert not instances(nothing, *maps).any()
        found = instances(everything, *maps, min_body=1)
        assert found.dtype == np.int32
        assert found.shape == shape
        assert (found == 1).all()


# --- for every map


@given(
    SHAPES,
    st.randoms(use_true_random=False),
    st.integers(0, 3),
    st.integers(1, 4),
    st.sampled_from([0.0, 0.7]),
)
def test_every_body_pixel_is_in_one_object_that_is_connected(
    shape: tuple[int, ...], chance: Any, given_heads: int, least: int, blur: float
) -> None:
    random = np.random.default_rng(chance.randrange(2**32))
    maps = [random.random(shape).astype(np.float32) for _ in range(3)]
    if blur:
        maps = [np.clip(0.5 + 3 * (ndimage.gaussian_filter(m, blur) - 0.45), 0, 1) for m in maps]
    body = maps[0]
    contour = maps[1] if given_heads & 1 else None
    marker = maps[2] if given_heads & 2 else None
    copies = [m.copy() for m in maps]
    found = instances(body, contour, marker, min_body=least, min_marker=1)
    bodies = ndimage.label(body >= 0.5)[0]
    kept = np.isin(bodies, np.flatnonzero(np.bincount(bodies.ravel()) >= least)) & (bodies > 0)
    assert np.array_equal(found > 0, kept)
    for number in range(1, found.max() + 1):
        assert ndimage.label(found == number)[1] == 1
    places = first_places(found)
    assert places == sorted(places)
    assert np.array_equal(found, instances(body, contour, marker, min_body=least, min_marker=1))
    assert all(np.array_equal(one, copy) for one, copy in zip(maps, copies, strict=True))


@pytest.mark.parametrize("seed", range(4))
def test_crowded_phantoms_with_each_head(seed: int) -> None:
    truth = touching_nuclei(seed)[1]
    body, contour, marker = heads(truth)
    united = ndimage.label(body)[0]
    assert object_f1(united, truth, one_to_one=True) < 0.5
    for maps, least in (((contour, marker), 0.93), ((None, marker), 0.93), ((contour,), 0.93), ((), 0.7)):
        assert object_f1(instances(body, *maps), truth, one_to_one=True) > least


def test_real_nuclei_are_found_again(shared_data: Path) -> None:
    folders = sorted((shared_data / "dsb-2018" / "stage1_train").iterdir())[:48:4]
    scores, united = [], []
    for folder in folders:
        masks = [cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) > 0 for path in (folder / "masks").iterdir()]
        truth = np.zeros(masks[0].shape, np.int32)
        for number, mask in enumerate(masks, start=1):
            truth[mask] = number
        body, contour, marker = heads(truth)
        found = [instances(body, *maps) for maps in ((contour, marker), (None, marker), (contour,), ())]
        scores.append([object_f1(one, truth, one_to_one=True) for one in found])
        united.append(object_f1(ndimage.label(body)[0], truth, one_to_one=True))
    means = np.mean(scores, axis=0)
    assert (means[:3] > 0.97).all()
    assert means[3] > 0.75
    assert (np.array(scores)[:, :3].max(axis=1) > 0.95).all()
    assert np.mean(united) < means[:3].min()


def test_more_than_65535_objects_are_told_apart() -> None:
    body = np.zeros((540, 540), bool)
    body[::2, ::2] = True
    found = instances(body, min_body=1)
    assert found.max() == 270 * 270
    assert np.array_equal(found[::2, ::2].ravel(), np.arange(1, 270 * 270 + 1))


# --- refused

FLAT = np.zeros((4, 5), np.float32)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: instances(np.zeros(4)), r"body has shape \(4,\)"),
        (lambda: instances(FLAT, np.zeros((4, 4))), r"contour has shape \(4, 4\) but body \(4, 5\)"),
        (lambda: instances(FLAT, None, FLAT * np.nan), "marker has values nan"),
        (lambda: instances(FLAT + 1.5), "body has values 1.5 to 1.5; instances takes probabilities"),
        (lambda: instances(FLAT - 3), "body has values -3 to -3"),
        (lambda: instances(FLAT, spacing=(1.0, 0.0)), "give 2 positive numbers"),
        (lambda: instances(FLAT, spacing=(1.0, 1.0, 1.0)), "give 2 positive numbers"),
    ],
)
def test_refused_in_one_line(make: Callable[[], object], message: str) -> None:
    with pytest.raises(IsthmusError, match=message) as error:
        make()
    assert "\n" not in str(error.value)

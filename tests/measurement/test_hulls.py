"""Hulls on paper, and against an exhaustive search of the pixels in them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial import Delaunay

from isthmus.measurement import hulls
from isthmus.measurement.hulls import hull_pixels


def test_boxes_fill_their_hull() -> None:
    labels = np.zeros((9, 9), np.int32)
    labels[1:4, 1:6], labels[6, 6] = 1, 2
    assert hull_pixels(labels, 2).tolist() == [15, 1]
    assert hull_pixels(np.ones((2, 3, 4), np.int32), 1).tolist() == [24]


def test_an_angle_and_a_cross() -> None:
    angle = np.zeros((5, 5), np.int32)
    angle[:, 0] = angle[4] = 1  # nine pixels; the hull has the triangle, 15
    assert hull_pixels(angle, 1).tolist() == [15]
    cross = np.zeros((5, 5), np.int32)
    cross[2], cross[:, 2] = 1, 1  # nine pixels; the hull is the diamond of 13
    assert hull_pixels(cross, 1).tolist() == [13]


def test_pieces_of_one_object_have_one_hull() -> None:
    labels = np.zeros((1, 10), np.int32)
    labels[0, [0, 9]] = 1
    assert hull_pixels(labels, 1).tolist() == [10]


def _searched(mask: np.ndarray) -> int:
    """How many pixels lie in a hull that Qhull divides into triangles."""
    centres = np.argwhere(mask)
    sides = np.concatenate([np.eye(mask.ndim), -np.eye(mask.ndim)]) / 2
    triangles = Delaunay((centres[:, None] + sides).reshape(-1, mask.ndim))
    every = np.array(list(itertools.product(*map(range, mask.shape))))
    return int((triangles.find_simplex(every, tol=1e-9) >= 0).sum())


@settings(max_examples=40, deadline=None)
@given(arrays(bool, st.one_of(st.tuples(*[st.integers(1, 7)] * 2), st.tuples(*[st.integers(1, 4)] * 3))))
def test_the_hull_has_the_pixels_that_a_search_finds(mask: np.ndarray) -> None:
    if mask.any():
        assert hull_pixels(mask.astype(np.int32), 1).tolist() == [_searched(mask)]


def test_a_hull_of_many_planes_is_computed_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    z, y, x = np.mgrid[:15, :15, :15] - 7
    ball = (z**2 + y**2 + x**2 <= 45).astype(np.int32)
    whole = hull_pixels(ball, 1)
    monkeypatch.setattr(hulls, "_CELLS", 1000)
    assert hull_pixels(ball, 1).tolist() == whole.tolist()
    assert 1 <= whole[0] / ball.sum() < 1.1

"""Perimeters and surfaces: squares, discs, boxes and balls, whose lengths are known."""

from __future__ import annotations

import numpy as np
import pytest

from isthmus.measurement import outlines, slabs
from isthmus.measurement.outlines import crofton, perimeters


def disc(radius: float, spacing: tuple[float, ...] = (1, 1)) -> np.ndarray:
    """A disc, or in space a ball, among pixels of this size."""
    half = [int(radius / step) + 2 for step in spacing]
    places = np.meshgrid(
        *(np.arange(-n, n + 1) * step for n, step in zip(half, spacing, strict=True)), indexing="ij"
    )
    return (sum(place**2 for place in places) <= radius**2).astype(np.int32)


def test_perimeters_run_through_the_outermost_pixels() -> None:
    labels = np.zeros((20, 30), np.int32)
    labels[2:12, 3:13] = 1  # a square of 10: 4 x 9
    labels[2, 20] = 2  # a pixel: none
    labels[15, 5:15] = 3  # a line of 10, there and back counts once
    labels[15:18, 20:23] = 4  # a square of 3: 4 x 2
    assert perimeters(labels, 4).tolist() == [36, 0, 8, 8]


def test_touching_objects_have_outlines_of_their_own() -> None:
    labels = np.zeros((12, 22), np.int32)
    labels[1:11, 1:11], labels[1:11, 11:21] = 1, 2
    assert perimeters(labels, 2).tolist() == [36, 36]
    assert perimeters(np.ones((10, 10), np.int32), 1).tolist() == [
        36
    ]  # the border of the image is an outline


def test_a_disc_has_about_its_circumference() -> None:
    assert perimeters(disc(40), 1)[0] == pytest.approx(2 * np.pi * 40, rel=0.06)
    assert crofton(disc(40), 1, (1, 1))[0] == pytest.approx(2 * np.pi * 40, rel=0.01)


@pytest.mark.parametrize("spacing", [(0.5, 0.5), (1, 2), (3, 0.5)])
def test_a_disc_of_unlike_pixels_too(spacing: tuple[float, float]) -> None:
    assert crofton(disc(60, spacing), 1, spacing)[0] == pytest.approx(2 * np.pi * 60, rel=0.02)


@pytest.mark.parametrize("spacing", [(1, 1, 1), (2, 1, 1), (0.5, 2, 1)])
def test_a_ball_has_about_its_surface(spacing: tuple[float, float, float]) -> None:
    assert crofton(disc(20, spacing), 1, spacing)[0] == pytest.approx(4 * np.pi * 400, rel=0.02)


def test_lines_cross_a_square_as_often_as_on_paper() -> None:
    # along rows and columns 2n crossings a pixel apart, along both diagonals 2 (2n - 1), a diagonal's half apart
    n = 10
    wanted = np.pi / 2 * (2 * 2 * n + 2 * 2 * (2 * n - 1) / np.sqrt(2)) / 4
    assert crofton(np.ones((n, n), np.int32), 1, (1, 1))[0] == pytest.approx(wanted)


def test_shares_of_directions_are_those_of_the_literature() -> None:
    # Lehmann and Legland (2012): half of each, as they count both ends of a direction
    steps, shares = outlines._directions((1, 1, 1))
    kinds = np.abs(steps).sum(axis=1)
    known = {1: 0.04577789120476, 2: 0.03698062787608, 3: 0.03519563978232}
    assert shares == pytest.approx([2 * known[kind] for kind in kinds], abs=1e-9)
    for spacing in ((1, 1), (1, 3), (5, 1, 1)):
        assert outlines._directions(spacing)[1].sum() == pytest.approx(1)


def test_slabs_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    flat = np.kron(rng.integers(0, 5, (6, 7)), np.ones((3, 4), int)).astype(np.int32)
    deep = np.kron(rng.integers(0, 5, (4, 3, 4)), np.ones((2, 3, 2), int)).astype(np.int32)
    whole = perimeters(flat, 4), crofton(flat, 4, (1, 2)), crofton(deep, 4, (3, 1, 1))
    monkeypatch.setattr(slabs, "PIXELS", 30)
    parts = perimeters(flat, 4), crofton(flat, 4, (1, 2)), crofton(deep, 4, (3, 1, 1))
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_allclose(one, other)


def test_no_object() -> None:
    assert perimeters(np.zeros((3, 3), np.int32), 0).shape == (0,)
    assert crofton(np.zeros((3, 3, 3), np.int32), 0, (1, 1, 1)).shape == (0,)

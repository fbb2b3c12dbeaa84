"""Tiles: every pixel finished once, weights that sum to 1, sides on the network's grid, reflected padding."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.data.sampling.grid import pad_to
from isthmus.inference.tiling.tiles import Tiling, blended, cropped, on_grid, room_for, starts, window

SIZES = st.integers(1, 300)


@given(st.integers(1, 500), st.integers(1, 64), st.floats(0, 0.9))
def test_tiles_cover_an_axis_and_overlap_as_asked(size: int, tile: int, overlap: float) -> None:
    places = starts(size, tile, overlap)
    covered = np.zeros(max(size, tile), bool)
    for place in places:
        covered[place : place + tile] = True
    assert covered.all()
    assert places == sorted(set(places))
    if size > tile:
        assert places[-1] + tile == size
        assert max(np.diff(places)) <= max(1, np.ceil(tile * (1 - overlap)))


def test_the_window_is_a_gaussian() -> None:
    np.testing.assert_allclose(window(4), [np.exp(-0.5 * ((i - 1.5) / 1.0) ** 2) for i in range(4)])
    np.testing.assert_allclose(window(8), [np.exp(-0.5 * ((i - 3.5) / 2.0) ** 2) for i in range(8)])


def finished(tiling: Tiling) -> np.ndarray:
    """How often each pixel of the image is handed on."""
    count = np.zeros([axis.size for axis in tiling.axes], int)
    for corner in tiling.corners:
        count[tiling.place(corner)] += 1
    return count


@given(SIZES, SIZES, st.sampled_from([16, 24, 40]), st.sampled_from([1, 4, 8]), st.floats(0, 0.75))
def test_blended_tiles_finish_every_pixel_once_with_weights_of_one(
    height: int, width: int, tile: int, divisor: int, overlap: float
) -> None:
    tiling = blended((height, width), (tile, tile), divisor, (16, 16), overlap)
    assert (finished(tiling) == 1).all()
    for axis in tiling.axes:
        assert axis.side <= tile
        assert axis.side % divisor == 0
        total = np.zeros(axis.padded)
        for start, weight in zip(axis.starts, axis.weights or (), strict=True):
            total[start : start + axis.side] += weight
        np.testing.assert_allclose(total, 1, rtol=1e-5)
        for place, following in zip(axis.starts[1:], axis.bounds[1:], strict=False):
            assert following == place  # nothing is handed on that a later tile touches


@given(SIZES, SIZES, st.sampled_from([48, 64]), st.sampled_from([1, 4, 8]), st.integers(0, 19))
def test_cropped_tiles_lie_on_the_grid_and_keep_the_margin(
    height: int, width: int, tile: int, divisor: int, margin: int
) -> None:
    tiling = cropped((height, width), (tile, tile), divisor, margin)
    assert (finished(tiling) == 1).all()
    for axis in tiling.axes:
        assert axis.padded == on_grid(axis.size, divisor)
        assert axis.before == (axis.padded - axis.size) // 2
        assert axis.side <= tile
        assert not any(start % divisor for start in (axis.side, *axis.starts))
        assert axis.starts[0] == axis.bounds[0] == 0
        assert axis.starts[-1] + axis.side == axis.padded
        inner = list(zip(axis.starts, axis.starts[1:], axis.bounds[1:], strict=False))
        for start, following, bound in inner:
            assert following + margin <= bound <= start + axis.side - margin


@given(st.integers(1, 4000), st.integers(0, 60), st.sampled_from([1, 8, 16]))
def test_cropping_computes_no_more_than_twice_the_pixels_along_an_axis(
    size: int, margin: int, divisor: int
) -> None:
    """Twice, as half-overlapping tiles do, and a step of the grid for each tile."""
    sides = room_for((size,), divisor, margin, 64, 10**6)
    assert sides is not None
    (axis,) = cropped((size,), sides, divisor, margin).axes
    tiles = len(axis.starts)
    assert tiles * axis.side <= 2 * axis.padded + tiles * divisor


def test_tiles_that_would_hold_too_much_are_refused() -> None:
    assert room_for((10_000, 500), 16, 128, 64, 512 * 512) == [512, 512]
    assert room_for((10_000, 10_000), 16, 129, 64, 512 * 512) is None
    assert room_for((10_000, 100), 16, 129, 64, 544 * 112) == [544, 544]
    with pytest.raises(ValueError, match="nothing between margins of 24"):
        cropped((100,), (48,), 8, 24)


@pytest.mark.parametrize("size", [(1, 1), (5, 70), (33, 41), (16, 16)])
@pytest.mark.parametrize("crops", [False, True])
def test_tiles_show_the_image_padded_by_reflection(size: tuple[int, int], crops: bool) -> None:
    image = np.random.default_rng(0).integers(0, 256, (2, *size), dtype=np.uint8)
    least = (16, 16)
    tiling = cropped(size, (32, 32), 8, 3, least) if crops else blended(size, (32, 32), 8, least)
    padded, _ = pad_to(image, [axis.padded for axis in tiling.axes])
    for corner in tiling.corners:
        place = tuple(
            slice(axis.starts[i], axis.starts[i] + axis.side)
            for axis, i in zip(tiling.axes, corner, strict=True)
        )
        np.testing.assert_array_equal(tiling.cut(image, corner), padded[(slice(None), *place)])


def test_tiles_come_row_by_row() -> None:
    tiling = blended((64, 96), (32, 32), 8)
    assert list(tiling.corners) == list(product(range(3), range(5)))
    assert tiling.overlaps
    assert not blended((30, 9), (32, 32), 8).overlaps
    assert not cropped((640, 96), (32, 32), 8, 3).overlaps

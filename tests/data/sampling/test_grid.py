"""The grid of pixels, and padding."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from isthmus.data.sampling.grid import Grid, pad_to


@given(
    hnp.arrays(np.uint8, st.tuples(st.integers(1, 2), st.integers(1, 9), st.integers(1, 9))),
    st.tuples(st.integers(1, 25), st.integers(1, 25)),
)
def test_padding_keeps_the_original_inside(image: Any, size: tuple[int, int]) -> None:
    padded, inside = pad_to(image, size)
    assert padded.shape[1:] == tuple(max(a, b) for a, b in zip(image.shape[1:], size, strict=True))
    np.testing.assert_array_equal(padded[:, *inside], image)
    assert set(np.unique(padded)) <= set(np.unique(image))


def test_padding_reflects_on_both_sides() -> None:
    padded, inside = pad_to(np.array([[1, 2, 3]]), (1, 6))
    assert padded.tolist() == [[2, 1, 2, 3, 2, 1]]
    assert inside == (slice(0, 1), slice(1, 4))
    padded, _ = pad_to(np.array([[1, 2, 3]]), (1, 5), "edge")
    assert padded.tolist() == [[1, 1, 2, 3, 3]]


def test_volumes_are_padded_too() -> None:
    padded, inside = pad_to(np.zeros((2, 3, 4, 5)), (8, 4, 8))
    assert padded.shape == (2, 8, 4, 8)
    assert padded[:, *inside].shape == (2, 3, 4, 5)


def test_grid() -> None:
    image, label = (
        np.random.default_rng(0).random((3, 20, 30)).astype(np.float32),
        np.ones((20, 30), np.uint8),
    )
    assert Grid().image(image) is image
    assert Grid().label(label) is label
    assert Grid((16, 8)).image(image).shape == (3, 16, 8)
    assert Grid((16, 8)).label(label).shape == (16, 8)


def test_a_spacing_gives_every_image_its_own_size() -> None:
    grid = Grid(spacing=(3.0, 1.0, 1.0))
    assert not grid.is_native
    assert grid.size((30, 10, 10), (1.0, 2.0, 0.5)) == (10, 20, 5)
    assert grid.image(np.zeros((2, 30, 10, 10), np.float32), (1.0, 2.0, 0.5)).shape == (2, 10, 20, 5)
    assert Grid(spacing=(2.0, 2.0)).size((30, 10, 10), (5.0, 1.0, 1.0)) == (30, 5, 5)  # of slices


def test_at_its_own_spacing_an_image_stays_as_it_is() -> None:
    rng = np.random.default_rng(0)
    image, label = rng.normal(size=(1, 5, 6, 7)).astype(np.float32), rng.integers(0, 3, (5, 6, 7), np.uint8)
    grid, own = Grid(spacing=(3.0, 1.0, 1.0)), (3.0, 1.0, 1.0)
    np.testing.assert_array_equal(grid.image(image, own), image)
    np.testing.assert_array_equal(grid.label(label, own), label)
    np.testing.assert_array_equal(grid.instances(label, own), label)
    np.testing.assert_array_equal(grid.back(image, image.shape[1:], own), image)


def test_labels_keep_their_classes_and_their_shape_at_another_spacing() -> None:
    z, y, x = np.meshgrid(*[np.arange(n) * s - 20 for n, s in ((41, 1), (41, 1), (81, 0.5))], indexing="ij")
    label = np.where(z**2 + y**2 + x**2 < 15**2, np.where(x < 0, 7, 255), 0).astype(np.uint8)
    found = Grid(spacing=(2.0, 1.0, 1.0)).label(label, (1.0, 1.0, 0.5))
    assert found.shape == (20, 41, 40)
    assert set(np.unique(found)) == {0, 7, 255}
    for value in (7, 255):
        volume = (found == value).sum() * 41 / 20 * 81 / 40 * 0.5  # voxels stretch to keep the extent
        np.testing.assert_allclose(volume, (label == value).sum() * 0.5, rtol=0.05)


def test_object_numbers_are_not_mixed() -> None:
    numbers = np.arange(1, 65, dtype=np.int32).reshape(4, 4, 4)
    found = Grid(spacing=(1.0, 1.0, 1.0)).instances(numbers, (2.0, 1.0, 0.5))
    assert found.shape == (8, 4, 2)
    assert set(np.unique(found)) <= set(range(1, 65))
    np.testing.assert_array_equal(found[:, :, 0], np.repeat(numbers[:, :, 1], 2, axis=0))


def test_across_a_coarse_axis_the_nearest_slice_is_taken() -> None:
    image = np.zeros((1, 3, 8, 8), np.float32)
    image[:, 1] = 1
    found = Grid(spacing=(1.0, 1.0, 1.0)).image(image, (5.0, 1.0, 1.0))
    np.testing.assert_array_equal(found[0, :, 0, 0], np.repeat([0, 1, 0], 5))
    smooth = Grid(spacing=(1.0, 1.0, 1.0)).image(image, (3.0, 1.0, 1.0))
    assert len(np.unique(smooth)) > 4

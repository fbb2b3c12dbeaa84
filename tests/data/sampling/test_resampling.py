"""Resizing: against definitions and other libraries."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torch.nn.functional import interpolate

from isthmus.data.rng import rng
from isthmus.data.sampling.resampling import (
    resize_image,
    resize_label,
    resize_volume,
    resize_volume_label,
)

RANDOM = np.random.default_rng(0)


def block_mean(image: Any, factor: int) -> Any:
    channels, height, width = image.shape
    return image.reshape(channels, height // factor, factor, width // factor, factor).mean(axis=(2, 4))


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_shrinking_takes_the_mean_of_each_block(factor: int) -> None:
    image = RANDOM.random((2, 12 * factor, 9 * factor)).astype(np.float32)
    np.testing.assert_allclose(resize_image(image, (12, 9)), block_mean(image, factor), atol=1e-6)


def test_shrinking_does_not_alias() -> None:
    stripes = np.tile(np.array([0, 1], np.float32), (1, 64, 32))
    np.testing.assert_allclose(resize_image(stripes, (32, 32)), 0.5, atol=1e-6)


@pytest.mark.parametrize("size", [(64, 10), (10, 64), (64, 64), (10, 10), (33, 47)])
def test_a_constant_stays_constant_and_a_ramp_a_ramp(size: tuple[int, int]) -> None:
    np.testing.assert_allclose(resize_image(np.full((3, 33, 47), 7, np.float32), size), 7, rtol=1e-6)
    ramp = np.tile(np.arange(47, dtype=np.float32), (1, 33, 1))
    found = resize_image(ramp, size)[0, 0]
    expected = (np.arange(size[1]) + 0.5) * 47 / size[1] - 0.5  # pixel centres stay where they are
    np.testing.assert_allclose(found[2:-2], expected[2:-2], atol=0.51)
    np.testing.assert_allclose(found.mean(), 23, atol=0.02)


def test_the_same_size_changes_nothing() -> None:
    image, label = (
        RANDOM.random((3, 20, 30)).astype(np.float32),
        RANDOM.integers(0, 4, (20, 30), dtype=np.uint8),
    )
    np.testing.assert_array_equal(resize_image(image, (20, 30)), image)
    np.testing.assert_array_equal(resize_label(label, (20, 30)), label)


def test_labels_shrink_by_majority() -> None:
    label = np.array([[1, 1, 0, 2], [1, 0, 2, 2]], np.uint8)
    assert resize_label(label, (1, 2)).tolist() == [[1, 2]]


@given(
    hnp.arrays(np.uint8, st.tuples(st.integers(1, 20), st.integers(1, 20)), elements=st.integers(0, 5)),
    st.tuples(st.integers(1, 30), st.integers(1, 30)),
)
def test_a_label_never_gains_a_class(label: Any, size: tuple[int, int]) -> None:
    result = resize_label(label, size)
    assert result.shape == size
    assert result.dtype == np.uint8
    assert set(np.unique(result)) <= set(np.unique(label))


def test_enlarged_labels_shrink_back() -> None:
    label = RANDOM.integers(0, 4, (13, 17), dtype=np.uint8)
    np.testing.assert_array_equal(resize_label(resize_label(label, (39, 51)), (13, 17)), label)


@pytest.mark.parametrize("thin", [0, 1])
def test_thin_structures_are_neither_thickened_nor_thinned(thin: int) -> None:
    lines = np.full(
        (128, 128), 1 - thin, np.uint8
    )  # lines of 3 pixels, at all offsets and in both directions
    for at in range(4, 120, 9):
        lines[at : at + 3] = thin
    for label in (lines, lines.T):
        half = resize_label(np.ascontiguousarray(label), (64, 64))
        assert (half == thin).mean() == pytest.approx((label == thin).mean(), rel=0.03)


def test_a_random_label_keeps_its_share() -> None:
    label = (RANDOM.random((512, 512)) < 0.5).astype(np.uint8)  # ties everywhere
    assert resize_label(label, (256, 256)).mean() == pytest.approx(0.5, abs=0.01)


# volumes


@pytest.mark.parametrize("size", [(7, 31), (30, 9), (13, 13), (26, 40), (1, 1)])
def test_resizing_against_torch(size: tuple[int, int]) -> None:
    image = rng(0).standard_normal((2, 13, 20)).astype(np.float32)
    expected = interpolate(torch.from_numpy(image)[None], size, mode="bilinear", antialias=True)[0]
    np.testing.assert_allclose(resize_volume(image, size), expected.numpy(), atol=1e-5)


def test_resizing_a_volume_is_one_axis_after_another() -> None:
    image = rng(1).standard_normal((1, 10, 12, 9)).astype(np.float32)
    found = resize_volume(image, (6, 5, 14))
    assert found.shape == (1, 6, 5, 14)
    half = interpolate(torch.from_numpy(image), (5, 14), mode="bilinear", antialias=True)[0]
    half = half.permute(1, 2, 0)[None]
    whole = interpolate(half, (14, 6), mode="bilinear", antialias=True)[0].permute(2, 0, 1)
    np.testing.assert_allclose(found[0], whole.numpy(), atol=1e-5)
    np.testing.assert_array_equal(resize_volume(image, image.shape[1:]), image)


def test_fine_stripes_become_grey_and_not_coarse_stripes() -> None:
    stripes = (np.arange(96) % 2).astype(np.float32)[None] * np.ones((1, 4, 96), np.float32)
    found = resize_volume(stripes, (4, 13))
    np.testing.assert_allclose(found, 0.5, atol=0.06)


def covering(label: Any, size: tuple[int, ...]) -> Any:
    """Share of each new voxel that each class covers, by cutting every voxel into small equal parts."""
    for axis, new in enumerate(size):
        label = np.repeat(label, new, axis)  # old * new parts along the axis, `old` of them to a new voxel
    old = [n // new for n, new in zip(label.shape, size, strict=True)]
    blocks = label.reshape([n for pair in zip(size, old, strict=True) for n in pair])
    classes = np.unique(label)
    inner = tuple(range(1, blocks.ndim, 2))
    return classes, np.stack([(blocks == index).mean(inner) for index in classes])


@settings(deadline=None, max_examples=60)
@given(
    hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=3, max_side=6), elements=st.integers(0, 3)),
    st.data(),
)
def test_a_label_takes_the_class_that_covers_most(label: Any, data: Any) -> None:
    size = tuple(data.draw(st.integers(1, 7)) for _ in label.shape)
    found = resize_volume_label(label, size)
    classes, cover = covering(label, size)
    mine = np.take_along_axis(cover, np.searchsorted(classes, found)[None], 0)[0]
    assert (mine >= cover.max(0) - 1e-3).all()
    assert found.shape == size
    assert set(np.unique(found)) <= set(np.unique(label))


def test_a_tie_favours_no_class() -> None:
    label = np.array([1, 0, 0, 1, 2, 1, 1, 2], np.uint8)
    assert resize_volume_label(label, (4,)).tolist() == [0, 1, 1, 2]


def test_the_sizes_of_the_papers() -> None:
    label = np.zeros((24, 24, 15), np.uint8)
    label[6:18, 6:18, 3:12] = 4
    for size in ((8, 8, 5), (48, 48, 48)):
        found = resize_volume_label(label, size)
        assert found.shape == size
        assert found.mean() / 4 == pytest.approx(label.mean() / 4, rel=0.05)
        assert resize_volume(label[None].astype(np.float32), size).shape == (1, *size)

"""Slices as channels, tumour regions, sizes: against their definitions and other libraries."""

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
    resize_volume,
    resize_volume_label,
    slice_stack,
    slice_stacks,
)


def test_five_slices_repeat_at_the_ends() -> None:
    volume = np.arange(6)[:, None, None] * np.ones((1, 2, 3))
    found = [slice_stack(volume, index)[:, 0, 0].tolist() for index in range(6)]
    assert found[0] == [0, 0, 0, 1, 2]
    assert found[1] == [0, 0, 1, 2, 3]
    assert found[2] == [0, 1, 2, 3, 4]
    assert found[5] == [3, 4, 5, 5, 5]
    assert slice_stack(volume[:1], 0)[:, 0, 0].tolist() == [0] * 5
    assert slice_stack(volume, 4, 3)[:, 0, 0].tolist() == [3, 4, 5]


def test_stacks_and_their_flip() -> None:
    volume = rng(0).random((4, 3, 2))
    label = rng(0).integers(0, 3, (4, 3, 2)).astype(np.uint8)
    pairs = slice_stacks(volume, label, flipped=True)
    assert len(pairs) == 8
    for index in range(4):
        stack, middle = pairs[index]
        flipped, flipped_middle = pairs[4 + index]
        np.testing.assert_array_equal(stack[2], volume[index])
        np.testing.assert_array_equal(flipped, stack[::-1])
        np.testing.assert_array_equal(middle, label[index])
        np.testing.assert_array_equal(flipped_middle, label[index])
    assert len(slice_stacks(volume, label)) == 4


def test_stacks_that_cannot_be() -> None:
    with pytest.raises(ValueError, match="odd"):
        slice_stack(np.zeros((3, 1, 1)), 0, 4)
    with pytest.raises(ValueError, match="no slice -1"):
        slice_stack(np.zeros((3, 1, 1)), -1)


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

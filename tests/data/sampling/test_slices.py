"""Slices as channels."""

from __future__ import annotations

import numpy as np
import pytest

from isthmus.data.sampling.slices import slice_by_slice, slice_stack


def test_five_slices_repeat_at_the_ends() -> None:
    volume = np.arange(6)[:, None, None] * np.ones((1, 2, 3))
    found = [slice_stack(volume, index)[:, 0, 0].tolist() for index in range(6)]
    assert found[0] == [0, 0, 0, 1, 2]
    assert found[1] == [0, 0, 1, 2, 3]
    assert found[2] == [0, 1, 2, 3, 4]
    assert found[5] == [3, 4, 5, 5, 5]
    assert slice_stack(volume[:1], 0)[:, 0, 0].tolist() == [0] * 5
    assert slice_stack(volume, 4, 3)[:, 0, 0].tolist() == [3, 4, 5]


def test_stacks_that_cannot_be() -> None:
    with pytest.raises(ValueError, match="odd"):
        slice_stack(np.zeros((3, 1, 1)), 0, 4)
    with pytest.raises(ValueError, match="no slice -1"):
        slice_stack(np.zeros((3, 1, 1)), -1)


def test_targets_of_a_volume_are_those_of_its_slices() -> None:
    label = np.zeros((3, 2, 2), np.uint8)
    label[1, 0, 1] = 1
    target = slice_by_slice(lambda plane: np.full(plane.shape, plane.sum(), np.float32))
    assert target(label)[:, 0, 0].tolist() == [0, 1, 0]
    assert target(label[1]).tolist() == [[1, 1], [1, 1]]

"""Flips and turns: image and label together, all symmetries equally likely."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from isthmus.data.augment import flips_and_turns
from isthmus.data.rng import rng


@given(
    hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=3, max_side=6)),
    st.integers(0, 10**6),
)
def test_image_and_label_move_together(label: Any, seed: int) -> None:
    image = np.stack([label, 255 - label]).astype(np.float32)
    new_image, new_label = flips_and_turns(image, label, rng(seed))
    assert new_image.shape == image.shape
    assert new_label.shape == label.shape
    assert (new_image.dtype, new_label.dtype) == (np.float32, np.uint8)
    np.testing.assert_array_equal(new_image, np.stack([new_label, 255 - new_label]))
    assert sorted(new_label.ravel()) == sorted(label.ravel())
    assert new_image.flags.c_contiguous
    assert new_label.flags.c_contiguous


@pytest.mark.parametrize(("shape", "symmetries"), [((3, 3), 8), ((3, 4), 4), ((2, 3, 3), 16), ((2, 3, 4), 8)])
def test_every_symmetry_equally_often(shape: tuple[int, ...], symmetries: int) -> None:
    label = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    image = label[None].astype(np.float32)
    n = 200 * symmetries
    found = Counter(flips_and_turns(image, label, rng(0, i))[1].tobytes() for i in range(n))
    assert len(found) == symmetries
    assert min(found.values()) > 140
    assert max(found.values()) < 260


def test_a_square_has_the_group_d4() -> None:
    label = np.arange(9, dtype=np.uint8).reshape(3, 3)
    expected = {np.rot90(one, k).tobytes() for one in (label, label.T) for k in range(4)}
    assert {flips_and_turns(label[None] * 1.0, label, rng(i))[1].tobytes() for i in range(99)} == expected


def test_the_generator_decides() -> None:
    label = np.arange(9, dtype=np.uint8).reshape(3, 3)
    once = [flips_and_turns(label[None] * 1.0, label, rng(5, i))[1].tolist() for i in range(9)]
    assert once == [flips_and_turns(label[None] * 1.0, label, rng(5, i))[1].tolist() for i in range(9)]

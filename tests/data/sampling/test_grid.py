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

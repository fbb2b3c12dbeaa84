"""The pictures of a case: which slice is shown, and what does not fit is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from isthmus.errors import IsthmusError
from isthmus.report import gallery

label_maps = npst.arrays(
    np.uint8, npst.array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.integers(0, 3)
)


def test_a_volume_shows_the_slice_with_most_foreground() -> None:
    truth = np.zeros((6, 10, 12), dtype=np.uint8)
    truth[1, 2:4, 2:4], truth[4, 1:8, 1:8] = 1, 2
    image = np.arange(6, dtype=np.uint8)[:, None, None] * np.ones((6, 10, 12), dtype=np.uint8)
    picture = gallery.prepare("v", lambda _: (image, truth, truth), 12)
    assert picture.note == "slice 5 of 6"
    assert (picture.image == 4).all()
    np.testing.assert_array_equal(picture.truth, truth[4])


@pytest.mark.parametrize("shape", [(9, 8), (8, 8, 4), (3, 8, 8), (8,)])
def test_pictures_that_do_not_fit_their_masks_are_refused(shape: tuple[int, ...]) -> None:
    mask = np.zeros((8, 8), dtype=np.uint8)
    with pytest.raises(IsthmusError, match=r"case 'k': image .* do not fit together; give"):
        gallery.prepare("k", lambda _: (np.zeros(shape, dtype=np.uint8), mask, mask), 64)


def test_a_case_without_a_picture_is_named() -> None:
    with pytest.raises(IsthmusError, match="no picture was given for case 'x'"):
        gallery.loader({})("x")

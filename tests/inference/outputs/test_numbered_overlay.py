"""Every object has an outline and its number in the picture, which is enlarged where objects are small."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from isthmus.errors import IsthmusError
from isthmus.inference.outputs.numbered_overlay import FONT, LARGEST, SCALE, numbered_overlay


def test_a_large_object_is_outlined_and_numbered_in_its_middle() -> None:
    objects = np.zeros((40, 60), np.int32)
    objects[5:35, 10:50] = 7
    picture = numbered_overlay(np.full((1, 40, 60), 100, np.uint8), objects)
    assert picture.shape == (40, 60, 3)
    (width, height), _ = cv2.getTextSize("7", FONT, SCALE, 1)
    white = np.argwhere((picture > 200).all(axis=2))
    assert np.abs(white.mean(axis=0) - (20, 30)).max() < 2
    assert (np.ptp(white, axis=0) <= (height + 2, width + 2)).all()
    outline = (picture != 100).any(axis=2)
    assert outline[5, 10:50].all()
    assert outline[5:35, 10].all()
    assert not outline[:5].any()
    assert (picture[7:10, 12:20] == 100).all()  # no tint


@pytest.mark.parametrize(("side", "number"), [(20, 1), (5, 1), (2, 1), (1, 1000)])
def test_small_objects_are_enlarged_until_their_numbers_fit(side: int, number: int) -> None:
    objects = np.zeros((30, 30), np.int32)
    objects[3 : 3 + side, 3 : 3 + side] = number
    factor, rest = divmod(numbered_overlay(np.zeros((3, 30, 30), np.uint16), objects).shape[0], 30)
    wanted = cv2.getTextSize(str(number), FONT, SCALE, 1)[0][0] + 4  # fonts differ between versions of OpenCV
    assert rest == 0
    assert factor == LARGEST or side * factor >= wanted
    assert factor == 1 or side * (factor - 1) < wanted


def test_numbers_stay_inside_the_picture_and_on_their_objects() -> None:
    ring = np.zeros((40, 40), np.int32)
    ring[2:38, 2:38] = 3
    ring[6:34, 6:34] = 0
    ring[0, 0] = 1234
    picture = numbered_overlay(np.zeros((1, 40, 40), np.uint8), ring)
    factor = picture.shape[0] // 40
    white = (picture > 200).all(axis=2)
    assert white[: 14 * factor, : 30 * factor].any()
    assert not white[
        15 * factor : 25 * factor, 15 * factor : 25 * factor
    ].any()  # the middle of the ring is no object


def test_of_a_volume_the_slice_with_the_most_objects_is_shown() -> None:
    volume = np.zeros((3, 20, 20), np.int32)
    volume[1, 2:8, 2:8], volume[1, 12:18, 12:18], volume[2, 2:18, 2:18] = 1, 2, 3
    image = np.stack([np.full((20, 20), level, np.uint8) for level in (10, 60, 90)])[None]
    assert (numbered_overlay(image, volume)[0, -1] == 60).all()


def test_nothing_to_number() -> None:
    image = np.full((1, 4, 5), 9, np.uint8)
    assert (numbered_overlay(image, np.zeros((4, 5), np.int32)) == 9).all()
    assert numbered_overlay(image[:, None], np.zeros((1, 4, 5), np.int32)).shape == (4, 5, 3)


def test_shapes_that_do_not_match_are_refused() -> None:
    with pytest.raises(IsthmusError, match="an overlay takes"):
        numbered_overlay(np.zeros((1, 4, 4), np.uint8), np.zeros((4, 5), np.int32))

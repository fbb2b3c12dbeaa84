"""What counts as an object in a mask."""

from __future__ import annotations

import numpy as np
import pytest

from isthmus.data.masks.values import ValueMap
from isthmus.errors import IsthmusError
from isthmus.measurement.objects import MaskFacts, Objects, Reading, decide

ONE = np.array([[1, 0, 1], [1, 0, 0], [0, 0, 1]])
NUMBERED = np.array([[7, 7, 0], [0, 0, 0], [9, 9, 9]])
CLASSES = np.array([[1, 0, 1, 0, 2], [0, 0, 0, 0, 0], [2, 2, 0, 1, 1]])


def read(*masks: np.ndarray, **how: object) -> tuple[Reading, list[Objects]]:
    reading = decide({f"m{i}": MaskFacts.of(mask) for i, mask in enumerate(masks)}, **how)  # type: ignore[arg-type]
    found = [reading.find(mask, "m") for mask in masks]
    for mask, objects in zip(masks, found, strict=True):  # the number that progress is told
        assert reading.number(MaskFacts.of(mask)) in (None, len(objects))
    return reading, found


def test_masks_of_one_value_have_connected_components() -> None:
    for value in (1, 255):
        reading, (found,) = read(ONE * value)
        assert found.labels.tolist() == [[1, 0, 2], [1, 0, 0], [0, 0, 3]]
        assert found.numbers.tolist() == [1, 2, 3]
        assert reading.notes == ("masks have one value: connected components are counted",)
        assert reading.names == ()


def test_pixels_that_share_a_corner_alone_are_two_objects() -> None:
    assert len(read(np.eye(2, dtype=int))[1][0]) == 2


def test_values_in_one_piece_are_numbers_which_stay() -> None:
    reading, (found,) = read(NUMBERED)
    assert found.numbers.tolist() == [7, 9]
    assert found.labels.tolist() == [[1, 1, 0], [0, 0, 0], [2, 2, 2]]
    assert "mask values number objects (each is in one piece" in reading.notes[0]


def test_touching_objects_of_their_own_numbers_are_two() -> None:
    assert len(read(np.array([[3, 3, 5, 5]]))[1][0]) == 2


def test_values_in_several_pieces_are_classes_with_components_of_their_own() -> None:
    reading, (found,) = read(CLASSES)
    assert reading.names == ("class 1", "class 2")
    assert found.numbers.tolist() == [1, 2, 3, 4, 5]
    assert found.classes.tolist() == [1, 1, 1, 2, 2]
    assert found.labels.tolist() == [[1, 0, 2, 0, 4], [0, 0, 0, 0, 0], [5, 5, 0, 3, 3]]
    assert "connected components of each class are counted" in reading.notes[1]


def test_the_user_decides() -> None:
    _, (found,) = read(CLASSES, instances=True)
    assert found.numbers.tolist() == [1, 2]
    _, (found,) = read(ONE, instances=True)
    assert found.numbers.tolist() == [1]  # one object in three pieces
    reading, (found,) = read(NUMBERED, instances=False)
    assert found.classes.tolist() == [1, 2]
    assert reading.names == ("class 1", "class 2")
    values = ValueMap(((0, 0), (7, 1), (9, 1)))
    reading, (found,) = read(NUMBERED, values=values, names=("background", "cell"))
    assert reading.names == ()
    assert found.classes.tolist() == [1, 1]


def test_a_mask_of_one_value_among_numbered_ones_has_an_object_in_each_piece() -> None:
    reading, (_, found) = read(NUMBERED, ONE)
    assert len(found) == 3
    assert "1 mask with one value in several pieces" in reading.notes[1]
    _, (_, found) = read(NUMBERED, ONE, instances=True)
    assert len(found) == 1


def test_no_object_a_single_one_and_no_background() -> None:
    empty = np.zeros((3, 3), int)
    assert [len(found) for found in read(empty, ONE)[1]] == [0, 3]
    assert [len(found) for found in read(empty)[1]] == [0]
    assert len(read(np.full((3, 3), 255))[1][0]) == 1
    assert len(read(np.array([[1, 1], [2, 2]]))[1][0]) == 2  # numbers that leave no background


def test_soft_edges_are_cut_in_the_middle() -> None:
    blob = np.zeros((60, 60))
    blob[20:40, 20:40] = 255
    for _ in range(4):
        blob = (
            blob + np.roll(blob, 1, 0) + np.roll(blob, -1, 0) + np.roll(blob, 1, 1) + np.roll(blob, -1, 1)
        ) / 5
    reading, (found,) = read(blob.astype(np.uint8))
    assert len(found) == 1
    assert "soft edges" in reading.notes[0]
    assert int((found.labels > 0).sum()) == pytest.approx(400, abs=12)


def test_large_numbers_stay() -> None:
    mask = np.array([[0, 4_000_000_000, 2**27, 0, 5]], np.uint32)
    assert read(mask)[1][0].numbers.tolist() == [5, 2**27, 4_000_000_000]


def test_values_below_zero_are_refused() -> None:
    with pytest.raises(IsthmusError, match="m0: mask value -1"):
        read(np.array([[0, -1, 3]]))
    with pytest.raises(IsthmusError, match=r"m: mask value -1; objects are 1, 2, 3"):
        read(np.array([[0, -1, 3]]), instances=True)


def test_masks_that_do_not_agree_are_refused() -> None:
    with pytest.raises(IsthmusError, match="a mask of 0 and 255 among masks of 0 and 1"):
        read(ONE, ONE, ONE * 255)

"""Filled outlines are the objects again, pixel by pixel; rings are simple, and holes lie in the right piece."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from isthmus.errors import IsthmusError
from isthmus.io.outlines import area, outlines

from .filled import filled

PLANES = arrays(np.int32, st.tuples(*[st.integers(1, 9)] * 2), elements=st.integers(0, 3))


def picture(text: str) -> Any:
    return np.array([[0 if sign == "." else int(sign) for sign in row] for row in text.split()], np.int32)


@given(PLANES)
def test_filling_gives_the_same_pixels(objects: Any) -> None:
    found = list(outlines(objects))
    assert [outline.number for outline in found] == np.unique(objects[objects > 0]).tolist()
    for outline in found:
        mask = objects == outline.number
        parts = [filled(mask.shape, polygon) for polygon in outline.polygons]
        assert np.array_equal(sum(part.astype(int) for part in parts), mask)
        assert sum(area(ring) for polygon in outline.polygons for ring in polygon) == mask.sum()
        assert len(parts) == ndimage.label(mask)[1]  # pieces across faces, each with the holes that it has
        assert all(ndimage.label(part)[1] == 1 for part in parts)


@given(PLANES)
def test_rings_are_simple_and_go_round_their_objects_clockwise(objects: Any) -> None:
    for outline in outlines(objects):
        for outer, *holes in outline.polygons:
            assert area(outer) > 0
            assert all(area(hole) < 0 for hole in holes)
            for ring in (outer, *holes):
                sides = np.roll(ring, -1, axis=0) - ring
                assert len(np.unique(ring, axis=0)) == len(ring) >= 4  # no corner is passed twice
                assert ((sides == 0).sum(axis=1) == 1).all()
                assert ((sides != 0) != (np.roll(sides, -1, axis=0) != 0)).all()  # every corner is a turn


def test_pieces_holes_and_corners_on_paper() -> None:
    single = list(outlines(picture("... .5. ...")))
    assert [(o.number, o.plane, [[r.tolist() for r in p] for p in o.polygons]) for o in single] == [
        (5, None, [[[[1, 1], [2, 1], [2, 2], [1, 2]]]])
    ]
    [diagonal] = outlines(picture("1. .1"))
    assert len(diagonal.polygons) == 2
    [ring] = outlines(picture(".11 1.1 111"))  # the hole touches the outside at a corner
    assert [len(polygon) for polygon in ring.polygons] == [2]
    [nested] = outlines(picture("11111 1...1 1.1.1 1...1 11111"))
    assert sorted(len(polygon) for polygon in nested.polygons) == [1, 2]
    [full] = outlines(np.full((3, 4), 9))
    assert full.polygons[0][0].tolist() == [[0, 0], [4, 0], [4, 3], [0, 3]]


def test_a_hole_lies_in_its_own_piece_of_several() -> None:
    objects = picture("111.1111 1.1.1..1 111.1111 ........ .11111.. .1...1.. .1.1.1.. .1...1.. .11111..")
    [outline] = outlines(objects)
    assert sorted(len(polygon) for polygon in outline.polygons) == [1, 2, 2, 2]
    for outer, *holes in outline.polygons:
        for hole in holes:
            assert (outer.min(0) < hole.min(0)).all()
            assert (hole.max(0) < outer.max(0)).all()


def test_a_volume_is_outlined_slice_by_slice() -> None:
    volume = np.zeros((3, 4, 5), np.uint16)
    volume[1:, 1:3, 2] = 65535
    volume[2, 0, 0] = 2
    assert [(o.number, o.plane) for o in outlines(volume)] == [(65535, 1), (2, 2), (65535, 2)]


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (2, 2), (0, 2, 2), (2, 0, 3), (1, 1, 1)])
def test_no_objects_have_no_outlines(shape: tuple[int, ...]) -> None:
    assert list(outlines(np.zeros(shape, np.uint8))) == []


@pytest.mark.parametrize(
    ("objects", "message"),
    [
        (np.zeros(3, int), "found an array of shape \\(3,\\)"),
        (np.zeros((2, 2)), "found float64"),
        (np.full((2, 2), -1), "numbers below 0"),
        (np.zeros((2, 2), bool), "found bool"),
    ],
)
def test_other_arrays_are_refused_in_one_line(objects: Any, message: str) -> None:
    with pytest.raises(IsthmusError, match=message) as error:
        list(outlines(objects))
    assert "\n" not in str(error.value)


def test_many_objects() -> None:
    cell = np.zeros((8, 8), bool)
    cell[1:7, 2:6] = cell[2:6, 1:7] = True
    numbers = np.arange(1, 100 * 100 + 1, dtype=np.int32).reshape(100, 100)
    objects = np.kron(numbers, cell.astype(np.int32))
    found = list(outlines(objects))
    assert len(found) == 10_000
    assert all(len(o.polygons) == 1 and len(o.polygons[0][0]) == 12 for o in found)

"""Whole objects are dropped or filled, and those that stay are numbered anew in their order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from isthmus.inference.outputs.cleanup import CleanUp
from isthmus.inference.outputs.object_cleanup import clean_objects, fill_object_holes

OBJECTS = st.one_of(
    arrays(np.int32, st.tuples(*[st.integers(1, 8)] * 2), elements=st.integers(0, 4)),
    arrays(np.int32, st.tuples(*[st.integers(1, 5)] * 3), elements=st.integers(0, 4)),
)
"""Objects in several pieces, inside each other, and numbers that nothing has."""

CLEAN_UPS = st.builds(
    CleanUp,
    min_size=st.sampled_from([0, 2, {1: 4}]),
    max_size=st.sampled_from([None, 4, {1: 9}]),
    holes=st.booleans(),
    border=st.booleans(),
)


def picture(text: str) -> Any:
    return np.array([[0 if sign == "." else int(sign) for sign in row] for row in text.split()], np.int32)


def test_each_step_on_paper() -> None:
    objects = picture("""
        .......2
        .333..22
        .3.3....
        .333.4..
        ........
        .11111..
        .1.5.1..
        .11111..
        ........
    """)
    count = {
        CleanUp(min_size=2): [1, 2, 3],
        CleanUp(min_size=3): [1, 2, 3],
        CleanUp(max_size=8): [2, 3, 4, 5],
        CleanUp(border=True): [1, 3, 4, 5],
        CleanUp(max_size=8, holes=True): [2, 4, 5],  # the ring has 9 pixels with its hole
        CleanUp(min_size=2, max_size=8, holes=True, border=True): [],
    }
    for asked, left in count.items():
        found = clean_objects(objects, asked)
        assert np.unique(found).tolist() == list(range(len(left) + 1))
        for number, old in enumerate(left, 1):
            assert (objects[found == number] == old).mean() > 0.8


def test_a_hole_belongs_to_the_one_object_around_it() -> None:
    objects = picture("111.. 1.1.. 1112. .22.2 ...2.")
    assert fill_object_holes(objects).tolist() == picture("111.. 111.. 1112. .2222 ...2.").tolist()
    between = picture("11111 1...1 1.2.1 1...1 11111")
    assert np.array_equal(fill_object_holes(between), between)  # the gap touches two objects
    assert clean_objects(between, CleanUp(min_size=2, holes=True)).tolist() == np.ones((5, 5)).tolist()


def test_a_hole_of_a_volume_is_closed_on_all_sides() -> None:
    shell = np.ones((3, 3, 3), np.int32)
    shell[1, 1, 1] = 0
    assert fill_object_holes(shell).all()
    shell[0, 1, 1] = 0
    assert np.array_equal(fill_object_holes(shell), shell)


@given(OBJECTS, CLEAN_UPS)
def test_what_is_left_is_as_asked_and_cleaning_twice_is_cleaning_once(objects: Any, asked: CleanUp) -> None:
    before = objects.copy()
    found = clean_objects(objects, asked)
    assert np.array_equal(objects, before)
    assert found.dtype == np.int32
    assert np.array_equal(np.unique(np.append(found, 0)), np.arange(found.max() + 1))
    assert np.array_equal(clean_objects(found, asked), found)
    sizes = np.bincount(found.ravel())[1:]
    most = {None: 10**9, 4: 4}.get(asked.max_size, 9) if not isinstance(asked.max_size, dict) else 9
    assert (sizes <= most).all()
    kept = found > 0
    old = [np.unique(objects[(found == n) & (objects > 0)]) for n in range(1, found.max() + 1)]
    assert all(len(numbers) == 1 for numbers in old)  # no object is joined to another
    assert [numbers[0] for numbers in old] == sorted(numbers[0] for numbers in old)
    if not asked.holes:
        assert all((found == n).sum() == (objects == each[0]).sum() for n, each in enumerate(old, 1))
    if asked.border:
        inner = tuple(slice(1, -1) if n > 1 else slice(None) for n in found.shape)
        rest = kept.copy()
        rest[inner] = False
        assert not rest.any()


@given(arrays(bool, st.tuples(*[st.integers(1, 7)] * 2)))
def test_holes_of_one_object_are_those_of_scipy(mask: Any) -> None:
    assert np.array_equal(fill_object_holes(mask.astype(np.int32)) > 0, ndimage.binary_fill_holes(mask))


@pytest.mark.parametrize("shape", [(0, 3), (1, 1), (4, 0, 2)])
def test_nothing_to_clean(shape: tuple[int, ...]) -> None:
    asked = CleanUp(min_size=2, max_size=9, holes=True, border=True)
    assert clean_objects(np.zeros(shape, np.int32), asked).shape == shape

"""Clean-up: islands planted on paper, a slow second implementation, and properties of every label."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy import ndimage

from isthmus.errors import IsthmusError
from isthmus.inference.outputs.cleanup import (
    CleanUp,
    fill_holes,
    keep_largest,
    merge_islands,
    remove_at_border,
    remove_large,
    remove_small,
)

Label = NDArray[np.uint8]

LABELS = st.one_of(
    arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.integers(0, 3)),
    arrays(np.uint8, st.tuples(*[st.integers(1, 5)] * 3), elements=st.integers(0, 3)),
)
SHARES = st.sampled_from([0.0, 0.1, 0.3, 0.5, 1.0])
CLEAN_UPS = st.builds(
    CleanUp,
    largest=st.sampled_from([(), (1,), (2, 3), "all"]),
    min_size=st.sampled_from([0, 2, 4, {1: 3}, {2: 5, 3: 2}]),
    holes=st.booleans(),
    merge=st.booleans(),
    keep_share=SHARES,
    max_size=st.sampled_from([None, 5, {1: 6}, {2: 5, 3: 9}]),
    border=st.booleans(),
)


def picture(text: str) -> Label:
    """Rows of digits; a point is background."""
    rows = [[0 if sign == "." else int(sign) for sign in row.strip()] for row in text.split()]
    return np.array(rows, np.uint8)


# --- a second opinion: flood fills over Python sets, straight from the docstrings


def grow(start: tuple[int, ...], among: set[tuple[int, ...]], full: bool) -> set[tuple[int, ...]]:
    found, todo = {start}, [start]
    while todo:
        for point in around(todo.pop(), full):
            if point in among and point not in found:
                found.add(point)
                todo.append(point)
    return found


def around(point: tuple[int, ...], full: bool = True) -> Iterator[tuple[int, ...]]:
    for step in product((-1, 0, 1), repeat=len(point)):
        if any(step) and (full or sum(map(abs, step)) == 1):
            yield tuple(p + s for p, s in zip(point, step, strict=True))


def parts(points: set[tuple[int, ...]], full: bool = True) -> list[set[tuple[int, ...]]]:
    """Components in raster order of their first points."""
    left, found = set(points), []
    for point in sorted(points):
        if point in left:
            found.append(grow(point, left, full))
            left -= found[-1]
    return found


def slow_fill(label: Label) -> Label:
    result = label.copy()
    best: dict[tuple[int, ...], int] = {}
    padded = np.pad(label, 1)
    for cls in np.unique(label[label > 0]):
        complement = {tuple(p) for p in np.argwhere(padded != cls)}
        for hole in parts(complement, full=False):
            if (0,) * label.ndim in hole:
                continue
            for point in hole:
                inner = tuple(p - 1 for p in point)
                if label[inner] == 0 and len(hole) < best.get(inner, label.size + 1):
                    result[inner], best[inner] = cls, len(hole)
    return result


def slow_merge(label: Label, keep_share: float, absorb_share: float) -> Label:
    result = label.copy()
    islands: set[tuple[int, ...]] = set()
    for cls in np.unique(label[label > 0]):
        found = parts({tuple(p) for p in np.argwhere(label == cls)})
        largest = max(found, key=len)
        for part in found:
            if part is not largest and len(part) < keep_share * len(largest):
                for point in part:
                    result[point] = 0
            if part is not largest and len(part) <= absorb_share * len(largest):
                islands |= part
    for group in parts(islands):
        ring = {p for point in group for p in around(point)} - group
        classes = {
            int(label[p]) for p in ring if all(0 <= x < n for x, n in zip(p, label.shape, strict=True))
        }
        if len(classes) == 1 and classes != {0}:
            for point in group:
                result[point] = classes.copy().pop()
    result = slow_fill(result)
    return result if np.array_equal(result, label) else slow_merge(result, keep_share, absorb_share)


# --- planted by hand


def test_an_island_inside_another_organ_joins_it_and_a_speck_outside_goes() -> None:
    before = picture("""
        1111111....
        1111111..2.
        1121111....
        1111.11....
        1111111222.
        ......22222
        1.....22222
        ......2222.
    """)
    after = picture("""
        1111111....
        1111111....
        1111111....
        1111111....
        1111111222.
        ......22222
        ......22222
        ......2222.
    """)
    assert np.array_equal(merge_islands(before), after)


def test_an_island_between_two_organs_or_at_the_edge_of_one_is_dropped_and_not_absorbed() -> None:
    before = picture("""
        11111.22222
        11111322222
        11111.22222
        11131.22222
        .....322222
    """)
    assert np.array_equal(merge_islands(before), before)  # each 3 is as large as the largest of its class
    bigger = np.pad(before, ((0, 4), (0, 0)))
    bigger[6:] = 3
    expected = bigger.copy()
    expected[:5][before == 3] = 0
    assert np.array_equal(merge_islands(bigger), expected)


def test_nested_islands_are_absorbed_together() -> None:
    label = np.ones((9, 9), np.uint8)
    label[3:6, 3:6], label[4, 4] = 2, 3
    other = np.zeros((9, 9), np.uint8)
    other[:, 2:], other[:4, 2:] = 2, 3  # where 2 and 3 have their largest components
    both = np.hstack([label, other])
    assert np.array_equal(merge_islands(both), np.hstack([np.ones((9, 9), np.uint8), other]))


@pytest.mark.parametrize(("size", "kept"), [(9, False), (10, True), (11, True)])
def test_ten_percent_of_the_largest_is_kept(size: int, kept: bool) -> None:
    label = np.zeros((14, 14), np.uint8)
    label[:10, :10] = 1
    label[13, :size] = 1
    assert (merge_islands(label)[13].sum() == size) == kept
    assert merge_islands(label)[:10, :10].all()


def test_an_island_of_any_size_is_absorbed_but_never_the_largest_and_shares_say_so() -> None:
    label = np.ones((12, 12), np.uint8)
    label[2:4, 2:5] = 2  # 6
    label[7:10, 7:10] = 2  # 9, the largest of its class, though it lies inside class 1
    absorbed = label.copy()
    absorbed[2:4, 2:5] = 1
    assert np.array_equal(merge_islands(label), absorbed)
    assert np.array_equal(merge_islands(label, absorb_share=0.6), label)  # 6 > 0.6 * 9
    assert np.array_equal(merge_islands(label, absorb_share=0.67), absorbed)
    assert np.array_equal(merge_islands(label, 0.7, absorb_share=0.0), absorbed)  # dropped, then a hole


def test_without_holes() -> None:
    ring = picture("1111 1..1 1111")
    assert np.array_equal(merge_islands(ring, holes=False), ring)
    assert merge_islands(ring).all()


def test_corners_join_components_and_stop_holes() -> None:
    diagonal = picture("""
        .1.
        1.1
        .1.
    """)
    assert keep_largest(diagonal).sum() == 4
    assert fill_holes(diagonal).sum() == 5


def test_largest_of_equal_ones_is_the_first() -> None:
    assert keep_largest(picture("2.22.22"), [2]).tolist() == [[0, 0, 2, 2, 0, 0, 0]]
    assert keep_largest(picture("2.22.1.11"), [1]).tolist() == [[2, 0, 2, 2, 0, 0, 0, 1, 1]]


def test_small_ones_by_class() -> None:
    label = picture("1.11.111.2.22.222")
    assert np.bincount(remove_small(label, 2).ravel()).tolist() == [7, 5, 5]
    assert np.bincount(remove_small(label, {1: 4, 2: 3, 3: 99}).ravel()).tolist() == [14, 0, 3]
    assert np.array_equal(remove_small(label, 1), label)


def test_a_hole_takes_the_class_nearest_around_it_and_border_water_is_none() -> None:
    before = picture("""
        1111111.
        1.....1.
        1.222.1.
        1.2.2.1.
        1.222.1.
        1.....1.
        1111111.
        ........
        333.....
        ..3.....
    """)
    after = picture("""
        1111111.
        1111111.
        1122211.
        1122211.
        1122211.
        1111111.
        1111111.
        ........
        333.....
        ..3.....
    """)
    assert np.array_equal(fill_holes(before), after)
    swapped = np.array([0, 2, 1, 3], np.uint8)  # the inner class first
    assert np.array_equal(fill_holes(swapped[before]), swapped[after])
    only = fill_holes(before, [2])
    assert only[3, 3] == 2
    assert only[1, 1] == 0


def test_a_volume_is_cleaned_in_three_dimensions() -> None:
    label = np.zeros((7, 7, 7), np.uint8)
    label[1:6, 1:6, 1:6] = 1
    tunnel, cave, island = label.copy(), label.copy(), label.copy()
    tunnel[:, 3, 3] = 0
    cave[2:5, 3, 3] = 0
    island[4, 4, 4], island[2, 2, 2], island[6, 5:, 6] = 2, 3, 3
    assert np.array_equal(fill_holes(tunnel), tunnel)  # closed within slices, open at both ends
    assert np.array_equal(fill_holes(cave), label)
    assert np.argwhere(keep_largest(island) == 3).tolist() == [[6, 5, 6], [6, 6, 6]]
    label[4, 4, 4], label[6, 5:, 6] = 2, 3
    assert np.array_equal(merge_islands(island), label)


def test_order_and_switches_of_a_clean_up() -> None:
    label = picture("""
        1111.2
        1..1..
        1111.3
        .....3
        11.2.3
    """)
    assert CleanUp().is_nothing
    assert CleanUp(min_size=1).is_nothing
    assert CleanUp(min_size={1: 1}).is_nothing
    for one in (
        CleanUp(largest=(1,)),
        CleanUp(largest="all"),
        CleanUp(min_size=2),
        CleanUp(min_size={3: 2}),
        CleanUp(holes=True),
        CleanUp(merge=True),
        CleanUp(max_size=1),
        CleanUp(max_size={3: 4}),
        CleanUp(border=True),
    ):
        assert not one.is_nothing
    assert np.array_equal(CleanUp(largest=(1,)).apply(label), keep_largest(label, [1]))
    assert np.array_equal(CleanUp(largest="all").apply(label), keep_largest(label))
    assert np.array_equal(CleanUp(min_size={2: 2}).apply(label), remove_small(label, {2: 2}))
    assert np.array_equal(CleanUp(holes=True).apply(label), fill_holes(label))
    assert np.array_equal(CleanUp(merge=True, keep_share=0.5).apply(label), merge_islands(label, 0.5))
    assert np.bincount(CleanUp("all", 2, holes=True).apply(label).ravel()).tolist() == [15, 12, 0, 3]
    assert len({CleanUp(), CleanUp(), CleanUp(merge=True)}) == 2


def test_the_largest_size_counts_what_is_written_with_its_holes_filled() -> None:
    ring = picture("""
        .......
        .111.2.
        .1.1...
        .111...
        .......
    """)
    assert CleanUp(max_size=8).apply(ring).max() == 2
    assert np.unique(CleanUp(max_size=8, holes=True).apply(ring)).tolist() == [0, 2]
    assert np.unique(CleanUp(max_size=9, holes=True).apply(ring)).tolist() == [0, 1, 2]
    assert np.unique(CleanUp(max_size={2: 1}).apply(ring)).tolist() == [0, 1, 2]


def test_what_touches_the_border_goes_but_a_single_slice_has_no_border_across() -> None:
    label = np.zeros((1, 6, 6), np.uint8)
    label[0, 2:4, 2:4], label[0, 0, 0], label[0, 4, 5] = 1, 1, 2
    assert np.argwhere(remove_at_border(label)).tolist() == [[0, 2, 2], [0, 2, 3], [0, 3, 2], [0, 3, 3]]
    assert not remove_at_border(np.repeat(label, 2, 0)).any()
    corner = picture("1... .1.. ..2. ....")  # a component by its corner
    assert np.unique(remove_at_border(corner)).tolist() == [0, 2]


# --- for every label


@given(LABELS, SHARES, SHARES)
def test_merging_is_what_the_second_opinion_says(label: Label, keep: float, absorb: float) -> None:
    assert np.array_equal(merge_islands(label, keep, absorb_share=absorb), slow_merge(label, keep, absorb))


@pytest.mark.parametrize("shape", [(12, 13), (6, 7, 6)])
@pytest.mark.parametrize("blur", [0.0, 0.5, 0.8])
def test_so_it_does_on_noise_of_three_classes(shape: tuple[int, ...], blur: float) -> None:
    random = np.random.default_rng(0)
    changed = 0
    for _ in range(12):
        noise = ndimage.gaussian_filter(random.standard_normal((3, *shape)), (0, *[blur] * len(shape)))
        label = np.where(noise.max(0) > 0, noise.argmax(0) + 1, 0).astype(np.uint8)
        merged = merge_islands(label, 0.3, absorb_share=0.9)
        assert np.array_equal(merged, slow_merge(label, 0.3, 0.9))
        assert np.array_equal(fill_holes(label), slow_fill(label))
        changed += not np.array_equal(merged, label)
    assert changed > 6


@given(LABELS)
def test_holes_are_what_the_second_opinion_says(label: Label) -> None:
    filled = fill_holes(label)
    assert np.array_equal(filled, slow_fill(label))
    assert np.array_equal(filled[label > 0], label[label > 0])


@given(arrays(bool, st.tuples(*[st.integers(1, 5)] * 3)))
def test_holes_of_one_class_are_those_of_scipy(mask: NDArray[np.bool_]) -> None:
    assert np.array_equal(fill_holes(mask) == 1, ndimage.binary_fill_holes(mask))


@given(LABELS, st.integers(0, 6))
def test_components_are_chosen_by_size(label: Label, least: int) -> None:
    kept, largest = remove_small(label, least), keep_largest(label)
    for cls in (1, 2, 3):
        found = parts({tuple(p) for p in np.argwhere(label == cls)})
        big = [part for part in found if len(part) >= least]
        assert {tuple(p) for p in np.argwhere(kept == cls)} == set[Any]().union(*big)
        assert {tuple(p) for p in np.argwhere(largest == cls)} == max(found, key=len, default=set())


@given(LABELS, st.integers(1, 6))
def test_large_ones_and_those_at_the_border_go(label: Label, most: int) -> None:
    small, inner = remove_large(label, most), remove_at_border(label)
    ends = [n - 1 if n > 1 else -1 for n in label.shape]
    for cls in (1, 2, 3):
        found = parts({tuple(p) for p in np.argwhere(label == cls)})
        kept = [part for part in found if len(part) <= most]
        assert {tuple(p) for p in np.argwhere(small == cls)} == set[Any]().union(*kept)
        away = [
            part
            for part in found
            if all(end == -1 or 0 < at < end for p in part for at, end in zip(p, ends, strict=True))
        ]
        assert {tuple(p) for p in np.argwhere(inner == cls)} == set[Any]().union(*away)


@given(LABELS, CLEAN_UPS)
def test_cleaning_twice_is_cleaning_once_and_adds_no_class(label: Label, clean: CleanUp) -> None:
    before = label.copy()
    once = clean.apply(label)
    assert once.dtype == np.uint8
    assert once.shape == label.shape
    assert set(np.unique(once)) <= set(np.unique(label)) | {0}
    assert np.array_equal(clean.apply(once), once)
    assert np.array_equal(label, before)
    assert not clean.is_nothing or np.array_equal(once, label)


@pytest.mark.parametrize("clean", [CleanUp(merge=True), CleanUp("all", 3, holes=True)])
@pytest.mark.parametrize("shape", [(0, 4), (1, 1), (3, 3)])
def test_nothing_to_clean(clean: CleanUp, shape: tuple[int, ...]) -> None:
    assert not clean.apply(np.zeros(shape, np.uint8)).any()
    assert clean.apply(np.full(shape, 255, np.int64)).dtype == np.uint8


# --- refused


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CleanUp(largest="every"), "largest is 'every'"),
        (lambda: CleanUp(largest=(0,)), "class 0; classes are counted from 1"),
        (lambda: CleanUp(min_size=-1), "min_size is -1"),
        (lambda: CleanUp(min_size={0: 3}), "class 0"),
        (lambda: CleanUp(min_size={1: 2.5}), "min_size is 2.5"),
        (lambda: CleanUp(max_size=0), "max_size is 0; give whole numbers of pixels, at least 1"),
        (lambda: CleanUp(min_size=9, max_size=8), "min_size 9 is above max_size 8"),
        (lambda: CleanUp(min_size={2: 9}, max_size=8), "min_size 9 is above max_size 8"),
        (lambda: CleanUp(min_size=9, max_size={2: 8}), "min_size 9 is above max_size 8"),
        (lambda: CleanUp(keep_share=1.5), "keep_share is 1.5"),
        (lambda: merge_islands(np.zeros((2, 2), np.uint8), absorb_share=-1), "absorb_share is -1"),
        (lambda: fill_holes(np.array([[0, 256]])), "values 0 to 256"),
        (lambda: fill_holes(np.array([[-1, 0]])), "values -1 to 0"),
        (lambda: CleanUp().apply(np.zeros((2, 2))), "type float64"),
    ],
)
def test_refused_in_one_line(make: Any, message: str) -> None:
    with pytest.raises(IsthmusError, match=message) as error:
        make()
    assert "\n" not in str(error.value)

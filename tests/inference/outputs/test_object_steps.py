"""Flooding: against a slow queue, on plains and passes, at the border of the image."""

from __future__ import annotations

import heapq
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from isthmus.data.phantoms.nuclei import touching_nuclei
from isthmus.inference.outputs.object_steps import flood
from isthmus.objectives import interior_map

SHAPES = st.one_of(st.tuples(*[st.integers(1, 9)] * 2), st.tuples(*[st.integers(1, 5)] * 3))


def heap_flood(
    height: NDArray[Any], seeds: NDArray[np.int32], inside: NDArray[np.bool_]
) -> NDArray[np.int32]:
    """Floods with a queue of pixels, the lowest first and, among equals, the first to be reached."""
    result = np.where(inside, seeds, 0).astype(np.int32)
    queue = [(height[place], age, place) for age, place in enumerate(zip(*np.nonzero(result), strict=True))]
    heapq.heapify(queue)
    age = len(queue)
    while queue:
        place = heapq.heappop(queue)[2]
        for axis in range(height.ndim):
            for step in (-1, 1):
                beside = (*place[:axis], place[axis] + step, *place[axis + 1 :])
                if 0 <= beside[axis] < height.shape[axis] and inside[beside] and result[beside] == 0:
                    result[beside] = result[place]
                    age += 1
                    heapq.heappush(queue, (height[beside], age, beside))
    return result


@given(SHAPES, st.randoms(use_true_random=False), st.floats(0.3, 1.0))
def test_flooding_is_that_of_the_queue_where_all_heights_differ(
    shape: tuple[int, ...], chance: Any, filled: float
) -> None:
    random = np.random.default_rng(chance.randrange(2**32))
    height = random.permutation(int(np.prod(shape))).reshape(shape)
    inside = random.random(shape) < filled
    seeds = random.integers(1, 5, shape) * (random.random(shape) < 0.15)
    assert np.array_equal(flood(height, seeds.astype(np.int32), inside), heap_flood(height, seeds, inside))


@pytest.mark.parametrize("seed", range(3))
def test_flooding_is_nearly_that_of_the_queue_on_nuclei(seed: int) -> None:
    truth = touching_nuclei(seed)[1]
    body, marker = truth > 0, interior_map(truth) > 0
    seeds, n = ndimage.label(marker)
    assert n > 10
    height = -np.rint(8 * ndimage.distance_transform_edt(body)).astype(np.int32)
    ours, theirs = flood(height, seeds, body), heap_flood(height, seeds, body)
    assert (ours == theirs)[body].mean() > 0.985  # they differ in whom a pixel goes to that two reach at once
    assert np.array_equal(ours > 0, theirs > 0)


def test_a_plain_is_shared_fairly_and_a_pit_behind_a_pass_goes_to_whom_comes_first() -> None:
    line = np.zeros(9, np.int64)
    seeds = np.zeros(9, np.int32)
    seeds[[0, 8]] = 7, 4
    shared = flood(line, seeds, np.ones(9, bool)).tolist()
    assert shared[:4] + shared[5:] == [7, 7, 7, 7, 4, 4, 4, 4]  # the middle may go to either
    pit = np.array([0, 2, 9, 1, 0, 1, 8, 3, 0])
    assert flood(pit, seeds, np.ones(9, bool)).tolist() == [7, 7, 7, 4, 4, 4, 4, 4, 4]
    wall = np.array([1, 1, 1, 0, 1, 1, 0, 1, 1], bool)
    assert flood(line, seeds, wall).tolist() == [7, 7, 7, 0, 0, 0, 0, 4, 4]


def test_nothing_flows_round_the_border_of_the_image() -> None:
    inside = np.array([[0, 0, 1], [1, 0, 0]], bool)
    seeds = np.array([[0, 0, 5], [0, 0, 0]], np.int32)
    assert flood(np.zeros((2, 3), np.int32), seeds, inside).tolist() == [[0, 0, 5], [0, 0, 0]]

"""Boundary detail: gaps and invented objects, against brute force and on paper."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from isthmus.metrics import components, false_objects, open_gaps

from . import oracle


def draw_mask(*rows):
    return np.array([[character == "#" for character in row] for row in rows])


def parts(mask):
    """Connected parts by flood fill, as sets of points."""
    left, found = {tuple(p) for p in np.argwhere(mask).tolist()}, []
    while left:
        part, edge = set(), [left.pop()]
        while edge:
            point = edge.pop()
            part.add(point)
            for axis in range(mask.ndim):
                for step in (-1, 1):
                    other = (*point[:axis], point[axis] + step, *point[axis + 1 :])
                    if other in left:
                        left.remove(other)
                        edge.append(other)
        found.append(part)
    return found


def by_brute_force(prediction, truth, width, spacing):
    objects, kept, gaps = parts(truth), 0, 0
    background = {tuple(p) for p in np.argwhere(~truth).tolist()}
    for i, one in enumerate(objects):
        for other in objects[:i]:

            def away(point, points):
                return min(math.dist(np.multiply(point, spacing), np.multiply(q, spacing)) for q in points)

            gap = {p for p in background if away(p, one) + away(p, other) <= width * (1 + 1e-9)}
            if not gap:
                continue
            gaps += 1
            found = all(2 * sum(prediction[p] for p in points) >= len(points) for points in (one, other))
            inside = np.zeros(truth.shape, bool)
            for point in one | other | gap:
                inside[point] = prediction[point]
            kept += found and not any(part & one and part & other for part in parts(inside))
    return kept / gaps if gaps else math.nan


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_open_gaps_by_brute_force(data):
    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=3, max_side=5))
    prediction, truth = (data.draw(hnp.arrays(bool, shape)) for _ in range(2))
    width = data.draw(st.sampled_from([1.0, 2.0, 2.5, 4.0, 10.0]))
    spacing = tuple(data.draw(st.sampled_from([1.0, 0.5, 2.0])) for _ in shape)
    ours = open_gaps(prediction, truth, width=width, spacing=spacing)
    assert ours == pytest.approx(by_brute_force(prediction, truth, width, spacing), nan_ok=True)


TRUTH = draw_mask(
    "##.##....",
    "##.##....",
    "##.##..##",
)


def test_a_gap_is_open_where_nothing_bridges_it():
    # the first gap is one pixel wide (distance 2), the second two (3)
    assert open_gaps(TRUTH, TRUTH) == 1
    bridged = TRUTH.copy()
    bridged[1, 2] = True
    assert open_gaps(bridged, TRUTH) == 0.5
    assert open_gaps(bridged, TRUTH, width=2) == 0  # now the only gap thin enough
    halfway = TRUTH.copy()
    halfway[2, 5] = True  # a spur that does not reach
    assert open_gaps(halfway, TRUTH) == 1
    halfway[2, 6] = True
    assert open_gaps(halfway, TRUTH) == 0.5


def test_a_gap_between_objects_not_found_is_not_kept_open():
    nothing = np.zeros_like(TRUTH)
    assert open_gaps(nothing, TRUTH) == 0
    first = TRUTH & (np.arange(9) < 2)
    assert open_gaps(first, TRUTH) == 0
    assert open_gaps(TRUTH & (np.arange(9) < 7), TRUTH) == 0.5  # the third object is missing


def test_a_detour_far_from_the_gap_is_no_bridge():
    truth = draw_mask(
        "#.#",
        "...",
        "...",
        "...",
        "...",
    )
    around = draw_mask(
        "#.#",
        "#.#",
        "#.#",
        "#.#",
        "###",
    )
    assert open_gaps(around, truth) == 1
    assert open_gaps(around, truth, width=20) == 0  # of so wide a gap the detour is part


def test_spacing_decides_what_is_thin():
    assert open_gaps(TRUTH, TRUTH, spacing=(1, 3), width=5) == pytest.approx(math.nan, nan_ok=True)
    assert open_gaps(TRUTH, TRUTH, spacing=(1, 3), width=6) == 1


def test_a_gap_may_lie_outside_the_box_of_the_objects():
    """Along the thin third axis the way around is shorter than through the corners of the plane."""
    truth = np.zeros((2, 2, 2), bool)
    truth[0, 0, 0] = truth[1, 1, 0] = True
    assert open_gaps(truth, truth, spacing=(2.8, 2.86, 0.1), width=4.5) == 1


def test_no_thin_gap_is_no_number():
    for truth in (np.zeros((4, 4), bool), np.ones((4, 4), bool)):
        assert math.isnan(open_gaps(truth, truth))


def test_gaps_by_class():
    labels = TRUTH.astype(np.uint8) * 2
    assert open_gaps(labels, labels, classes={2: "cell"}) == {"cell": 1}


def test_false_objects_are_those_that_touch_no_truth():
    prediction = draw_mask(
        "##.#.",
        "....#",
        "#...#",
    )
    truth = draw_mask(
        ".#...",
        ".....",
        "....#",
    )
    assert (
        false_objects(prediction, truth) == 2
    )  # (0, 3) and (2, 0); faces alone connect, so (0, 3) is not (1, 4)
    assert false_objects(truth, prediction) == 0
    assert false_objects(prediction, np.zeros_like(truth)) == 4
    assert (
        false_objects(np.zeros_like(truth), truth)
        == false_objects(np.zeros_like(truth), np.zeros_like(truth))
        == 0
    )


@settings(max_examples=200, deadline=None)
@given(oracle.cases())
def test_false_objects_by_flood_fill(case):
    prediction, truth, _ = case
    places = {tuple(p) for p in np.argwhere(truth).tolist()}
    assert false_objects(prediction, truth) == sum(not part & places for part in parts(prediction))
    assert components(prediction).max() == len(parts(prediction))

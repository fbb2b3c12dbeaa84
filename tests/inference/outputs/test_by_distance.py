"""Objects by distance: drawn by hand, from the maps of true objects, and their sad paths."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from scipy import ndimage

from isthmus.data.phantoms.nuclei import touching_nuclei
from isthmus.errors import IsthmusError
from isthmus.inference.outputs.by_distance import objects_by_distance
from isthmus.metrics import object_f1
from isthmus.objectives import object_distance_map

MAPS = st.one_of(st.tuples(*[st.integers(1, 9)] * 2), st.tuples(*[st.integers(1, 5)] * 3)).flatmap(
    lambda shape: st.tuples(*[hnp.arrays(np.float32, shape, elements=st.floats(0, 1, width=32))] * 2)
)


def test_two_bodies_part_where_the_distance_is_least() -> None:
    body = np.ones((5, 9), np.float32)
    distance = np.tile(np.float32([0.2, 0.7, 1, 0.6, 0.1, 0.4, 0.9, 0.8, 0.3]), (5, 1))
    found = objects_by_distance(body, distance)
    assert found[2].tolist() == [1, 1, 1, 1, 1, 2, 2, 2, 2]
    assert objects_by_distance(body, distance, seed=0.05).max() == 1  # nothing lies between the seeds
    assert objects_by_distance(body, distance, seed=0.95)[2].tolist() == [1] * 9  # one seed is left


def test_a_body_without_a_seed_is_one_object_however_small() -> None:
    body = np.zeros((4, 12), np.float32)
    body[:, :4], body[0, 6], body[1:3, 8:11] = 1, 1, 0.8
    distance = np.zeros_like(body)
    distance[:, 1:3] = 0.9
    found = objects_by_distance(body, distance)
    assert np.bincount(found.ravel())[1:].tolist() == [16, 1, 6]
    assert (found[0, 0], found[0, 6], found[1, 8]) == (1, 2, 3)
    assert objects_by_distance(body, distance, threshold=0.9).max() == 2


def test_a_gentle_slope_belongs_to_the_object_from_which_it_descends() -> None:
    distance = np.float32([[0.9, 0.49, 0.47, 0.45, 0.43, 0.41, 0.39, 0.37, 0.32, 0.9]])
    found = objects_by_distance(np.ones_like(distance), distance)
    assert found[0, [0, 7, 9]].tolist() == [1, 1, 2]


def test_small_seeds_are_dropped() -> None:
    body = np.ones((3, 9), np.float32)
    distance = np.zeros_like(body)
    distance[:, 1:3], distance[1, 6:8] = 0.9, 0.9
    assert [objects_by_distance(body, distance, min_seed=least).max() for least in (2, 3, 6, 7)] == [
        2,
        1,
        1,
        1,
    ]
    assert (
        objects_by_distance(body, distance, min_seed=7) == 1
    ).all()  # without any seed, a body is one object


@given(MAPS)
def test_objects_are_the_bodies_each_connected_and_numbered_in_order(
    maps: tuple[NDArray[Any], NDArray[Any]],
) -> None:
    found = objects_by_distance(*maps)
    assert np.array_equal(found > 0, maps[0] > 0.5)
    firsts = [int(np.flatnonzero(found.ravel() == n)[0]) for n in range(1, found.max() + 1)]
    assert firsts == sorted(firsts)
    for number in range(1, found.max() + 1):
        assert ndimage.label(found == number)[1] == 1


@pytest.mark.parametrize("seed", range(3))
def test_crowded_phantoms_come_back_from_their_own_maps(seed: int) -> None:
    truth = touching_nuclei(seed)[1]
    found = objects_by_distance((truth > 0).astype(np.float32), object_distance_map(truth))
    assert object_f1(found, truth, one_to_one=True) > 0.97


def test_a_volume_of_thick_slices() -> None:
    truth = np.zeros((6, 24, 24), np.int32)
    z, y, x = np.mgrid[:6, :24, :24]
    truth[(4 * (z - 2.5)) ** 2 + (y - 11) ** 2 + (x - 6) ** 2 < 60] = 1
    truth[((4 * (z - 2.5)) ** 2 + (y - 11) ** 2 + (x - 17) ** 2 < 60) & (truth == 0)] = 2
    distance = object_distance_map(truth, (4.0, 1.0, 1.0))
    found = objects_by_distance((truth > 0).astype(np.float32), distance)
    assert object_f1(found, truth, one_to_one=True) == 1.0


def test_real_nuclei_are_found_again(shared_data: Path) -> None:
    scores = []
    for path in sorted((shared_data / "dsb-2018-more" / "masks").iterdir())[:12]:
        truth = cv2.imread(str(path), cv2.IMREAD_UNCHANGED).astype(np.int32)
        found = objects_by_distance((truth > 0).astype(np.float32), object_distance_map(truth))
        scores.append(object_f1(found, truth, one_to_one=True))
    assert min(scores) > 0.85
    assert np.mean(scores) > 0.97


def test_refused_in_one_line() -> None:
    maps = np.zeros((4, 4), np.float32)
    with pytest.raises(IsthmusError, match=r"distance has shape \(4, 5\) but body \(4, 4\)"):
        objects_by_distance(maps, np.zeros((4, 5), np.float32))
    with pytest.raises(IsthmusError, match="distance has values 0 to 7"):
        objects_by_distance(maps, np.full((4, 4), 7.0) * np.eye(4))
    with pytest.raises(IsthmusError, match=r"instances are found in \(H, W\)"):
        objects_by_distance(np.zeros(4, np.float32), np.zeros(4, np.float32))

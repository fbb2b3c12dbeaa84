"""From the maps of a network to classes: every pattern of regions, thresholds."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from isthmus.inference.outputs.classes import Classes

BRAIN = Classes(
    ["background", "necrosis", "oedema", "enhancing"],
    {"WT": [1, 2, 3], "TC": [1, 3], "ET": [3]},
    multilabel=True,
)
CROSSED = Classes(["background", "x", "y", "z"], {"A": [1, 2], "B": [2, 3]}, multilabel=True)


@pytest.mark.parametrize("classes", [BRAIN, CROSSED])
def test_the_regions_of_a_class_decide_for_it(classes: Classes) -> None:
    for index, row in enumerate(classes.membership()):
        label = classes.decide(np.where(row, 0.9, 0.1).astype(np.float32)[:, None])
        assert label.tolist() == [index]
        masks = classes.scored(label)
        assert [bool(mask[0]) for mask in masks.values()] == list(row.astype(bool))


def test_regions_that_contradict_each_other_give_the_nearest_class() -> None:
    for whole, core, enhancing in product((0, 1), repeat=3):
        maps = np.array([[whole], [core], [enhancing]], np.float32)
        (found,) = BRAIN.decide(maps)
        misses = np.abs(BRAIN.membership().astype(int) - maps[:, 0].astype(int)).sum(axis=1)
        if whole or core or enhancing:
            assert misses[found] == misses.min()
        else:
            assert found == 0


def test_the_threshold_counts_where_maps_are_independent() -> None:
    maps = np.array([[0.2, 0.3, 0.31]], np.float32)
    assert Classes(["background", "cell"], threshold=0.3).decide(maps).tolist() == [0, 0, 1]
    assert Classes(["background", "cell"]).decide(maps).tolist() == [0, 0, 0]


def test_a_probability_of_exactly_one_half_is_background() -> None:
    for classes in (BRAIN, Classes(["background", "a"]), Classes(["background", "a", "b"])):
        undecided = classes.activate(np.zeros((classes.map_count, 1), np.float32))
        assert classes.decide(undecided).tolist() == [0]
    above = np.nextafter(np.float32(0.5), np.float32(1))
    assert Classes(["background", "a"]).decide(np.array([[0.5, above]], np.float32)).tolist() == [0, 1]


def test_certain_background_is_decided_as_such() -> None:
    for classes in (BRAIN, Classes(["background", "a"]), Classes(["background", "a", "b"])):
        logits = classes.background[:, None]
        assert classes.decide(classes.activate(logits)).tolist() == [0]


def test_probabilities_of_what_is_scored() -> None:
    maps = np.array([[0.5], [0.25], [0.125], [0.125]], np.float32)  # of a softmax, background first
    names = ["background", "necrosis", "oedema", "enhancing"]
    softmax, cell = Classes(names), Classes(["background", "cell"])
    united = Classes(names, {"TC": [1, 3]})
    assert softmax.scored_probabilities(maps) == {"necrosis": [0.25], "oedema": [0.125], "enhancing": [0.125]}
    assert united.scored_probabilities(maps) == {"TC": [0.375]}
    assert BRAIN.scored_probabilities(maps[:3]) == {"WT": [0.5], "TC": [0.25], "ET": [0.125]}
    assert cell.scored_probabilities(maps[:1]) == {"cell": [0.5]}

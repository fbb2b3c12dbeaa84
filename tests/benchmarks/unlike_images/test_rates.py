"""The page on unlike images says what the committed result says, and changes to images are what they are called."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks import familiar


def test_the_committed_page_is_made_of_the_committed_result() -> None:
    assert familiar.PAGE.read_text(encoding="utf-8") == familiar.page()


def test_changes() -> None:
    image = np.array([[[0, 10], [20, 30]]], np.uint8)
    assert familiar.half(image).tolist() == [[[0, 5], [10, 15]]]
    assert familiar.inverted(image).tolist() == [[[255, 245], [235, 225]]]
    assert familiar.scaled(2.0)(image).shape == (1, 4, 4)
    assert familiar.scaled(0.5)(image).tolist() == [[[15]]]
    assert familiar.half(image.astype(np.int16) - 5).size == 0
    assert familiar.reversed_channels(image).size == 0


def test_whole_patients_train_and_none_is_on_both_sides() -> None:
    groups = ["a", "a", "b", "b", "c", "c", "c"]
    random = np.random.default_rng(0)
    for _ in range(20):
        train, others = familiar.divided(groups, 3, random)
        assert sorted(train + others) == list(range(7))
        assert not {groups[i] for i in train} & {groups[i] for i in others}
        assert len(train) >= 2
    train, others = familiar.divided(["a"] * 5, 3, random)
    assert (len(train), len(others)) == (3, 2)

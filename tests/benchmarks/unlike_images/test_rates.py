"""Whole patients train, and what differs is reported."""

from __future__ import annotations

import numpy as np
from benchmarks.unlike_images.changes import CHANGES
from benchmarks.unlike_images.sets import Seen, seen

from benchmarks.unlike_images import rates


def test_whole_patients_train_and_none_is_on_both_sides() -> None:
    groups = ["a", "a", "b", "b", "c", "c", "c"]
    random = np.random.default_rng(0)
    for _ in range(20):
        train, others = rates.split(groups, 3, random)
        assert sorted(train + others) == list(range(7))
        assert not {groups[i] for i in train} & {groups[i] for i in others}
        assert len(train) >= 2
    train, others = rates.split(["a"] * 5, 3, random)
    assert (len(train), len(others)) == (3, 2)


def images(brightness: int) -> dict[str, list[Seen | None]]:
    random = np.random.default_rng(0)
    mask = np.zeros((32, 32), bool)
    mask[8:16, 8:16] = True
    cases = [
        (random.normal(brightness, 10, (1, 32, 32)).clip(0, 255).astype(np.uint8), mask, None, str(index))
        for index in range(8)
    ]
    return {name: [seen(case, change) for case in cases] for name, change in CHANGES.items()}


def test_bright_images_are_reported_after_training_on_dark_ones() -> None:
    of_sets = {"dark": images(60), "bright": images(200)}
    found = rates.measure("dark", of_sets, 5, splits=2)
    assert found["unchanged and changed"]["as they are"] == 0
    assert found["other sets"] == {"bright": 100}

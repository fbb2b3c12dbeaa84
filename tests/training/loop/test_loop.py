"""The epochs of a training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from isthmus import training

from ..watches import Steps


class Seeds(Steps):
    """Notes the seed of random numbers at every step."""

    def __init__(self) -> None:
        self.found: list[int] = []

    def step(self) -> None:
        self.found.append(torch.initial_seed())


def test_every_epoch_has_random_numbers_of_its_own(small: Any, tmp_path: Path) -> None:
    """Dropout would otherwise leave out the same values in every epoch."""
    watch = Seeds()
    training.train(small(training={"epochs": 2}), tmp_path / "run", watch=watch)
    assert len(watch.found) == 4  # two steps an epoch
    assert watch.found[0] == watch.found[1] != watch.found[2] == watch.found[3]

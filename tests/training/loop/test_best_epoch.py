"""Which epoch is the best, and when patience runs out."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from isthmus.training.loop.best_epoch import Progress, Scored

EPOCHS = [
    Scored(0.9, 0.5, 0.6, 0.3, 0.1),
    Scored(0.7, 0.8, 0.6, 0.2, 0.1),
    Scored(0.8, 0.8, 0.7, 0.1, 0.4),
    Scored(0.6, 0.7, 0.5, 0.2, 0.4),
]


@pytest.mark.parametrize(
    ("select", "best"), [("loss", 4), ("dice", 2), ("iou", 3), ("soft_iou", 1), ("objects", 3)]
)
def test_the_best_epoch_is_the_first_with_the_least_loss_or_the_highest_score(select: str, best: int) -> None:
    network, progress = nn.Linear(1, 1), Progress()
    for number, scored in enumerate(EPOCHS, start=1):
        progress.epoch = number
        with torch.no_grad():
            network.bias.fill_(number)
        assert progress.keep_if_better(scored, select, network) == (progress.best_epoch == number)
    assert (progress.which().epoch, progress.which().dice) == (best, EPOCHS[best - 1].dice)
    assert progress.best_state["bias"].item() == best  # a copy, as the network has changed since


def test_patience_counts_the_epochs_since_the_best() -> None:
    assert not Progress(epoch=9, best_epoch=6).out_of_patience(4)
    assert Progress(epoch=10, best_epoch=6).out_of_patience(4)
    assert not Progress(epoch=10, best_epoch=6).out_of_patience(None)
    assert not Progress().out_of_patience(0)

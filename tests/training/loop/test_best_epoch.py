"""Which epoch is the best, and when patience runs out."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from isthmus.runs.recipe.training import Training
from isthmus.training.loop.best_epoch import Progress, Scored, not_clearly_below

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
        assert progress.keep_if_better(scored, Training(select=select), network) == (
            progress.best_epoch == number
        )
    assert (progress.which().epoch, progress.which().dice) == (best, EPOCHS[best - 1].dice)
    assert progress.best_state["bias"].item() == best  # a copy, as the network has changed since


def kept(keep: str, *epochs: tuple[float, ...]) -> Progress:
    """Returns the progress after epochs whose cases have these Dice coefficients."""
    network, progress = nn.Linear(1, 1), Progress()
    for progress.epoch, cases in enumerate(epochs, start=1):
        with torch.no_grad():
            network.bias.fill_(progress.epoch)
        mean = sum(cases) / len(cases)
        progress.keep_if_better(Scored(1, mean, mean, mean, cases=cases), Training(keep=keep), network)
    assert progress.best_state["bias"].item() == progress.best_epoch
    assert (
        progress.best_dice
        == progress.best
        == pytest.approx(sum(epochs[progress.best_epoch - 1]) / len(cases))
    )
    return progress


def test_the_latest_epoch_is_kept_that_the_validation_cannot_tell_from_the_best() -> None:
    """Differences to the second epoch: in the third 0.3, 0, -0.1 (mean 0.07, standard error 0.12), in the fourth 0.3,
    0.3, 0.2 (mean 0.27, standard error 0.03)."""
    epochs = (0.5, 0.5, 0.5), (0.9, 0.8, 0.7), (0.6, 0.8, 0.8), (0.6, 0.5, 0.5)
    deviates = (
        0.6,
        0.7,
        0.7,
    )  # by 0.3, 0.1 and 0: more than the error of 0.09, less than the deviation of 0.15
    assert kept("latest", *epochs, deviates).best_epoch == 3
    near_the_third = (0.5, 0.7, 0.75)  # not clearly below what is kept, but below the highest
    assert kept("latest", *epochs[:3], near_the_third).best_epoch == 3
    assert kept("latest", *epochs).best_epoch == 3
    assert kept("best", *epochs).best_epoch == 2
    assert kept("latest", *epochs).top_epoch == 2  # by which patience runs out
    assert kept("latest", *epochs, (0.9, 0.9, 0.9)).best_epoch == 5


def test_one_case_cannot_tell_its_error_and_equal_scores_are_alike() -> None:
    assert kept("latest", (0.5,), (0.9,), (0.8,)).best_epoch == 2
    assert kept("latest", (0.0, 0.0), (0.0, 0.0)).best_epoch == 2
    assert kept("best", (0.0, 0.0), (0.0, 0.0)).best_epoch == 1
    assert not not_clearly_below((), ())


def test_a_checkpoint_of_an_earlier_version_goes_on_from_its_best_epoch() -> None:
    old = {"epoch": 3, "best_epoch": 2, "best": 0.8, "best_dice": 0.8, "best_state": {}, "history": []}
    progress = Progress(**old)
    progress.epoch = 4
    assert not progress.keep_if_better(Scored(1, 0.7, 0.7, 0.7), Training(), nn.Linear(1, 1))
    assert progress.out_of_patience(2)


def test_patience_counts_the_epochs_since_the_highest_score() -> None:
    assert not Progress(epoch=9, top_epoch=6).out_of_patience(4)
    assert Progress(epoch=10, best_epoch=9, top_epoch=6).out_of_patience(4)
    assert not Progress(epoch=10, top_epoch=6).out_of_patience(None)
    assert not Progress().out_of_patience(0)

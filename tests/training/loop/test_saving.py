"""Weights on disk that are ahead of the checkpoint stay until training has reached their epoch again."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from isthmus.runs.folder import Best, RunFolder
from isthmus.runs.recipe import make_recipe
from isthmus.training.loop.rate import Rate
from isthmus.training.loop.saving import Saving
from isthmus.training.loop.state import State


@pytest.mark.parametrize("goodness", [0.7, 0.9])
def test_later_weights_stay_until_their_epoch_is_reached_again(tmp_path: Path, goodness: float) -> None:
    """By ``training.keep=latest`` the later ones may have the lower score."""
    recipe, folder, network = make_recipe("default"), RunFolder(tmp_path), nn.Linear(1, 1)
    folder.save_network(recipe.network, network.state_dict(), Best(10, 0.8, goodness))
    rate = Rate(recipe.training, 1)
    state = State(network, network, None, torch.optim.SGD(network.parameters(), 0.1), rate)
    saving, progress = Saving(folder, recipe, state), state.progress
    for progress.epoch in (8, 10, 12):
        progress.best_epoch, progress.best, progress.best_dice = progress.epoch, 0.8, 0.5
        progress.best_state = dict(network.state_dict())
        saving.after_epoch(is_kept=True, stops=False)
        assert folder.best().epoch == max(10, progress.epoch)
    assert folder.best().goodness == 0.8

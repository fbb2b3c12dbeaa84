"""A checkpoint continues wherever the weights would be the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from isthmus.errors import IsthmusError
from isthmus.runs.folder import RunFolder
from isthmus.runs.recipe import Recipe, make_recipe
from isthmus.training.loop.rate import Rate
from isthmus.training.loop.state import State


def state(recipe: Recipe) -> State:
    network = nn.Linear(1, 1)
    return State(network, network, None, torch.optim.SGD(network.parameters(), 0.1), Rate(recipe.training, 1))


@pytest.mark.parametrize(
    ("change", "continues"),
    [
        ({"hardware": {"device": "cuda", "workers": 3, "cache_mb": 7}}, True),
        ({"data": {"source": "elsewhere", "root": "there"}}, True),
        ({"hardware": {"precision": "bfloat16"}}, False),
        ({"training": {"seed": 5}}, False),
    ],
)
def test_it_fits_a_recipe_that_differs_in_machine_and_place_alone(
    tmp_path: Path, change: dict[str, Any], continues: bool
) -> None:
    recipe, other = make_recipe("default"), make_recipe("default", change)
    folder = RunFolder(tmp_path)
    first, second = state(recipe), state(recipe)
    first.save(folder, recipe)
    if continues:
        second.restore(folder, other)
        assert torch.equal(second.network.weight, first.network.weight)
    else:
        with pytest.raises(IsthmusError, match="was written with another recipe"):
            second.restore(folder, other)

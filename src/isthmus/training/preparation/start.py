"""Training that starts from a trained network: which recipe it takes over, and which weights."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from isthmus.errors import IsthmusError
from isthmus.files import sha256
from isthmus.runs.recipe import Recipe
from isthmus.runs.trained import trained_run, weights_of

BY_THE_DATA = ("in_channels", "classes", "spatial_dims")
"""Options of a network that the data decides."""

HEADED = "network."
"""What the names of weights begin with in a network that was given heads."""


def values_of(start: str) -> dict[str, dict[str, Any]]:
    """Returns the recipe values that a training takes over from the run it starts from: network, losses of the heads,
    normalisation and patches, and whether it numbers objects; and those that suit few images.

    Raises:
        IsthmusError: no such run.
    """
    recipe = trained_run(start).recipe()
    network, given = recipe.network, recipe.input
    options = {name: value for name, value in network.options.items() if name not in BY_THE_DATA}
    sections: dict[str, dict[str, Any]] = {
        "data": {"instances": recipe.data.instances},
        "network": {
            "model": network.model,
            "version": network.version,
            "options": options,
            "depth": None,
            "heads": network.heads,
            "start": start,
        },
        "objective": {
            "heads": {name: losses for name, losses in recipe.objective.heads.items() if name != "logits"}
        },
        "input": {key: getattr(given, key) for key in ("normalise", "patch", "resize", "slices", "spacing")},
        "training": {
            "learning_rate": recipe.training.learning_rate / 3,
            "augment": "light",
            "keep": "latest",
        },
    }
    if recipe.data.channels is not None:
        sections["data"]["channels"] = recipe.data.channels
    return sections


def with_start(recipe: Recipe) -> Recipe:
    """Returns a recipe that names the weights it starts from by their hash.

    Raises:
        IsthmusError: no such run, or other weights than those the run began with.
    """
    network = recipe.network
    if network.start is None:
        return recipe
    found = sha256(weights_of(network.start))
    if network.start_weights not in (None, found):
        raise IsthmusError(
            f"network.start: the weights of {network.start} are not those that this run began with; train a new run"
        )
    return recipe.model_copy(update={"network": network.model_copy(update={"start_weights": found})})


def start_from(network: nn.Module, start: str) -> list[str]:
    """Gives a network the weights of a trained one, and returns the names of those that stay as they are.

    A tensor of another number of maps takes those that both have. A first layer for fewer channels takes the sum over
    the channels, and one for more channels the mean, so that grey images give what grey pictures in colour gave.

    Raises:
        IsthmusError: the networks have nothing in common.
    """
    given, own = trained_run(start).load_network().state_dict(), network.state_dict()
    state = {name.removeprefix(HEADED): value for name, value in given.items()}
    left = []
    for name, value in own.items():
        found = state.get(name.removeprefix(HEADED))
        fitted = None if found is None else _fitted(found, value)
        if fitted is None:
            left.append(name)
        else:
            own[name] = fitted
    if len(left) == len(own):
        raise IsthmusError(
            f"network.start: {start} is another network, none of its weights fit; leave network.model and its options "
            "to the run that training starts from"
        )
    network.load_state_dict(own)
    return left


def _fitted(given: Tensor, own: Tensor) -> Tensor | None:
    """Returns a trained tensor in the shape of a new one; None if they differ in more than maps or channels."""
    if given.shape == own.shape:
        return given
    if given.ndim != own.ndim or given.shape[2:] != own.shape[2:]:
        return None
    if given.ndim > 1 and given.shape[0] == own.shape[0] and 1 in (given.shape[1], own.shape[1]):
        many = given.shape[1] > 1
        mixed = given.sum(1, keepdim=True) if many else given / own.shape[1]
        return mixed.expand_as(own).clone()
    if given.shape[1:] != own.shape[1:]:
        return None
    maps = min(len(given), len(own))
    return torch.cat([given[:maps], own[maps:]])

"""Makes the network of a recipe, and describes it."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from isthmus.data.sampling.spacing import spacing_text
from isthmus.errors import IsthmusError, counted
from isthmus.inference.settings import settled_spacing
from isthmus.networks import count_parameters, initialise
from isthmus.networks.blocks.heads import build
from isthmus.runs.recipe import Recipe
from isthmus.training.preparation.prepared import Prepared


def make_network(recipe: Recipe) -> nn.Module:
    """Returns the network of a resolved recipe with its first random weights.

    Raises:
        IsthmusError: unknown options, or a size of its input that it cannot halve often enough.
    """
    given = recipe.network
    network = build(given.model, given.heads or (), version=given.version, **given.options)
    _check_size(recipe, network)
    return initialise(network, recipe.network.initialisation, seed=recipe.training.seed)


def _check_size(recipe: Recipe, network: nn.Module) -> None:
    """Raises an error if the size of training batches is not divisible by the network's divisor."""
    divisor = int(getattr(network, "divisor", 1))
    key, size = "input.resize", recipe.input.resize or ()
    if recipe.roi:
        key, size = "roi.size", recipe.roi.size
    elif recipe.input.patch:
        key, size = "input.patch", recipe.input.patch
    if any(side % divisor for side in size):
        nearest = tuple(max(1, round(side / divisor)) * divisor for side in size)
        raise IsthmusError(
            f"{key}: {sides(size)} is not divisible by {divisor}; the nearest size that is: {sides(nearest)}"
        )


def summary(prepared: Prepared, network: nn.Module) -> str:
    """Returns one line on the network, the number of cases, the input and the hardware."""
    recipe, split, given = prepared.recipe, prepared.split, prepared.recipe.input
    if recipe.roi:
        scale = f"regions of {sides(recipe.roi.size)}"
    elif given.resize:
        scale = f"resized to {sides(given.resize)}"
    else:
        scale = f"patches of {sides(given.patch or ())}"
    if spacing := settled_spacing(given):
        scale += f" at {spacing_text(spacing)}"
    if given.slices:
        scale += f", {given.slices} slices as channels"
    cases = f"{counted(len(split.train), 'case')} to train on, {len(split.validation)} held out"
    hardware = f"{recipe.hardware.device}, {recipe.hardware.precision}"
    return f"{recipe.network.model}, {count_parameters(network):,} parameters; {cases}; {scale}; {hardware}"


def sides(size: Sequence[int]) -> str:
    """Returns a size as text.

    >>> sides((64, 48))
    '64x48'
    """
    return "x".join(map(str, size))

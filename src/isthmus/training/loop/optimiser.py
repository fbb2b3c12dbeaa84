"""Makes the optimiser that a recipe names."""

from __future__ import annotations

import torch
from torch import nn

from isthmus.runs.recipe import Training


def make_optimiser(network: nn.Module, recipe: Training, *, fused: bool) -> torch.optim.Optimizer:
    """Returns an optimiser of all weights of a network.

    Adam (Kingma and Ba 2015, arXiv:1412.6980), AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101), SGD with
    momentum, RMSprop. ``weight_decay`` is decoupled from the gradient in AdamW alone: HMEDN's term beta times the
    squared weights is the other form (III-E, equation 6).

    Args:
        network: the network to optimise.
        recipe: names the optimiser and its parameters.
        fused: whether to update all weights in one kernel where the optimiser can.
    """
    weights = network.parameters()
    rate, decay, momentum = recipe.learning_rate, recipe.weight_decay, recipe.momentum
    if recipe.optimiser == "sgd":
        return torch.optim.SGD(weights, lr=rate, momentum=momentum, weight_decay=decay, fused=fused)
    if recipe.optimiser == "rmsprop":
        return torch.optim.RMSprop(
            weights, lr=rate, momentum=momentum, weight_decay=decay, eps=recipe.epsilon
        )
    kind = torch.optim.AdamW if recipe.optimiser == "adamw" else torch.optim.Adam
    betas = (momentum, 0.999)
    return kind(weights, lr=rate, betas=betas, weight_decay=decay, eps=recipe.epsilon, fused=fused)

"""Keeps a running mean of a network's weights, which is scored and saved instead of the last weights."""

from __future__ import annotations

import copy

import torch
from torch import nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

RAMP = 10
"""Number of steps in which the mean forgets faster, so that it loses the first random weights."""


class Average:
    """The exponential moving average of the weights and of the statistics of normalisation layers.

    After step t the mean m becomes ``m + (1 - d) (w - m)`` with ``d = min(decay, (1 + t) / (10 + t))`` (Polyak and
    Juditsky 1992, doi:10.1137/0330046; the ramp as in Tarvainen and Valpola 2017, arXiv:1703.01780).

    Args:
        network: the network that is trained; it is not changed.
        decay: share of the mean that stays at each step; with 0 the mean is the weights themselves.

    >>> weights = nn.Linear(1, 1, bias=False)
    >>> average = Average(weights, decay=0.5)
    >>> _ = nn.init.constant_(average.network.weight, 0.0), nn.init.constant_(weights.weight, 1.0)
    >>> average.update(weights, step=1000)
    >>> float(average.network.weight)
    0.5
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.network = copy.deepcopy(network).eval().requires_grad_(False)

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Updates the mean with the weights after a step, which is counted from 0."""
        decay = min(self.decay, (1 + step) / (RAMP + step))
        pairs = list(zip(self.network.state_dict().values(), network.state_dict().values(), strict=True))
        real = [(mean, new) for mean, new in pairs if mean.is_floating_point()]
        update = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
        update([mean for mean, _ in real], [new for _, new in real], step)
        for mean, new in pairs:
            if not mean.is_floating_point():
                mean.copy_(new)

"""Takes the statistics of batch normalisation anew from training samples, for the network that is scored.

The running means forget slowly, so after few steps they belong to weights of long ago (Wu and Johnson 2021, Rethinking
"batch" in BatchNorm, section 3, arXiv:2105.07576, who call the statistics taken anew precise).
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import cast

import torch
from torch import Tensor, nn

BatchNorm = nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d | nn.SyncBatchNorm

SAMPLES = 200
"""Most samples that statistics are taken from, each of many pixels, so that long epochs take little longer."""

LEFT = 0.001
"""Share of their first values (a variance of 1) that running means may hold when training ends: of images from 0 to 1
the first layer makes variances below 0.001 (docs/results/running-means.md)."""


def batch_norms(network: nn.Module) -> list[BatchNorm]:
    """Returns the layers of a network that keep running statistics of batches."""
    return [m for m in network.modules() if isinstance(m, BatchNorm) and m.track_running_stats]


def remark(network: nn.Module, name: str, statistics: str, steps: int) -> str:
    """Returns a line to tell the user of a choice of statistics that changes nothing, or will lag; else "".

    Args:
        network: the network.
        name: its name.
        statistics: ``"running"`` or ``"precise"``.
        steps: number of steps in all epochs together.

    >>> remark(nn.Sequential(nn.BatchNorm2d(1)), "mine", "running", steps=100)
    ''
    """
    norms = batch_norms(network)
    if statistics == "precise":
        nothing = f"{name} has no batch normalisation, so training.batch_statistics=precise changes nothing"
        return "" if norms else f"note: {nothing}"
    left = max(((1 - (norm.momentum or 1.0)) ** steps for norm in norms), default=0.0)
    if left < LEFT:
        return ""
    return (
        f"note: after {steps} steps the running means of {name} still hold {left:.1%} of their first values, so scores "
        "lag behind the weights; training.batch_statistics=precise takes them anew"
    )


def sharing_weights(network: nn.Module) -> nn.Module:
    """Returns a copy with the same weights, which later steps change too, and statistics of its own.

    >>> network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    >>> other = sharing_weights(network)
    >>> other[0].weight is network[0].weight, other[1].running_mean is network[1].running_mean
    (True, False)
    """
    return copy.deepcopy(network, {id(weight): weight for weight in network.parameters()}).eval()


@torch.no_grad()
def take_anew(network: nn.Module, batches: Iterable[Tensor]) -> None:
    """Replaces the running statistics of every batch normalisation by mean and variance over all batches together.

    A layer reads what the layers before it make of a batch that is normalised by its own statistics, as in training;
    everything else computes as in prediction, so there is no dropout. With n_b values of a channel in batch b, of mean
    m_b and variance v_b, the mean is m = sum(n_b m_b) / n and the variance sum(n_b (v_b + (m_b - m)^2)) / n.

    Args:
        network: the network, in evaluation; it stays so.
        batches: ``(N, channels, *spatial)`` each, as the network takes them.

    >>> norm = nn.BatchNorm2d(1).eval()
    >>> take_anew(norm, [torch.tensor([1.0, 3.0]).view(2, 1, 1, 1), torch.tensor([8.0, 8.0]).view(2, 1, 1, 1)])
    >>> norm.running_mean.tolist(), norm.running_var.tolist()
    ([5.0], [9.5])
    """
    taken = [_Taken(norm) for norm in batch_norms(network)]
    try:
        for batch in batches:
            network(batch)
    finally:
        for each in taken:
            each.close()


class _Taken:
    """The statistics of one layer over the batches that pass it."""

    def __init__(self, norm: BatchNorm) -> None:
        norm.reset_running_stats()
        self.norm, self.momentum = norm, norm.momentum
        self.kept = cast(Tensor, norm.running_mean), cast(Tensor, norm.running_var)
        norm.momentum = 1.0  # after each batch the layer holds the statistics of that batch
        norm.train()
        self.count, self.mean, self.squares = 0, torch.zeros(()), torch.zeros(())
        self.hook = norm.register_forward_hook(self._add)

    def _add(self, _: nn.Module, inputs: tuple[Tensor, ...], __: Tensor) -> None:
        count = inputs[0].numel() // inputs[0].shape[1]
        mean, variance = (one.cpu().double() for one in self.kept)  # the variance with division by count - 1
        total, shift = self.count + count, mean - self.mean
        self.squares = self.squares + variance * (count - 1) + shift**2 * (self.count * count / total)
        self.mean = self.mean + shift * (count / total)
        self.count = total

    def close(self) -> None:
        """Gives the layer the statistics of all batches, and leaves it as it was otherwise."""
        self.hook.remove()
        self.norm.momentum = self.momentum
        self.norm.eval()
        if self.count:
            for kept, found in zip(self.kept, (self.mean, self.squares / self.count), strict=True):
                kept.copy_(found)

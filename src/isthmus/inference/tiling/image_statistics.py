"""Normalises the tiles of an image by the statistics of the whole image.

Instance normalisation uses the statistics of each tile, so neighbouring tiles never quite agree. Here a first pass sees
all tiles once, with next to no overlap, and sums up what each layer sees; then every tile is normalised by these sums.
The network no longer computes statistics, so tiles have no seams and need no overlap. In the first pass deeper layers
see what was normalised tile by tile, so the sums are close to, but not exactly, those of the image in one piece.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isthmus.networks.kernels.instance_norm import InstanceNorm


@contextmanager
def of_image(networks: Sequence[nn.Module], look: Callable[[], None]) -> Iterator[None]:
    """Makes networks normalise, within the context, by the statistics of everything they see during ``look``.

    Args:
        networks: are changed in place, and restored afterwards.
        look: runs them over the whole image once.
    """
    places = [place for network in networks for place in _places(network)]
    sums = [_Sums() for _ in places]
    hooks = [
        place.layer.register_forward_pre_hook(total.add) for place, total in zip(places, sums, strict=True)
    ]
    try:
        look()
    finally:
        for hook in hooks:
            hook.remove()
    try:
        for place, total in zip(places, sums, strict=True):
            if total.count:  # a layer that saw nothing does not run in prediction
                place.put(_Fixed(place.layer, *total.statistics()))
        yield
    finally:
        for place in places:
            place.put(place.layer)


def without(network: nn.Module) -> nn.Module:
    """Returns a copy without normalisation, which sees no further than its convolutions do."""
    network = copy.deepcopy(network)
    for place in _places(network):
        place.put(nn.Identity())
    return network


def any_of_image(network: nn.Module) -> bool:
    """Returns whether a network has layers that `of_image` changes."""
    return any(isinstance(module, InstanceNorm) for module in network.modules())


@dataclass(frozen=True)
class _Place:
    """A layer, and where it stands in its network."""

    parent: nn.Module
    name: str
    layer: InstanceNorm

    def put(self, module: nn.Module) -> None:
        setattr(self.parent, self.name, module)


def _places(network: nn.Module) -> list[_Place]:
    return [
        _Place(parent, name, child)
        for parent in network.modules()
        for name, child in parent.named_children()
        if isinstance(child, InstanceNorm)
    ]


class _Sums:
    """Sums of the numbers of every channel and of their squares, in float64."""

    def __init__(self) -> None:
        self.count = 0
        self.device = torch.device("cpu")
        self.first: Tensor | float = 0.0
        self.second: Tensor | float = 0.0

    def add(self, layer: nn.Module, inputs: tuple[Any, ...]) -> None:  # noqa: ARG002
        x = cast(Tensor, inputs[0]).movedim(1, -1).flatten(0, -2)
        found = torch.var_mean(x.float(), dim=0, correction=0)
        variance, mean = (one.cpu().double() for one in found)  # not every device has float64
        self.device = x.device
        self.count += len(x)
        self.first = self.first + len(x) * mean
        self.second = self.second + len(x) * (variance + mean.square())

    def statistics(self) -> tuple[Tensor, Tensor]:
        """Returns mean and variance of every channel, float32 ``(channels,)`` each."""
        mean = cast(Tensor, self.first) / self.count
        variance = cast(Tensor, self.second) / self.count - mean.square()
        return mean.float().to(self.device), variance.clamp(min=0).float().to(self.device)


class _Fixed(nn.Module):
    """Instance normalisation by given statistics."""

    def __init__(self, layer: InstanceNorm, mean: Tensor, variance: Tensor) -> None:
        super().__init__()
        self.layer, self.mean, self.variance = layer, mean, variance

    def forward(self, x: Tensor) -> Tensor:
        layer = self.layer
        return F.batch_norm(x, self.mean, self.variance, layer.weight, layer.bias, False, 0.0, layer.eps)

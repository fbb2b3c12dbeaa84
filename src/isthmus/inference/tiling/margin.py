"""Finds how far from a cut side a network's output depends on what lies beyond it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from isthmus.networks.description.receptive_field import output_spans

LENGTH = 2304
"""Pixels of the axis that is examined: 256 x 9, a multiple of every divisor that networks have."""


def margin(network: nn.Module) -> int | None:
    """Returns the pixels along a cut side in which any head of a network may differ from its output on the whole image;
    further inside, tiles that begin at multiples of its divisor give the same output.

    The margin is half the receptive field where that is the same on both sides. Networks whose pooling grid matters
    reach further on one side, and that side counts.

    Returns:
        None if there is no such number: for networks that look at the whole image (instance normalisation, a mean
        over it), whose grid is not that of their divisor, or that see further than 700 pixels, and for modules that do
        not state their input.

    >>> from isthmus.networks import create_model
    >>> margin(create_model("unet", depth=2)), margin(create_model("unet_instance", depth=2))
    (9, None)
    """
    divisor = getattr(network, "divisor", None)
    if divisor is None or not hasattr(network, "spatial_dims") or not hasattr(network, "in_channels"):
        return None
    try:
        spans, mixes = output_spans(_AllHeads(network), LENGTH)
    except NotImplementedError:
        return None
    if mixes or spans.shape[1] != LENGTH:
        return None
    middle = torch.arange(LENGTH // 3, 2 * LENGTH // 3)
    low, high = spans[:, LENGTH // 3 : 2 * LENGTH // 3] - middle
    if int((low + middle).min()) <= 0 or int((high + middle).max()) >= LENGTH - 1:
        return None
    if any(bool((side[divisor:] != side[:-divisor]).any()) for side in (low, high)):
        return None
    return max(0, int(-low.min()), int(high.max()))


class _AllHeads(nn.Module):
    """A network whose heads are concatenated."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.spatial_dims, self.in_channels = network.spatial_dims, network.in_channels
        self.train(network.training)

    def forward(self, image: Tensor) -> Tensor:
        out = self.network(image)
        return torch.cat(list(out.values()), 1) if isinstance(out, dict) else out

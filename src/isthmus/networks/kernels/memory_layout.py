"""The order in which the numbers of a batch or of weights lie in memory."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from isthmus.networks.kernels.switch import enabled


def channels_last(x: Tensor) -> torch.memory_format:
    """Returns the layout for this number of axes in which the channels of a pixel lie together."""
    return torch.channels_last if x.ndim == 4 else torch.channels_last_3d


def memory_layout(x: Tensor) -> torch.memory_format:
    """Returns channels-last for a tensor that has this layout and no other, else contiguous."""
    last = channels_last(x)
    return last if x.is_contiguous(memory_format=last) and not x.is_contiguous() else torch.contiguous_format


def is_ambiguous(x: Tensor) -> bool:
    """Returns whether a tensor has both layouts at once, as one of a single channel or a single pixel has."""
    return x.is_contiguous() and x.is_contiguous(memory_format=channels_last(x))


def strides_last(x: Tensor) -> bool:
    """Returns whether the framework's kernels treat a tensor as channels-last; if ambiguous, its strides decide.

    >>> weight = torch.empty(8, 5, 1, 1)
    >>> strides_last(weight), strides_last(torch.empty(8, 5, 1, 1, memory_format=torch.channels_last))
    (False, True)
    """
    if not is_ambiguous(x):
        return memory_layout(x) != torch.contiguous_format
    return x.stride() != torch.empty(x.shape, device="meta").stride()


def in_layout(x: Tensor, layout: torch.memory_format) -> Tensor:
    """Returns a batch ``(N, channels, *spatial)`` in a layout, with strides that say so.

    A batch of one channel has both layouts, and a convolution of kernel 1 treats it as contiguous; adding its result to
    channels-last maps is then many times slower. Here such a batch gets the strides of channels-last.
    """
    if layout == torch.contiguous_format:
        return x
    return x[:, 0].unsqueeze(-1).movedim(-1, 1) if x.shape[1] == 1 else x.contiguous(memory_format=layout)


def in_layout_of_weights(x: Tensor, network: nn.Module) -> Tensor:
    """Returns a batch in the memory layout of a network's weights; the plain equivalent is the batch as it is."""
    return in_layout(x, _layout_of_weights(network, x.ndim)) if enabled() and not x.is_meta else x


def _layout_of_weights(network: nn.Module, ndim: int) -> torch.memory_format:
    """Returns the memory layout of the first weight with ``ndim`` axes whose layout is unambiguous."""
    for weight in network.parameters():
        if weight.ndim == ndim and not is_ambiguous(weight):
            return memory_layout(weight)
    return torch.contiguous_format

"""How the numbers of batches and kernels lie in memory."""

from __future__ import annotations

import torch
from torch import Tensor


def channels_last(x: Tensor) -> torch.memory_format:
    """The layout in which a pixel's channels lie together, by the number of axes."""
    return torch.channels_last if x.ndim == 4 else torch.channels_last_3d


def memory_layout(x: Tensor) -> torch.memory_format:
    """Channels last where the batch lies so in memory, else contiguous."""
    last = channels_last(x)
    return last if x.is_contiguous(memory_format=last) and not x.is_contiguous() else torch.contiguous_format


def is_ambiguous(x: Tensor) -> bool:
    """Whether the order of a batch's or kernel's numbers in memory is that of both layouts: one channel or pixel."""
    return x.is_contiguous() and x.is_contiguous(memory_format=channels_last(x))


def strides_last(x: Tensor) -> bool:
    """Whether the framework's kernels take a tensor for channels-last, by strides alone where the order says nothing.

    >>> weight = torch.empty(8, 5, 1, 1)
    >>> strides_last(weight), strides_last(torch.empty(8, 5, 1, 1, memory_format=torch.channels_last))
    (False, True)
    """
    if not is_ambiguous(x):
        return memory_layout(x) != torch.contiguous_format
    return x.stride() != torch.empty(x.shape, device="meta").stride()


def in_layout(x: Tensor, layout: torch.memory_format) -> Tensor:
    """The batch in a layout, and so that one of a single channel counts as channels-last.

    Of such a batch both layouts are the same; a convolution of kernel 1 then takes it for contiguous, and what it makes
    is added to channels-last maps many times more slowly.
    """
    if layout == torch.contiguous_format:
        return x
    return x[:, 0].unsqueeze(-1).movedim(-1, 1) if x.shape[1] == 1 else x.contiguous(memory_format=layout)

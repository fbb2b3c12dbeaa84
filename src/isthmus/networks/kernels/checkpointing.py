"""Activation checkpointing: parts of a network are computed again in the backward pass instead of kept in memory.

Chen et al.: Training deep nets with sublinear memory cost. arXiv:1604.06174 (2016).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

from isthmus.networks.kernels.switch import is_plain


def checkpointed(owner: nn.Module, part: Callable[..., Any], *inputs: Any) -> Any:
    """Returns ``part(*inputs)``; in training with ``owner.checkpoint`` the backward pass keeps the inputs only.

    Gradients are the same bit for bit, and so are the running statistics of batch normalisation, which the second
    computation leaves alone. Dropout draws the same mask twice. The plain equivalent keeps everything.

    Args:
        owner: the module that ``part`` belongs to.
        part: a module or a function of tensors that does not change its inputs in place.
        inputs: its arguments.
    """
    wanted = getattr(owner, "checkpoint", False) and owner.training and torch.is_grad_enabled()
    if not wanted or is_plain():
        return part(*inputs)
    if torch.compiler.is_compiling():  # the compiler moves the updates of statistics out by itself
        return checkpoint(part, *inputs, use_reentrant=False)
    return checkpoint(
        part, *inputs, use_reentrant=False, context_fn=lambda: (nullcontext(), _FrozenStatistics(owner))
    )


class _FrozenStatistics:
    """Keeps batch normalisation from updating its running statistics and counting the batch; can be re-entered."""

    def __init__(self, owner: nn.Module) -> None:
        self.owner = owner
        self.before: list[tuple[_BatchNorm, Any, Any]] = []

    def __enter__(self) -> None:
        norms = [m for m in self.owner.modules() if isinstance(m, _BatchNorm) and m.track_running_stats]
        self.before = [(norm, norm.momentum, norm.num_batches_tracked) for norm in norms]
        for norm in norms:
            if norm.momentum is not None:
                norm.momentum = 0.0  # without a momentum and a count nothing is added either
            norm.num_batches_tracked = None

    def __exit__(self, *_: object) -> None:
        for norm, momentum, batches in self.before:
            norm.momentum, norm.num_batches_tracked = momentum, batches

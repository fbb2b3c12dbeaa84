"""Activation checkpointing: parts of a network computed again in the backward pass instead of kept in memory.

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


def run(owner: nn.Module, part: Callable[..., Any], *inputs: Any) -> Any:
    """``part(*inputs)``; in training, with ``owner.checkpoint``, only the inputs are kept for backward.

    Gradients are the same, and so are the running statistics of batch normalisation: the second computation
    leaves them alone. Dropout draws the same mask twice.

    Args:
        owner: the module that ``part`` belongs to.
        part: a module or function of tensors; it must not change its inputs in place.
    """
    wanted = getattr(owner, "checkpoint", False) and owner.training and torch.is_grad_enabled()
    if not wanted:
        return part(*inputs)
    if torch.compiler.is_compiling():  # the compiler moves the updates of statistics out by itself
        return checkpoint(part, *inputs, use_reentrant=False)
    return checkpoint(
        part, *inputs, use_reentrant=False, context_fn=lambda: (nullcontext(), _StatisticsKept(owner))
    )


class _StatisticsKept:
    """Batch normalisation adds nothing to its running statistics and does not count the batch; may be entered again."""

    def __init__(self, owner: nn.Module) -> None:
        self.owner = owner
        self.before: list[tuple[_BatchNorm, Any, Any]] = []

    def __enter__(self) -> None:
        recording = [m for m in self.owner.modules() if isinstance(m, _BatchNorm) and m.track_running_stats]
        self.before = [(module, module.momentum, module.num_batches_tracked) for module in recording]
        for module in recording:
            if module.momentum is not None:
                module.momentum = 0.0  # without one and without a count nothing is added either
            module.num_batches_tracked = None

    def __exit__(self, *_: object) -> None:
        for module, momentum, batches in self.before:
            module.momentum, module.num_batches_tracked = momentum, batches

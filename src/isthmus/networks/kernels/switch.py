"""Whether a network runs as it is written: compilers, tracing and transforms of functions need plain layers."""

from __future__ import annotations

import torch


def eager() -> bool:
    """Whether operations are done one after another, as they are called."""
    return not (
        torch.compiler.is_compiling()
        or torch._C._get_tracing_state() is not None
        or torch._C._are_functorch_transforms_active()
    )


def by_autograd() -> bool:
    """Whether gradients will be wanted, of autograd alone."""
    return torch.is_grad_enabled() and eager()

"""The switch that turns every fast kernel off.

Each kernel in this folder stands beside its plain equivalent, which consists of the framework's own layers and
functions. Results agree to rounding, so the switch serves to read a network as its paper has it, to find out whether a
kernel is to blame for something, and to test the kernels.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

VARIABLE = "ISTHMUS_PLAIN"
"""Environment variable that turns the kernels off for a whole process, unless it is empty or 0."""

_is_plain = os.environ.get(VARIABLE, "") not in ("", "0")


def is_plain() -> bool:
    """Returns whether the kernels are switched off."""
    return _is_plain


@contextmanager
def plain(wanted: bool = True) -> Iterator[None]:
    """Switches all fast kernels off, or on again with ``wanted=False``, for this process while it is active.

    A backward pass uses the kernels of its forward pass. A predictor copies its networks when it is made, so make it
    within the context.

    >>> with plain():
    ...     is_plain()
    True
    """
    global _is_plain
    before, _is_plain = _is_plain, wanted
    try:
        yield
    finally:
        _is_plain = before


def enabled() -> bool:
    """Returns whether kernels may run: they are on, and no compiler, tracing or functional transform runs.

    All three of these need plain layers.
    """
    return not (
        torch.compiler.is_compiling()
        or _is_plain
        or torch._C._get_tracing_state() is not None
        or torch._C._are_functorch_transforms_active()
    )


def enabled_for_gradients() -> bool:
    """Returns whether kernels may run and autograd records what they do."""
    return torch.is_grad_enabled() and enabled()

"""What the graph of a backward pass holds."""

from __future__ import annotations

import gc
import weakref

from torch import Tensor, nn


def lets_go(part: nn.Module, x: Tensor, backward: bool) -> bool:
    """Whether a part's input is freed after its backward pass or with its loss, without cyclic garbage collection."""
    gc.collect()
    gc.disable()
    try:
        inner = x * 1
        alive = weakref.ref(inner)
        loss = part(inner).sum()
        del inner
        assert alive() is not None
        if backward:
            loss.backward()
        del loss
        return alive() is None
    finally:
        gc.enable()

"""Losses: logits and labels in, one number out."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from isthmus.errors import IsthmusError, nearest

Loss = Callable[[Tensor, Tensor], Tensor]


def binary_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Binary cross-entropy with logits, averaged over all pixels.

    -[y log s(x) + (1 - y) log(1 - s(x))] with s the logistic function (MILDNet, equation 3; MultiResUNet, equations
    2-3, which sum over pixels where their code averages).

    Args:
        logits: ``(N, 1, *spatial)``, any floating type; computed in float32 or better.
        labels: ``(N, *spatial)``, integers; every value above 0 is foreground.

    >>> round(float(binary_cross_entropy(torch.zeros(1, 1, 2, 2), torch.ones(1, 2, 2))), 4)
    0.6931
    """
    logits = logits[:, 0]
    wide = torch.promote_types(logits.dtype, torch.float32)
    return F.binary_cross_entropy_with_logits(logits.to(wide), (labels > 0).to(wide))


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of a softmax over the classes, averaged over all pixels (Sharp U-Net, equation 3).

    Args:
        logits: ``(N, K, *spatial)``, any floating type; computed in float32 or better.
        labels: ``(N, *spatial)``, class indices from 0 to K - 1.

    >>> round(float(cross_entropy(torch.zeros(1, 4, 2, 2), torch.ones(1, 2, 2))), 4)
    1.3863
    """
    wide = torch.promote_types(logits.dtype, torch.float32)
    return F.cross_entropy(logits.to(wide), labels.long())


LOSSES: dict[str, Loss] = {"bce": binary_cross_entropy, "ce": cross_entropy}


def make_loss(name: str) -> Loss:
    """A loss by its name in the recipe."""
    if name not in LOSSES:
        raise IsthmusError(f"unknown loss '{name}': {nearest(name, LOSSES)}")
    return LOSSES[name]

"""Three kinds of output, told apart by the shapes of logits and target.

- **binary**: logits `(N, 1, *spatial)`, target `(N, *spatial)`; a sigmoid, every value above 0 is foreground;
- **softmax**: logits `(N, K, *spatial)` with K from 2, background included, target `(N, *spatial)` of class indices;
- **multilabel**: logits and target `(N, K, *spatial)`; K sigmoids, every value above 0 is foreground.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def widen(logits: Tensor) -> Tensor:
    """In float32 at least; float64 stays."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


def is_multilabel(logits: Tensor, target: Tensor) -> bool:
    """Whether each map is a class by itself.

    Raises:
        ValueError: when the shapes fit none of the three kinds.
    """
    if logits.shape == target.shape:
        return True
    if logits.ndim < 3 or logits.shape[:1] + logits.shape[2:] != target.shape:
        raise ValueError(
            f"logits {tuple(logits.shape)} and target {tuple(target.shape)}: expected a target (N, *spatial) of "
            "labels, or one of the shape of the logits"
        )
    return False


def surprise(logits: Tensor, target: Tensor) -> Tensor:
    """-log p of what is true, `(N, *spatial)`; multilabel `(N, K, *spatial)`."""
    logits = widen(logits)
    if is_multilabel(logits, target):
        return F.binary_cross_entropy_with_logits(logits, (target > 0).to(logits.dtype), reduction="none")
    if logits.shape[1] == 1:
        logits = logits[:, 0]
        return F.binary_cross_entropy_with_logits(logits, (target > 0).to(logits.dtype), reduction="none")
    return F.cross_entropy(logits, target.long(), reduction="none")


def foreground(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Probability and truth (0 or 1) of every foreground class, each `(N, C, *spatial)` in float32 or better.

    C is 1 (binary), K - 1 (softmax) or K (multilabel).
    """
    logits = widen(logits)
    if is_multilabel(logits, target):
        return logits.sigmoid(), (target > 0).to(logits.dtype)
    if logits.shape[1] == 1:
        return logits.sigmoid(), (target > 0).to(logits.dtype)[:, None]
    classes = torch.arange(1, logits.shape[1], device=target.device)
    classes = classes.view(-1, *[1] * (target.ndim - 1))
    return logits.softmax(1)[:, 1:], (target[:, None] == classes).to(logits.dtype)


def weighted_mean(values: Tensor, weights: Tensor) -> Tensor:
    """(1/N) sum of weight · value, N the number of values; weights `(N, *spatial)` serve all maps of a pixel."""
    if weights.ndim < values.ndim:
        weights = weights[:, None]
    return (values * weights.to(values.dtype)).mean()

"""Overlap losses: one minus the overlap of predicted and true masks.

Soft counts are taken over the whole batch for each foreground class, and the loss is the mean over these classes. With
p and y the probability and the truth (0 or 1) of a class at a pixel,

    TP = sum of p y,   FP = sum of p (1 - y),   FN = sum of (1 - p) y.

`smooth` is added to the numerator and the denominator, so that **a class absent from the batch** has an overlap too:
smooth / (smooth + predicted pixels, weighted). This is 1 (no loss) if nothing of the class is predicted, and the more
is predicted the nearer it is to 0. A batch of background alone is treated in the same way. Pixels whose target is the
label `ignore` are not counted. `isthmus.objectives.outputs.fitting` defines the errors.
"""

from __future__ import annotations

import torch
from torch import Tensor

from isthmus.objectives.outputs import fitting, foreground


def soft_dice(logits: Tensor, target: Tensor, smooth: float = 1.0, *, ignore: int | None = None) -> Tensor:
    """1 - (2 TP + smooth) / (2 TP + FP + FN + smooth): one minus soft Dice (Milletari et al. 2016).

    DOI 10.1109/3DV.2016.79, where the denominator has squares, which later usage leaves out.

    Args:
        logits: logits of any of the three kinds, see `isthmus.objectives.outputs`.
        target: labels, or masks of a multilabel network.
        smooth: pixels added to the numerator and the denominator.

    >>> round(float(soft_dice(torch.zeros(1, 1, 2, 2), torch.tensor([[[1, 0], [0, 0]]]))), 4)
    0.5
    """
    hits, false, missed = _counts(logits, target, ignore)
    return _share(false + missed, 2 * hits + false + missed + smooth).mean()


def soft_iou(logits: Tensor, target: Tensor, smooth: float = 1.0, *, ignore: int | None = None) -> Tensor:
    """1 - (TP + smooth) / (TP + FP + FN + smooth): one minus soft intersection over union.

    As in the code of HMEDN's nuclei networks, whose heads add it to binary cross-entropy.

    Args:
        logits: logits of any of the three kinds, see `isthmus.objectives.outputs`.
        target: labels, or masks of a multilabel network.
        smooth: pixels added to the numerator and the denominator.

    >>> round(float(soft_iou(torch.zeros(1, 1, 2, 2), torch.tensor([[[1, 0], [0, 0]]]))), 4)
    0.5714
    """
    hits, false, missed = _counts(logits, target, ignore)
    return _share(false + missed, hits + false + missed + smooth).mean()


def focal_tversky(
    logits: Tensor,
    target: Tensor,
    alpha: float = 0.7,
    beta: float = 0.3,
    gamma: float = 4 / 3,
    smooth: float = 1.0,
    *,
    ignore: int | None = None,
) -> Tensor:
    """(1 - TI)^(1/gamma) with TI = (TP + smooth) / (TP + alpha FN + beta FP + smooth).

    Abraham and Khan 2019 (DOI 10.1109/ISBI.2019.8759329); mentioned in Sharp U-Net, 3.6. The power is taken for each
    class before the mean. With gamma above 1 the gradient grows without bound as a class is met exactly; it is 0 where
    1 - TI is below 1e-7.

    Args:
        logits: logits of any of the three kinds, see `isthmus.objectives.outputs`.
        target: labels, or masks of a multilabel network.
        alpha, beta: weights of missed and of false pixels.
        gamma: the inverse of the exponent.
        smooth: pixels added to the numerator and the denominator.

    >>> round(float(focal_tversky(torch.zeros(1, 1, 2, 2), torch.tensor([[[1, 0], [0, 0]]]))), 4)
    0.4529
    """
    hits, false, missed = _counts(logits, target, ignore)
    wrong = alpha * missed + beta * false
    return (_share(wrong, hits + wrong + smooth).clamp(min=1e-7) ** (1 / gamma)).mean()


def _share(part: Tensor, whole: Tensor) -> Tensor:
    """Divides; 0 / 0, which only `smooth=0` allows, is 0."""
    return part / whole.clamp(min=torch.finfo(whole.dtype).tiny)


def _counts(logits: Tensor, target: Tensor, ignore: int | None) -> tuple[Tensor, Tensor, Tensor]:
    """Computes soft TP, FP and FN of each foreground class over the batch, each `(classes,)`."""
    p, y = foreground(*fitting(logits, target, ignore=ignore))
    over = [axis for axis in range(p.ndim) if axis != 1]
    return torch.sum(p * y, over), torch.sum(p * (1 - y), over), torch.sum((1 - p) * y, over)

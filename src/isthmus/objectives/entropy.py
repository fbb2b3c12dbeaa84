"""Cross-entropy and related losses, which treat every pixel separately.

Logits may be of any floating type; losses are computed in float32 or better. `isthmus.objectives.outputs` defines
the shapes of logits and targets, and its `fitting` the errors. Every function returns a scalar, the mean over all
pixels (and maps) whose target is not the label `ignore`; 0 if there are none.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from isthmus.errors import IsthmusError
from isthmus.objectives.outputs import fitting, is_multilabel, mean, surprise, weighted_mean, widen


def binary_cross_entropy(logits: Tensor, target: Tensor, *, ignore: int | None = None) -> Tensor:
    """Binary cross-entropy with logits, averaged over all pixels.

    -[y log s(x) + (1 - y) log(1 - s(x))] with s the logistic function (MILDNet, equation 3; MultiResUNet, equations
    2 and 3, which sum over pixels, although the code averages).

    Args:
        logits: ``(N, 1, *spatial)``, or ``(N, K, *spatial)`` of a multilabel network.
        target: ``(N, *spatial)``, or ``(N, K, *spatial)``; every value above 0 is foreground.

    >>> round(float(binary_cross_entropy(torch.zeros(1, 1, 2, 2), torch.ones(1, 2, 2))), 4)
    0.6931
    """
    if not is_multilabel(logits, target) and logits.shape[1] != 1:
        raise IsthmusError(f"binary cross-entropy of labels takes one map of logits, found {logits.shape[1]}")
    logits, target = fitting(logits, target, ignore=ignore)
    logits = widen(logits)
    if not target.numel():
        return logits.sum()
    return F.binary_cross_entropy_with_logits(logits.view_as(target), (target > 0).to(logits.dtype))


def cross_entropy(logits: Tensor, target: Tensor, *, ignore: int | None = None) -> Tensor:
    """Cross-entropy of a softmax over classes, averaged over all pixels (Sharp U-Net, equation 3).

    Args:
        logits: ``(N, K, *spatial)``.
        target: ``(N, *spatial)``, class indices from 0 to K - 1.

    >>> round(float(cross_entropy(torch.zeros(1, 4, 2, 2), torch.ones(1, 2, 2))), 4)
    1.3863
    """
    if is_multilabel(logits, target) or logits.shape[1] == 1:
        raise IsthmusError(
            f"cross-entropy takes labels (N, *spatial) and a map of logits for each of two or more classes, found "
            f"target {tuple(target.shape)} and logits {tuple(logits.shape)}; use binary_cross_entropy"
        )
    logits, target = fitting(logits, target, ignore=ignore)
    logits = widen(logits)
    return F.cross_entropy(logits, target.long()) if target.numel() else logits.sum()


def weighted_cross_entropy(
    logits: Tensor, target: Tensor, weights: Sequence[float] | Tensor, *, ignore: int | None = None
) -> Tensor:
    """Cross-entropy with a weight for every class (HMEDN, III-D, equation 3).

    -(1/N) sum over pixels of v_k log p_k, where k is the true class. As in the paper, the sum is divided by the
    number of pixels and not by the sum of their weights.

    Args:
        logits: ``(N, K, *spatial)``; K = 1: sigmoid.
        target: ``(N, *spatial)``, class indices.
        weights: v of each class, background first: K numbers, or two if K = 1; see `class_weights`.

    >>> round(float(weighted_cross_entropy(torch.zeros(1, 2, 1, 2), torch.tensor([[[0, 1]]]), (1.0, 3.0))), 4)
    1.3863
    """
    classes = max(2, logits.shape[1])
    if len(weights) != classes:
        raise IsthmusError(f"class weights: {classes} classes need as many weights, found {len(weights)}")
    numbers = finite_weights(weights)
    if is_multilabel(logits, target):
        raise IsthmusError("weighted cross-entropy takes labels, not one mask for each class")
    logits, target = fitting(logits, target, ignore=ignore)
    index = target.long() if logits.shape[1] > 1 else (target > 0).long()
    values = surprise(logits, target)
    return weighted_mean(values, torch.tensor(numbers, dtype=values.dtype, device=values.device)[index])


def finite_weights(weights: Sequence[float] | Tensor) -> list[float]:
    """Returns class weights as floats; refuses negative, infinite and NaN weights."""
    given = weights.tolist() if isinstance(weights, Tensor) else weights
    try:
        numbers = [float(weight) for weight in given]
    except (TypeError, ValueError) as error:
        raise IsthmusError(f"class weights are {given!r}; give a list of numbers from 0") from error
    if not all(0 <= number < math.inf for number in numbers):
        raise IsthmusError(f"class weights are {numbers}; give finite numbers from 0")
    return numbers


def difficulty_cross_entropy(
    logits: Tensor, target: Tensor, difficulty: Tensor, *, ignore: int | None = None
) -> Tensor:
    """Cross-entropy with a weight for every pixel (HMEDN, III-D, equation 5).

    (1/N) sum over pixels of mu · (-log p_k), where k is the true class. As in the paper, the sum is divided by the
    number of pixels and not by the sum of mu.

    Args:
        logits: logits of any of the three kinds of output.
        target: labels, or masks of a multilabel network.
        difficulty: mu, ``(N, *spatial)`` or ``(N, 1, *spatial)``, see `difficulty_map`.

    >>> mu = torch.tensor([[[1.0, 5.0]]])
    >>> round(float(difficulty_cross_entropy(torch.zeros(1, 1, 1, 2), torch.ones(1, 1, 2), mu)), 4)
    2.0794
    """
    logits, target, difficulty = fitting(logits, target, difficulty, ignore=ignore)
    return weighted_mean(surprise(logits, target), difficulty)


def distance_cross_entropy(
    logits: Tensor, target: Tensor, proximity: Tensor, *, ignore: int | None = None
) -> Tensor:
    """Cross-entropy with the distance-map penalty of Caliva et al. (2019), arXiv:1908.03679.

    (1/N) sum over pixels of (1 + phi) · (-log p_k), with phi the proximity to the border, so that pixels beside it
    count up to twice as much, see `proximity_map`. Mentioned in Sharp U-Net, 3.6.

    Args:
        logits: logits of any of the three kinds of output.
        target: labels, or masks of a multilabel network.
        proximity: phi, ``(N, *spatial)`` or ``(N, 1, *spatial)``.

    >>> near = torch.tensor([[[0.0, 1.0]]])
    >>> round(float(distance_cross_entropy(torch.zeros(1, 1, 1, 2), torch.ones(1, 1, 2), near)), 4)
    1.0397
    """
    logits, target, proximity = fitting(logits, target, proximity, ignore=ignore)
    return weighted_mean(surprise(logits, target), 1 + proximity)


def focal(
    logits: Tensor,
    target: Tensor,
    gamma: float = 2.0,
    alpha: float | None = 0.25,
    *,
    ignore: int | None = None,
) -> Tensor:
    """Focal loss, in which pixels that are already right count little (Lin et al. 2017, equation 5).

    (1/N) sum over pixels of a · (1 - p)^gamma · (-log p), where p is the probability of the true class.
    DOI 10.1109/ICCV.2017.324.

    Args:
        logits: logits of any of the three kinds of output.
        target: labels, or masks of a multilabel network.
        gamma: 0 or more; 0 with ``alpha=None`` is cross-entropy.
        alpha: weight a of the foreground; the background has 1 - alpha. None: 1 for both.

    >>> round(float(focal(torch.zeros(1, 1, 2, 2), torch.ones(1, 2, 2))), 4)
    0.0433
    """
    logits, target = fitting(logits, target, ignore=ignore)
    values = surprise(logits, target)
    wrong = -torch.expm1(-values)  # 1 - p
    tiny = torch.finfo(values.dtype).tiny  # keeps the gradient finite if gamma is below 1
    values = wrong.clamp(min=tiny) ** gamma * values
    if alpha is None:
        return mean(values)
    return weighted_mean(values, torch.where(target > 0, values.new_tensor(alpha), 1 - alpha))

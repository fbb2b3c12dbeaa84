"""The three kinds of output, which the shapes of logits and target distinguish.

- **binary**: logits `(N, 1, *spatial)`, target `(N, *spatial)`: a sigmoid; every value above 0 is foreground;
- **softmax**: logits `(N, K, *spatial)` with K of 2 or more, background included, target `(N, *spatial)` of class
  indices;
- **multilabel**: logits and target `(N, K, *spatial)`: K sigmoids; every value above 0 is foreground.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from isthmus.errors import IsthmusError

WIDE = (torch.uint16, torch.uint32, torch.uint64)
"""Types that PyTorch can store but supports in few operations."""


def widen(logits: Tensor) -> Tensor:
    """Converts to float32 at least; float64 stays."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


def fitting(
    logits: Tensor, target: Tensor, *maps: Tensor, ignore: int | None = None, labels: bool = True
) -> tuple[Tensor, ...]:
    """Checks that logits, target and maps match, and leaves out ignored pixels.

    Args:
        logits, target: tensors of any of the three kinds.
        maps: the weight of each pixel, 0 or more, ``(N, *spatial)`` or ``(N, 1, *spatial)``; for a multilabel network
            also ``(N, K, *spatial)``.
        ignore: the label of pixels that are left out.
        labels: whether the target holds labels, which are whole numbers.

    Returns:
        Logits, target and maps. With `ignore`, they hold one sample ``(1, K, pixels)`` of the remaining pixels, since
        all losses are sums over pixels.

    Raises:
        IsthmusError: an empty batch, shapes of none of the three kinds, a map of another shape, or a label to ignore
            that is not a whole number. On the CPU also labels that are not whole or outside the classes, and maps
            with NaN, infinity or values below 0; on a GPU these checks would stall it.
    """
    multilabel = is_multilabel(logits, target)
    if logits.numel() == 0:
        raise IsthmusError(f"logits have the shape {tuple(logits.shape)}; a loss needs at least one sample")
    target = target.long() if target.dtype in WIDE else target
    maps = tuple(_of_pixels(each, logits, multilabel) for each in maps)
    if ignore is not None:
        if isinstance(ignore, bool) or not isinstance(ignore, int | np.integer):
            raise IsthmusError(f"ignore is {ignore!r}; give one label of the target, such as ignore=255")
        logits, target, *rest = _counted(logits, target, maps, ignore, multilabel)
        maps = tuple(rest)
    if target.device.type == "cpu" and target.numel():
        _check_numbers(target, whole=labels)
        if labels:
            _check_classes(target, logits.shape[1] if logits.shape[1] > 1 and not multilabel else None)
        for each in maps:
            low, high = (float(end) for end in each.aminmax())
            if not 0 <= low <= high < math.inf:
                raise IsthmusError(
                    f"a map of weights holds values from {low:g} to {high:g}; give finite numbers from 0"
                )
    return (logits, target, *maps)


def is_multilabel(logits: Tensor, target: Tensor) -> bool:
    """Returns whether each map is a class of its own.

    Raises:
        IsthmusError: the shapes are of none of the three kinds.
    """
    for value in (logits, target):
        if not isinstance(value, Tensor):
            raise IsthmusError(f"a loss takes tensors, found {type(value).__name__}; give torch.as_tensor(…)")
    if logits.ndim >= 3 and logits.shape == target.shape:
        return True
    if logits.ndim < 3 or logits.shape[:1] + logits.shape[2:] != target.shape:
        raise IsthmusError(
            f"logits {tuple(logits.shape)} and target {tuple(target.shape)}: expected a target (N, *spatial) of "
            "labels, or one of the shape of the logits"
        )
    return False


def _of_pixels(weights: Tensor, logits: Tensor, multilabel: bool) -> Tensor:
    """Returns a map as `(N, *spatial)`, or `(N, K, *spatial)` if a multilabel network has one for each class."""
    if not isinstance(weights, Tensor):
        raise IsthmusError(f"a map of weights is a tensor, found {type(weights).__name__}")
    weights = weights.float() if weights.dtype in WIDE else weights
    shape = logits.shape[:1] + logits.shape[2:]
    if weights.shape == shape or (multilabel and weights.shape == logits.shape and logits.shape[1] > 1):
        return weights
    if weights.shape == (*shape[:1], 1, *shape[1:]):
        return weights[:, 0]
    raise IsthmusError(
        f"a map of weights has the shape {tuple(weights.shape)} for logits of {tuple(logits.shape)}; give one "
        f"value for each pixel, {tuple(shape)}"
    )


def _counted(
    logits: Tensor, target: Tensor, maps: tuple[Tensor, ...], ignore: int, multilabel: bool
) -> Iterator[Tensor]:
    """Yields the pixels with another target, all in one row."""
    counts = (target != ignore).all(1) if multilabel else target != ignore
    for each in (logits, target, *maps):
        if each.shape == counts.shape:
            yield each[counts][None]
        else:
            yield each.movedim(1, 0)[:, counts][None]


def _check_numbers(target: Tensor, whole: bool) -> None:
    if not target.dtype.is_floating_point:
        return
    if not target.isfinite().all():
        raise IsthmusError("the target holds NaN or infinity; give labels, as in `target > 0.5`")
    if whole and (target != target.floor()).any():
        raise IsthmusError(
            "the target holds values that are not whole numbers; give labels, as in `target > 0.5`"
        )


def _check_classes(target: Tensor, classes: int | None) -> None:
    """Refuses labels outside the classes; without a number of classes, negative labels."""
    if target.dtype == torch.bool:
        return
    low, high = (int(end) for end in target.aminmax())
    if low < 0 or (classes is not None and high >= classes):
        known = (
            "0 is background and everything above is foreground"
            if classes is None
            else f"{classes} maps of logits have the classes 0 to {classes - 1}"
        )
        raise IsthmusError(
            f"the target holds labels from {low} to {high}, and {known}; repair it, or name the label to leave out "
            "(ignore)"
        )


def surprise(logits: Tensor, target: Tensor) -> Tensor:
    """Computes -log p of the true class, `(N, *spatial)`; for multilabel `(N, K, *spatial)`."""
    logits = widen(logits)
    if is_multilabel(logits, target):
        return F.binary_cross_entropy_with_logits(logits, (target > 0).to(logits.dtype), reduction="none")
    if logits.shape[1] == 1:
        logits = logits[:, 0]
        return F.binary_cross_entropy_with_logits(logits, (target > 0).to(logits.dtype), reduction="none")
    return F.cross_entropy(logits, target.long(), reduction="none")


def foreground(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Computes probability and truth (0 or 1) of each foreground class, `(N, C, *spatial)` in float32 or better.

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
    """Computes (1/N) sum of weight · value over N values; weights `(N, *spatial)` apply to all maps of a pixel."""
    if weights.ndim < values.ndim:
        weights = weights[:, None]
    return mean(values * weights.to(values.dtype))


def mean(values: Tensor) -> Tensor:
    """Computes the mean; 0 if every pixel is ignored."""
    return values.mean() if values.numel() else values.sum()

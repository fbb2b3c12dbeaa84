"""Losses on boundaries: regression of contours and of distances to them, and an estimate of the Hausdorff distance."""

from __future__ import annotations

from torch import Tensor

from isthmus.errors import IsthmusError
from isthmus.objectives.outputs import fitting, foreground, is_multilabel, mean, weighted_mean, widen


def contour_l2(output: Tensor, contour: Tensor, *, ignore: int | None = None) -> Tensor:
    """(1/N) sum over pixels of (p - y)^2, where p is the output without a sigmoid (HMEDN, III-C, equation 2).

    Args:
        output: ``(N, 1, *spatial)``, of any floating type; the loss is computed in float32 or better.
        contour: y, ``(N, *spatial)``, see `contour_map`.
        ignore: the value of ignored pixels.

    >>> import torch
    >>> float(contour_l2(torch.full((1, 1, 2, 2), 0.5), torch.ones(1, 2, 2)))
    0.25
    """
    output, contour = _one_map(output, contour, ignore, "contour")
    return mean((output - contour).square())


def distance_l1(output: Tensor, distance: Tensor, *, ignore: int | None = None) -> Tensor:
    """(1/N) sum over pixels of |p - y|, where p is the sigmoid of the output.

    Args:
        output: ``(N, 1, *spatial)``, of any floating type; the loss is computed in float32 or better.
        distance: y, ``(N, *spatial)``, see `object_distance_map`.
        ignore: the value of ignored pixels.

    >>> import torch
    >>> float(distance_l1(torch.zeros(1, 1, 2, 2), torch.ones(1, 2, 2)))
    0.5
    """
    output, distance = _one_map(output, distance, ignore, "distance")
    return mean((output.sigmoid() - distance).abs())


def _one_map(output: Tensor, target: Tensor, ignore: int | None, head: str) -> tuple[Tensor, Tensor]:
    """Returns the only map of a head and its target, in one shape and type, without ignored pixels."""
    is_multilabel(output, target)  # refuses shapes that do not match
    if output.shape[1] != 1:
        raise IsthmusError(
            f"the {head} head has one map: output {tuple(output.shape)}, target {tuple(target.shape)}"
        )
    output, target = fitting(output, target, ignore=ignore, labels=False)
    output = widen(output)
    return output, target.to(output.dtype).view_as(output)


def hausdorff(
    logits: Tensor, target: Tensor, distance: Tensor, alpha: float = 2.0, *, ignore: int | None = None
) -> Tensor:
    """One-sided Hausdorff loss with the distances of the truth (Karimi and Salcudean 2020, II-A).

    (1/N) sum over pixels and foreground classes of (p - y)^2 · d^alpha, where d is the distance to the true border, so
    that an error costs more the farther out it lies. DOI 10.1109/TMI.2019.2930068; mentioned in Sharp U-Net, 3.6. The
    two-sided form adds the distance to the predicted border, which has to be computed at every step. The loss grows
    with the square of the image's size; give it a small weight beside another loss (the authors: as much as Dice).

    Args:
        logits: logits of any of the three kinds, see `isthmus.objectives.outputs`.
        target: labels, or masks of a multilabel network.
        distance: d in pixels, ``(N, *spatial)``, to the nearest border of any class, see `distance_map`. An image
            without a border has d = 0 and adds nothing.
        alpha: 2 in the paper, from 1 to 3.
        ignore: the label of ignored pixels.

    >>> import torch
    >>> d = torch.tensor([[[0.0, 2.0]]])
    >>> float(hausdorff(torch.zeros(1, 1, 1, 2), torch.tensor([[[1, 0]]]), d))
    0.5
    """
    logits, target, distance = fitting(logits, target, distance, ignore=ignore)
    p, y = foreground(logits, target)
    return weighted_mean((p - y).square(), distance.to(p.dtype) ** alpha)

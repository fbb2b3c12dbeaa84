"""Default losses of the heads of a network, and class weights from counts of pixels."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

from isthmus.errors import IsthmusError

MOST = 100.0
"""The largest class weight, so that a class of a few pixels does not outweigh everything else."""


def default_heads(
    available: Collection[str], classes: int, multilabel: bool = False
) -> dict[str, dict[str, float]]:
    """Returns the losses of a network's heads, by the names of its outputs in training mode.

    - logits: `bce` for sigmoids (one class, or `multilabel`), `ce` for a softmax;
    - with a ``marker``, as in the nuclei networks: cross-entropy and `iou` for every head;
    - a ``contour`` with ``contour_auxiliary…`` heads, as in DCAN: `bce` on the border;
    - any other ``contour``, as in HMEDN: `contour_l2` on the contour map;
    - a ``distance``: `distance_l1`.

    All weights are 1. Auxiliary heads have the losses of their main heads, see `Objective`.

    >>> default_heads(["logits", "contour", "auxiliary"], classes=4)
    {'logits': {'ce': 1.0}, 'contour': {'contour_l2': 1.0}}
    """
    first = "bce" if classes == 1 or multilabel else "ce"
    overlap = {"iou": 1.0} if "marker" in available else {}
    heads = {"logits": {first: 1.0} | overlap}
    if "contour" in available:
        binary = bool(overlap) or any(head.startswith("contour_auxiliary") for head in available)
        heads["contour"] = {"bce": 1.0} | overlap if binary else {"contour_l2": 1.0}
    if "marker" in available:
        heads["marker"] = {"bce": 1.0} | overlap
    if "distance" in available:
        heads["distance"] = {"distance_l1": 1.0}
    return heads


def class_weights(counts: Sequence[int]) -> tuple[float, ...]:
    """Computes v_k = N / (K n_k), inverse to the share of a class (HMEDN, III-D, equation 3), at most 100.

    Args:
        counts: n, the number of pixels of each class in the training cases, background first.

    Returns:
        K weights. A class that does not occur has weight 1.

    Raises:
        IsthmusError: there are no pixels, or a count is negative.

    >>> class_weights([75, 25, 0])
    (0.4444444444444444, 1.3333333333333333, 1.0)
    """
    if all(math.isfinite(count) for count in counts):
        pixels = [int(count) for count in counts]
    else:
        pixels = []
    if not sum(pixels) or min(pixels) < 0:
        raise IsthmusError(
            f"class weights need the pixels of each class in the training cases, found {list(counts)}"
        )
    return tuple(min(MOST, sum(pixels) / (len(pixels) * count)) if count else 1.0 for count in pixels)

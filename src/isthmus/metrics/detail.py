"""Boundary detail: whether thin gaps between neighbours stay open, and whether objects are invented."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.errors import IsthmusError
from isthmus.metrics.input_checks import (
    BoolMask,
    Classes,
    Ignore,
    Mask,
    Score,
    as_mask,
    as_number,
    as_spacing,
    is_within,
)
from isthmus.metrics.nearest import distance_map
from isthmus.metrics.objects import Objects, number_components
from isthmus.metrics.pairs import Box, Pair, per_class
from isthmus.metrics.surface import Spacing

THIN = 4.0
"""The largest width of a thin gap, in the unit of the spacing."""


def open_gaps(
    prediction: Mask,
    truth: Mask,
    *,
    classes: Classes | None = None,
    width: float = THIN,
    spacing: Spacing = None,
    ignore: Ignore = None,
) -> Score:
    """Share of the thin gaps between true objects that the prediction keeps open, in [0, 1], best 1.

    Objects are the connected components of the truth (points that share a face). The gap between two objects
    consists of the background points p with d(p, one) + d(p, other) <= `width`. A gap of n pixels is therefore
    thin where n + 1 <= width. The prediction keeps a gap open if it covers at least half of each object, and
    if no connected part of it within the objects and their gap reaches from one to the other. A gap between
    objects that are not found is not open, so a miss counts against the model.

    Args:
        prediction, truth, classes, ignore: as in `dice`.
        width: largest width of a thin gap, in the unit of the spacing.
        spacing: distance of neighbouring points along each axis; one number serves all axes, None is 1.

    Returns:
        A float, or a dict by class; NaN for a truth without thin gaps, which aggregates leave out.

    Raises:
        IsthmusError: as in `dice`; a width or a spacing that is not positive.

    The measure is this project's own. MILDNet and HMEDN claim that thin borders between neighbours survive, and
    this puts a number to the claim.

    >>> truth = [[True, True, False, True, True, False, True]]
    >>> open_gaps([[True, True, True, True, True, False, True]], truth)  # the first of two gaps is filled
    0.5
    """
    steps = as_spacing(spacing, as_mask(truth, "truth").ndim)
    width = as_number(width)
    if not (is_within(width, 0, 1e50) and width > 0):
        raise IsthmusError(f"width is {width}; give a positive distance in the unit of the spacing")
    return per_class(lambda pair: open_share(pair, width, steps), prediction, truth, classes, ignore)


def false_objects(
    prediction: Mask, truth: Mask, *, classes: Classes | None = None, ignore: Ignore = None
) -> Score:
    """Number of predicted objects that share no point with the truth, 0 or more, best 0.

    Objects are connected components (points that share a face). An empty prediction has none; with an empty
    truth every predicted object is false. Masks and errors as in `dice`.

    >>> false_objects([[True, False, True, False, True]], [[True, True, False, False, False]])
    2
    """
    return per_class(count_false, prediction, truth, classes, ignore)


def count_false(pair: Pair) -> int:
    """Counts the false objects of one class."""
    numbered = number_components(pair.prediction)
    return int(numbered.max(initial=0)) - np.unique(numbered[pair.prediction & pair.truth]).size


def open_share(pair: Pair, width: float, spacing: tuple[float, ...]) -> float:
    """Computes `open_gaps` of one class."""
    if pair.n_truth == 0:
        return math.nan
    prediction, truth = pair.padded([math.ceil(width / 2 / step) for step in spacing])
    numbered = number_components(truth)
    objects = Objects(numbered)
    hit = np.bincount(numbered[prediction & truth], minlength=len(objects) + 1)[1:]
    found = 2 * hit >= objects.areas
    sizes = [math.prod(side.stop - side.start for side in box) for box in objects.boxes]
    n_open = n_gaps = 0
    for one, box in enumerate(objects.boxes):
        around = widened(box, 2 * width, spacing)
        local, predicted = numbered[around], prediction[around]
        near = np.unique(local[local > 0]) - 1
        near = near[_apart(objects.corners, one, near, spacing) <= width * (1 + 1e-12)]
        # each pair once, and in the smaller box
        others = [other for other in near.tolist() if (sizes[other], other) > (sizes[one], one)]
        if not others:
            continue
        own = local == one + 1
        away = distance_map(own, spacing)
        for other in others:
            ends = own, local == other + 1
            gap = (local == 0) & (away + distance_map(ends[1], spacing) <= width * (1 + 1e-12))
            if gap.any():
                n_gaps += 1
                n_open += bool(found[one] and found[other]) and not joined(
                    predicted & (ends[0] | gap | ends[1]), *ends
                )
    return n_open / n_gaps if n_gaps else math.nan


def _apart(
    corners: NDArray[np.int64], one: int, others: NDArray[np.integer], spacing: tuple[float, ...]
) -> NDArray[np.float64]:
    """Returns how far the boxes of other objects lie from that of one: no more than the objects themselves."""
    low, high = corners[others, :, 0], corners[others, :, 1]
    steps = np.maximum(0, np.maximum(low - corners[one, :, 1], corners[one, :, 0] - high))
    away: NDArray[np.float64] = np.linalg.norm(steps * np.array(spacing), axis=1)
    return away


def widened(box: Box, distance: float, spacing: tuple[float, ...]) -> Box:
    """Returns the box with a margin of this distance; the start is cut at the edge of the image."""
    margins = [math.ceil(distance / step) for step in spacing]
    return tuple(slice(max(0, s.start - m), s.stop + m) for s, m in zip(box, margins, strict=True))


def joined(mask: BoolMask, one: BoolMask, other: BoolMask) -> bool:
    """Returns whether a connected part of the mask has points in both others."""
    parts: NDArray[Any]
    if mask.ndim == 2:  # the same numbers, for many small boxes in a tenth of the time
        import cv2

        parts = cv2.connectedComponents(mask.view(np.uint8), connectivity=4)[1]
    else:
        parts = number_components(mask)
    return not set(parts[mask & one].tolist()).isdisjoint(parts[mask & other].tolist())

"""Boundary detail: are thin gaps between neighbours kept open, and are objects invented?"""

from __future__ import annotations

import math

import numpy as np

from isthmus.errors import IsthmusError
from isthmus.metrics.input_checks import (
    BoolMask,
    Classes,
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
"""Width of a gap, in the unit of the spacing, up to which it counts as thin."""


def open_gaps(
    prediction: Mask,
    truth: Mask,
    *,
    classes: Classes | None = None,
    width: float = THIN,
    spacing: Spacing = None,
    ignore: int | None = None,
) -> Score:
    """Share of the thin gaps between true objects that the prediction keeps open, in [0, 1], best 1.

    Objects are the connected components of the truth (points that share a face). The gap between two of them
    is made of the background points p with d(p, one) + d(p, other) <= `width`, in the unit of the spacing;
    so a gap of n pixels across is thin where n + 1 <= width. The prediction keeps it open if it finds both
    objects, each at least by half, and if within the two objects and their gap no connected part of it
    reaches from one to the other. Two objects that are not found are no gap kept open, so a miss counts
    against the model.

    A truth without any thin gap gives NaN, which aggregates leave out. Masks and errors as in `dice`; a
    width or a spacing that is not positive is an error too.

    The measure is this project's own; it makes the claim of MILDNet and of HMEDN, that thin borders between
    neighbours survive, a number.

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
    prediction: Mask, truth: Mask, *, classes: Classes | None = None, ignore: int | None = None
) -> Score:
    """Number of predicted objects that share no point with the truth (outliers), 0 or more, best 0.

    Objects are connected components (points that share a face). Both masks empty: 0; only the prediction: 0;
    only the truth: every predicted object. Masks and errors as in `dice`.

    >>> false_objects([[True, False, True, False, True]], [[True, True, False, False, False]])
    2
    """
    return per_class(count_false, prediction, truth, classes, ignore)


def count_false(pair: Pair) -> int:
    numbered = number_components(pair.prediction)
    return int(numbered.max(initial=0)) - np.unique(numbered[pair.prediction & pair.truth]).size


def open_share(pair: Pair, width: float, spacing: tuple[float, ...]) -> float:
    """`open_gaps` of one class."""
    if pair.n_truth == 0:
        return math.nan
    prediction, truth = pair.padded([math.ceil(width / 2 / step) for step in spacing])
    numbered = number_components(truth)
    objects = Objects(numbered)
    hit = np.bincount(numbered[prediction & truth], minlength=len(objects) + 1)[1:]
    found = 2 * hit >= objects.areas
    sizes = [math.prod(side.stop - side.start for side in box) for box in objects.boxes]
    kept = gaps = 0
    for one, box in enumerate(objects.boxes):
        around = widened(box, 2 * width, spacing)
        local, predicted = numbered[around], prediction[around]
        for other in (np.unique(local[local > 0]) - 1).tolist():
            if (sizes[other], other) <= (sizes[one], one):  # each pair once, and in the smaller box
                continue
            ends = local == one + 1, local == other + 1
            gap = (local == 0) & (
                distance_map(ends[0], spacing) + distance_map(ends[1], spacing) <= width * (1 + 1e-12)
            )
            if gap.any():
                gaps += 1
                kept += bool(found[one] and found[other]) and not joined(
                    predicted & (ends[0] | gap | ends[1]), *ends
                )
    return kept / gaps if gaps else math.nan


def widened(box: Box, distance: float, spacing: tuple[float, ...]) -> Box:
    margins = [math.ceil(distance / step) for step in spacing]
    return tuple(slice(max(0, s.start - m), s.stop + m) for s, m in zip(box, margins, strict=True))


def joined(mask: BoolMask, one: BoolMask, other: BoolMask) -> bool:
    """Whether a connected part of the mask has points in both."""
    parts = number_components(mask)
    return np.intersect1d(parts[mask & one], parts[mask & other]).size > 0

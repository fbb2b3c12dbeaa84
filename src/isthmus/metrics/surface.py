"""Surface metrics of two masks.

The surface consists of the foreground points with a face neighbour outside the mask; points beyond the image count as
outside.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias, get_args

from isthmus.errors import IsthmusError, nearest
from isthmus.metrics.distances import Direction, Sides
from isthmus.metrics.empty import Missing
from isthmus.metrics.input_checks import Classes, Ignore, Mask, Score, as_mask, as_spacing
from isthmus.metrics.pairs import per_class

Spacing: TypeAlias = float | Sequence[float] | None
On: TypeAlias = Literal["surface", "foreground"]


def _measure(
    prediction: Mask,
    truth: Mask,
    classes: Classes | None,
    spacing: Spacing,
    missing: Missing,
    ignore: Ignore,
    value: Callable[[Sides], Any],
) -> Any:
    steps = as_spacing(spacing, as_mask(truth, "truth").ndim)
    return per_class(lambda pair: value(Sides(pair, steps, missing)), prediction, truth, classes, ignore)


def _check_on(on: str) -> None:
    if on not in get_args(On):
        raise IsthmusError(f"on={on!r} is not a set of points; {nearest(str(on), get_args(On))}")


def mask_distances(
    prediction: Mask,
    truth: Mask,
    spacing: Spacing = None,
    *,
    classes: Classes | None = None,
    on: On = "surface",
    missing: Missing = "diagonal",
    ignore: Ignore = None,
) -> Any:
    """Measures all distances between two masks once, so that several metrics can be computed from them.

    Arguments, errors and the empty rule as in `hausdorff_distance`.

    Returns:
        `MaskDistances`, or a dict of them by class for integer labels.

    >>> line = mask_distances([[True, True, True, True]], [[True, True, False, False]])
    >>> line.hausdorff(), line.average(), line.share_within(1)
    (2.0, 0.5, 0.8333333333333334)
    """
    _check_on(on)
    return _measure(
        prediction,
        truth,
        classes,
        spacing,
        missing,
        ignore,
        lambda sides: sides.surface() if on == "surface" else sides.foreground(),
    )


def hausdorff_distance(
    prediction: Mask,
    truth: Mask,
    spacing: Spacing = None,
    *,
    classes: Classes | None = None,
    percentile: float = 100.0,
    on: On = "surface",
    pooled: bool = False,
    missing: Missing = "diagonal",
    ignore: Ignore = None,
) -> Score:
    """Hausdorff distance max(max_p min_t |p - t|, max_t min_p |p - t|), 0 to the image diagonal, best 0.

    Args:
        prediction, truth, classes: as in `dice`, of 1 to 3 axes.
        spacing: distance of neighbouring pixels along each axis (None: 1 pixel), which gives the unit.
        percentile: 95 gives HD95, the larger of the two directed percentiles with linear interpolation.
        on: `"surface"`, or `"foreground"` for the distances between all foreground points, as in equations 6 to 8 of
            MILDNet. The two differ only if one mask lies within the other.
        pooled: take the percentile of the distances of both masks together.
        missing: distance if one mask is empty: the image `"diagonal"` sqrt(sum(((n - 1) * spacing)^2)), `"infinity"`,
            or `"exclude"` for NaN. If both are empty the distance is 0.
        ignore: label of the truth whose points are outside both masks, so that both end at the same border.

    Raises:
        IsthmusError: as in `dice`; a spacing that is not positive; a percentile outside 0 to 100, or written as a
            share (0.95 for 95).

    Source: D. P. Huttenlocher, G. A. Klanderman, W. J. Rucklidge, IEEE TPAMI 15 (1993) 850,
    doi:10.1109/34.232073.

    >>> hausdorff_distance([[True, False, False, False]], [[True, False, False, True]], spacing=(1.0, 2.0))
    6.0
    >>> hausdorff_distance([[0, 0, 0, 0]] * 4, [[1, 0, 0, 0]] * 4, classes={1: "gland"})  # sqrt(9 + 9)
    {'gland': 4.242640687119285}
    """
    _check_on(on)

    def value(sides: Sides) -> float:
        if on == "foreground":
            return (
                sides.foreground_hausdorff()
                if percentile == 100
                else sides.foreground().hausdorff(percentile, pooled=pooled)
            )
        return sides.surface().hausdorff(percentile, pooled=pooled)

    return _measure(prediction, truth, classes, spacing, missing, ignore, value)


def average_surface_distance(
    prediction: Mask,
    truth: Mask,
    spacing: Spacing = None,
    *,
    classes: Classes | None = None,
    direction: Direction = "both",
    missing: Missing = "diagonal",
    ignore: Ignore = None,
) -> Score:
    """Average symmetric surface distance, 0 to the image diagonal, best 0.

    (sum over the surface of P of d(p, surface of T) + the same from T to P) / (|surface of P| + |surface of T|): the
    mean over the points of both surfaces together, not the mean of two means. `direction="to_truth"` is the mean over
    the points of the prediction only, and `"to_prediction"` over those of the truth.

    Masks, surface, spacing, unit, errors and the empty rule as in `hausdorff_distance`.

    Source: T. Heimann et al., IEEE TMI 28 (2009) 1251, doi:10.1109/TMI.2009.2013851.

    >>> average_surface_distance([[True, True, True, True]], [[True, True, False, False]])  # (1 + 2) / 6
    0.5
    """
    return _measure(
        prediction, truth, classes, spacing, missing, ignore, lambda sides: sides.surface().average(direction)
    )


def root_mean_square_surface_distance(
    prediction: Mask,
    truth: Mask,
    spacing: Spacing = None,
    *,
    classes: Classes | None = None,
    direction: Direction = "both",
    missing: Missing = "diagonal",
    ignore: Ignore = None,
) -> Score:
    """Root mean square symmetric surface distance, 0 to the image diagonal, best 0.

    Like `average_surface_distance`, but the root of the mean of the squared distances.

    Source: T. Heimann et al., IEEE TMI 28 (2009) 1251, doi:10.1109/TMI.2009.2013851.

    >>> root_mean_square_surface_distance([[True, False]], [[False, True]], spacing=3)  # sqrt((9 + 9) / 2)
    3.0
    """
    return _measure(
        prediction,
        truth,
        classes,
        spacing,
        missing,
        ignore,
        lambda sides: sides.surface().root_mean_square(direction),
    )


def surface_dice(
    prediction: Mask,
    truth: Mask,
    tolerance: float,
    spacing: Spacing = None,
    *,
    classes: Classes | None = None,
    ignore: Ignore = None,
) -> Score:
    """Surface Dice: the share of the points of both surfaces within a tolerance of the other, in [0, 1].

    (|{p: d(p, T) <= tolerance}| + |{t: d(t, P) <= tolerance}|) / (|surface of P| + |surface of T|), best 1; the
    tolerance is in the unit of the spacing. Both masks empty 1, one of them 0. Every surface point counts the same,
    whatever area of the surface it represents. Masks, surface, spacing and errors as in `hausdorff_distance`; a
    negative tolerance raises `IsthmusError` too.

    Source: S. Nikolov et al., J Med Internet Res 23 (2021) e26151, doi:10.2196/26151.

    >>> surface_dice([[True, True, True, True]], [[True, True, False, False]], tolerance=1)  # (3 + 2) / 6
    0.8333333333333334
    """
    return _measure(
        prediction,
        truth,
        classes,
        spacing,
        "diagonal",
        ignore,
        lambda sides: sides.surface().share_within(tolerance),
    )

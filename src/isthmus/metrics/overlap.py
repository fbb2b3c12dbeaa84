"""Overlap of two masks: numbers of points, and ratios of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from isthmus.metrics.empty import presence, score_if_empty
from isthmus.metrics.input_checks import Classes, Ignore, Mask, Score, as_mask, as_spacing
from isthmus.metrics.pairs import Pair, per_class


@dataclass(frozen=True)
class Counts:
    """Numbers of points of one class in one case; the sum over cases gives pooled scores.

    >>> first, second = Counts(prediction=2, truth=2, both=1, image=9), Counts(0, 4, 0, 9)
    >>> first.dice, second.dice, (first + second).dice
    (0.5, 0.0, 0.25)
    """

    prediction: int
    truth: int
    both: int
    image: int

    @classmethod
    def of(cls, pair: Pair) -> Counts:
        """Counts the points of a pair of masks."""
        return cls(pair.n_prediction, pair.n_truth, pair.n_both, pair.n_image)

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.prediction + other.prediction,
            self.truth + other.truth,
            self.both + other.both,
            self.image + other.image,
        )

    def _ratio(self, numerator: int, denominator: int) -> float:
        by_rule = score_if_empty(presence(self.prediction, self.truth))
        return numerator / denominator if by_rule is None else by_rule

    @property
    def dice(self) -> float:
        return self._ratio(2 * self.both, self.prediction + self.truth)

    @property
    def iou(self) -> float:
        return self._ratio(self.both, self.prediction + self.truth - self.both)

    @property
    def precision(self) -> float:
        return self._ratio(self.both, self.prediction)

    @property
    def recall(self) -> float:
        return self._ratio(self.both, self.truth)

    @property
    def specificity(self) -> float:
        negatives = self.image - self.truth
        return (negatives - (self.prediction - self.both)) / negatives if negatives else 1.0

    @property
    def volumetric_similarity(self) -> float:
        return self._ratio(2 * min(self.prediction, self.truth), self.prediction + self.truth)

    @property
    def kappa(self) -> float:
        """Cohen's kappa, (observed agreement - agreement by chance) / (1 - agreement by chance), over all points.

        It is 1 for equal masks, 0 for what two readers who mark as many points at random would reach, and at least -1.
        Cohen: A coefficient of agreement for nominal scales. Educational and Psychological Measurement 20:37-46 (1960),
        doi:10.1177/001316446002000104.

        >>> round(Counts(prediction=2, truth=4, both=2, image=10).kappa, 3)  # (0.8 - 0.56) / (1 - 0.56)
        0.545
        """
        n, p, t = self.image, self.prediction, self.truth
        differing = (p - self.both) + (t - self.both)
        by_chance = p * (n - t) + t * (n - p)  # n^2 (1 - agreement by chance)
        return 1 - n * differing / by_chance if by_chance else 1.0

    def volume_difference(self, relative: bool = False) -> float:
        """Computes the difference in points, or as a share of the truth."""
        difference = self.prediction - self.truth
        if not relative:
            return float(difference)
        if self.truth == 0:
            return math.inf if difference else 0.0
        return difference / self.truth


def _score(
    prediction: Mask,
    truth: Mask,
    classes: Classes | None,
    ignore: Ignore,
    value: Callable[[Counts], float],
) -> Score:
    return per_class(lambda pair: value(Counts.of(pair)), prediction, truth, classes, ignore)


def dice(prediction: Mask, truth: Mask, classes: Classes | None = None, *, ignore: Ignore = None) -> Score:
    """Dice coefficient 2 |P ∩ T| / (|P| + |T|), in [0, 1], best 1; both masks empty 1, one of them 0.

    Args:
        prediction, truth: arrays or tensors `(*spatial)` of one to three axes, both boolean or both of integer labels.
            A boolean mask beside one of integers stands for 0 and 1; floats that are whole numbers are integers.
        classes: labels to score, as `[1, 2]`, or `{1: "gland"}` to have names as keys; 0 scores the background too.
        ignore: label of the truth whose points are outside both masks, and outside the image.

    Returns:
        A float for boolean masks, a dict of floats by class for labels.

    Raises:
        IsthmusError: shapes that differ, more than three axes (a batch), values that are not whole numbers, labels
            outside the classes.

    Source: L. R. Dice, Ecology 26 (1945) 297, doi:10.2307/1932409.

    >>> dice([[True, True, False]], [[False, True, True]])
    0.5
    >>> dice([[1, 1, 2]], [[0, 1, 2]], [1, 2]) == {1: 2 / 3, 2: 1.0}
    True
    """
    return _score(prediction, truth, classes, ignore, lambda n: n.dice)


def iou(prediction: Mask, truth: Mask, classes: Classes | None = None, *, ignore: Ignore = None) -> Score:
    """Intersection over union, Jaccard index |P ∩ T| / |P ∪ T|, in [0, 1]; empty rule as in `dice`.

    Source: P. Jaccard, New Phytologist 11 (1912) 37, doi:10.1111/j.1469-8137.1912.tb05611.x.

    >>> iou([[True, True, False, False]], [[False, True, True, True]])
    0.25
    """
    return _score(prediction, truth, classes, ignore, lambda n: n.iou)


def precision(
    prediction: Mask, truth: Mask, classes: Classes | None = None, *, ignore: Ignore = None
) -> Score:
    """Share of the predicted points that are true, |P ∩ T| / |P|, in [0, 1]; empty rule as in `dice`.

    Source: A. Taha and A. Hanbury, BMC Medical Imaging 15 (2015) 29, doi:10.1186/s12880-015-0068-x.

    >>> precision([[True, True, True, True]], [[False, True, True, True]])
    0.75
    """
    return _score(prediction, truth, classes, ignore, lambda n: n.precision)


def recall(prediction: Mask, truth: Mask, classes: Classes | None = None, *, ignore: Ignore = None) -> Score:
    """Share of the true points that were predicted, |P ∩ T| / |T|, in [0, 1]; empty rule as in `dice`.

    Source: Taha and Hanbury 2015, doi:10.1186/s12880-015-0068-x.

    >>> recall([[True, False, False, False]], [[True, True, True, True]])
    0.25
    """
    return _score(prediction, truth, classes, ignore, lambda n: n.recall)


def specificity(
    prediction: Mask, truth: Mask, classes: Classes | None = None, *, ignore: Ignore = None
) -> Score:
    """Share of the points outside the truth that are outside the prediction, in [0, 1].

    (N - |P ∪ T|) / (N - |T|) with N points in the image; 1 if the truth fills the image, because then no point can
    be marked wrongly. Empty masks need no rule. Masks as in `dice`.

    Source: Taha and Hanbury 2015, doi:10.1186/s12880-015-0068-x.

    >>> specificity([[True, True, False, False, False]], [[True, False, False, False, False]])
    0.75
    """
    return _score(prediction, truth, classes, ignore, lambda n: n.specificity)


def volumetric_similarity(
    prediction: Mask, truth: Mask, classes: Classes | None = None, *, ignore: Ignore = None
) -> Score:
    """1 - ||P| - |T|| / (|P| + |T|), in [0, 1], best 1; empty rule as in `dice`.

    It does not depend on where the masks lie.

    Source: Taha and Hanbury 2015, doi:10.1186/s12880-015-0068-x.

    >>> volumetric_similarity([[True, False, False, False]], [[False, True, True, True]])
    0.5
    """
    return _score(prediction, truth, classes, ignore, lambda n: n.volumetric_similarity)


def volume_difference(
    prediction: Mask,
    truth: Mask,
    classes: Classes | None = None,
    *,
    spacing: float | Sequence[float] | None = None,
    relative: bool = False,
    ignore: Ignore = None,
) -> Score:
    """Volume (in 2D area) of the prediction minus that of the truth; negative if the prediction is too small, best 0.

    Its unit is that of the spacing to the power of the axes, or points without a spacing. With `relative` it is
    divided by the volume of the truth: 0 if both masks are empty, inf if only the truth is. Masks as in `dice`; a
    spacing that is not positive raises `IsthmusError`.

    Source: Taha and Hanbury 2015, doi:10.1186/s12880-015-0068-x (volumetric distance).

    >>> volume_difference([[True, True, True]], [[True, False, False]], spacing=(0.5, 2.0))
    2.0
    >>> volume_difference([[True, True, True]], [[True, False, False]], relative=True)
    2.0
    """
    point = math.prod(as_spacing(spacing, as_mask(truth, "truth").ndim))
    unit = 1.0 if relative else point
    return _score(prediction, truth, classes, ignore, lambda n: n.volume_difference(relative) * unit)

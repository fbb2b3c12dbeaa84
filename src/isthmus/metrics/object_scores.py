"""Object metrics: whether objects are found, each one once and as a whole.

All functions take `prediction` and `truth` as integer arrays or tensors `(*spatial)` in which every object has its own
number from 1 (`components` numbers the objects of a boolean mask). All metrics but the distance lie in [0, 1], best 1;
they are 1 if both masks are empty and 0 if one is. All raise `IsthmusError` for shapes that differ, booleans, values
that are not whole numbers, and negative numbers. Points where the truth holds the number `ignore` are background in
both masks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from isthmus.errors import IsthmusError
from isthmus.metrics.empty import Missing
from isthmus.metrics.input_checks import Ignore, Mask, as_number, as_spacing, diagonal
from isthmus.metrics.object_distances import ObjectDistances
from isthmus.metrics.object_matching import Overlaps
from isthmus.metrics.surface import Spacing

IOU_THRESHOLDS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
"""0.5, 0.55, … 0.95."""


def object_precision(
    prediction: Mask, truth: Mask, *, overlap: float = 0.5, one_to_one: bool = False, ignore: Ignore = None
) -> float:
    """Share of the predicted objects that are right, as defined in `object_f1`.

    >>> object_precision([[1, 1, 0, 2]], [[1, 1, 0, 0]])
    0.5
    """
    return Overlaps.of(prediction, truth, ignore).precision(overlap, one_to_one)


def object_recall(
    prediction: Mask, truth: Mask, *, overlap: float = 0.5, one_to_one: bool = False, ignore: Ignore = None
) -> float:
    """Share of the true objects that are found, as defined in `object_f1`.

    >>> object_recall([[1, 0, 0, 0]], [[1, 1, 0, 2]])
    0.5
    """
    return Overlaps.of(prediction, truth, ignore).recall(overlap, one_to_one)


def object_f1(
    prediction: Mask, truth: Mask, *, overlap: float = 0.5, one_to_one: bool = False, ignore: Ignore = None
) -> float:
    """F1 = 2 precision recall / (precision + recall) of whole objects, in [0, 1], best 1.

    The GlaS challenge defines a predicted object as right if it covers at least the share `overlap` of the true
    object with which it shares most points. A true object is found if a right object covers it. Precision is the
    share of predicted objects that are right, and recall the share of true objects that are found.

    Args:
        overlap: share in [0, 1].
        one_to_one: objects match if their intersection over union is larger than `overlap`; no object matches two,
            and as many pairs as possible are formed.

    Returns:
        1 if there are no objects in either mask, 0 if there are none in one.

    Source: K. Sirinukunwattana et al., Medical Image Analysis 35 (2017) 489, doi:10.1016/j.media.2016.08.008,
    section 4.1.

    >>> object_f1([[1, 1, 0, 2, 0]], [[1, 1, 1, 0, 2]])  # object 1 is right, predicted 2 and true 2 are not
    0.5
    >>> object_f1([[1, 1, 1, 1]], [[1, 1, 2, 2]], one_to_one=True)  # IoU 2/4 is not above 0.5
    0.0
    """
    return Overlaps.of(prediction, truth, ignore).f1(overlap, one_to_one)


def object_dice(prediction: Mask, truth: Mask, *, ignore: Ignore = None) -> float:
    """Object Dice of the GlaS challenge, in [0, 1], best 1.

    1/2 [sum_i w_i Dice(S_i, G(S_i)) + sum_j v_j Dice(G_j, S(G_j))]: every object is compared with the object of the
    other mask with which it shares most points (0 if it shares none), weighted by its share of the area of its mask.

    Source: Sirinukunwattana et al. 2017, doi:10.1016/j.media.2016.08.008, section 4.2.

    >>> object_dice([[1, 1, 0, 2]], [[1, 1, 0, 0]])  # (2/3 * 1 + 1/3 * 0 + 1) / 2
    0.8333333333333333
    """
    return Overlaps.of(prediction, truth, ignore).dice()


def object_hausdorff(
    prediction: Mask,
    truth: Mask,
    *,
    spacing: Spacing = None,
    missing: Missing = "diagonal",
    ignore: Ignore = None,
) -> float:
    """Object Hausdorff distance of the GlaS challenge, 0 to the image diagonal, best 0.

    1/2 [sum_i w_i H(S_i, G(S_i)) + sum_j v_j H(G_j, S(G_j))] with the weights of `object_dice` and H the Hausdorff
    distance of the foregrounds. The partner of an object is the one with which it shares most points or, if it shares
    none, the one with the smallest H. Without objects in both masks the distance is 0; without objects in one it is
    the image diagonal, or what `missing` says (see `hausdorff_distance`). A spacing that is not positive raises
    `IsthmusError`.

    Source: Sirinukunwattana et al. 2017, doi:10.1016/j.media.2016.08.008, section 4.3.

    >>> object_hausdorff([[1, 1, 0, 2]], [[1, 1, 0, 0]])  # (2/3 * 0 + 1/3 * 3 + 0) / 2
    0.5
    """
    overlaps = Overlaps.of(prediction, truth, ignore)
    shape = overlaps.truth.instances.shape
    steps = as_spacing(spacing, len(shape))
    return ObjectDistances(overlaps, steps).weighted(diagonal(shape, steps), missing)


def panoptic_quality(prediction: Mask, truth: Mask, *, ignore: Ignore = None) -> float:
    """Sum of matched objects' IoU / (TP + FP / 2 + FN / 2), in [0, 1], best 1; empty masks as in `object_f1`.

    Objects match if their IoU is larger than 0.5, so that no object can match two.

    Source: A. Kirillov et al., CVPR 2019, 9396, doi:10.1109/CVPR.2019.00963, eq. 1.

    >>> panoptic_quality([[1, 1, 1, 0, 2]], [[1, 1, 0, 0, 0]])  # (2/3) / (1 + 1/2)
    0.4444444444444444
    """
    return Overlaps.of(prediction, truth, ignore).panoptic_quality()[0]


def average_precision(
    prediction: Mask,
    truth: Mask,
    *,
    thresholds: Sequence[float] = IOU_THRESHOLDS,
    ignore: Ignore = None,
) -> float:
    """Mean over IoU thresholds of TP / (TP + FP + FN), in [0, 1], best 1; empty masks as in `object_f1`.

    At every threshold, objects with a larger IoU are matched one-to-one. The default thresholds are 0.5, 0.55, … 0.95,
    as for nuclei in the 2018 Data Science Bowl; thresholds outside 0 to 1 raise `IsthmusError`.

    Source: J. C. Caicedo et al., Nature Methods 16 (2019) 1247, doi:10.1038/s41592-019-0612-7.

    >>> average_precision([[1, 1, 1, 0, 2]], [[1, 1, 0, 0, 0]], thresholds=[0.5, 0.7])  # (1/2 + 0) / 2
    0.25
    """
    thresholds = as_number(thresholds)
    if not isinstance(thresholds, Iterable):
        raise IsthmusError(f"thresholds is {thresholds!r}; give a list of shares from 0 to 1")
    shares = tuple(thresholds)
    if not shares:
        raise IsthmusError("thresholds is empty; give at least one share from 0 to 1")
    return Overlaps.of(prediction, truth, ignore).average_precision(shares)


def aggregated_jaccard(
    prediction: Mask, truth: Mask, *, one_to_one: bool = False, ignore: Ignore = None
) -> float:
    """Aggregated Jaccard index, in [0, 1], best 1; empty masks as in `object_f1`.

    Every true object is paired with the predicted object of the largest IoU. The index is the number of points that
    the pairs share, divided by the number of points in their unions, in true objects without a partner and in
    predicted objects that no true one chose. The paper's procedure lets several true objects choose the same
    predicted one, whose points then count several times; with `one_to_one` (known as AJI+) no object is in two pairs,
    and the sum of IoU is as large as possible.

    Source: N. Kumar et al., IEEE TMI 36 (2017) 1550, doi:10.1109/TMI.2017.2677499, algorithm 1; S. Graham et
    al., Medical Image Analysis 58 (2019) 101563, doi:10.1016/j.media.2019.101563 (AJI+).

    >>> aggregated_jaccard([[1, 1, 0, 2]], [[1, 1, 1, 0]])  # 2 / (3 + 1)
    0.5
    """
    return Overlaps.of(prediction, truth, ignore).aggregated_jaccard(one_to_one)

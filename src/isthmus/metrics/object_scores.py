"""Object metrics: are the objects found, each once and each whole?

All take `prediction` and `truth` as integer arrays or tensors `(*spatial)` in which every object has its own
number from 1 (`components` makes them from a boolean mask). All but the distance lie in [0, 1], best 1; no
objects in both gives 1, in one of them 0. All raise `IsthmusError` for shapes that differ, booleans, values
that are not whole numbers, and negative numbers. Points where the truth holds the number `ignore` are background in
both.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from isthmus.errors import IsthmusError
from isthmus.metrics.empty import Missing
from isthmus.metrics.input_checks import Mask, as_number, as_spacing, diagonal
from isthmus.metrics.object_distances import ObjectDistances
from isthmus.metrics.object_matching import Overlaps
from isthmus.metrics.surface import Spacing

IOU_THRESHOLDS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
"""0.5, 0.55, … 0.95."""


def object_precision(
    prediction: Mask,
    truth: Mask,
    *,
    overlap: float = 0.5,
    one_to_one: bool = False,
    ignore: int | None = None,
) -> float:
    """Share of the predicted objects that are right; what is right as in `object_f1`.

    >>> object_precision([[1, 1, 0, 2]], [[1, 1, 0, 0]])
    0.5
    """
    return Overlaps.of(prediction, truth, ignore).precision(overlap, one_to_one)


def object_recall(
    prediction: Mask,
    truth: Mask,
    *,
    overlap: float = 0.5,
    one_to_one: bool = False,
    ignore: int | None = None,
) -> float:
    """Share of the true objects that are found; what is found as in `object_f1`.

    >>> object_recall([[1, 0, 0, 0]], [[1, 1, 0, 2]])
    0.5
    """
    return Overlaps.of(prediction, truth, ignore).recall(overlap, one_to_one)


def object_f1(
    prediction: Mask,
    truth: Mask,
    *,
    overlap: float = 0.5,
    one_to_one: bool = False,
    ignore: int | None = None,
) -> float:
    """F1 = 2 precision recall / (precision + recall) of whole objects, in [0, 1], best 1.

    As the GlaS challenge defines it: a predicted object is right if it covers at least the share `overlap`
    of the true object with which it shares most points; true objects that no right one covers are missed.
    Precision is the share of predicted objects that are right, recall that of true objects not missed.

    With `one_to_one` a predicted and a true object match if their intersection over union is larger than
    `overlap`, no object matches two, and as many pairs as possible are formed. No objects in both 1, in one
    0.

    Source: K. Sirinukunwattana et al., Medical Image Analysis 35 (2017) 489, doi:10.1016/j.media.2016.08.008,
    section 4.1.

    >>> object_f1([[1, 1, 0, 2, 0]], [[1, 1, 1, 0, 2]])  # object 1 is right, predicted 2 and true 2 are not
    0.5
    >>> object_f1([[1, 1, 1, 1]], [[1, 1, 2, 2]], one_to_one=True)  # IoU 2/4 is not above 0.5
    0.0
    """
    return Overlaps.of(prediction, truth, ignore).f1(overlap, one_to_one)


def object_dice(prediction: Mask, truth: Mask, *, ignore: int | None = None) -> float:
    """Object Dice of the GlaS challenge, in [0, 1], best 1; no objects in both 1, in one 0.

    1/2 [sum_i w_i Dice(S_i, G(S_i)) + sum_j v_j Dice(G_j, S(G_j))]: every object with the one of the other
    mask with which it shares most points (0 where it shares none), weighted by its share of the area of its
    mask.

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
    ignore: int | None = None,
) -> float:
    """Object Hausdorff distance of the GlaS challenge, 0 to the image diagonal, best 0.

    1/2 [sum_i w_i H(S_i, G(S_i)) + sum_j v_j H(G_j, S(G_j))] with the weights of `object_dice` and H the
    Hausdorff distance of the foregrounds. The partner is the object with which most points are shared; where
    none is, the one with the smallest H. No objects in both 0, in one the image diagonal, or as `missing`
    says (see `hausdorff_distance`). A spacing that is not positive raises `IsthmusError`.

    Source: Sirinukunwattana et al. 2017, doi:10.1016/j.media.2016.08.008, section 4.3.

    >>> object_hausdorff([[1, 1, 0, 2]], [[1, 1, 0, 0]])  # (2/3 * 0 + 1/3 * 3 + 0) / 2
    0.5
    """
    overlaps = Overlaps.of(prediction, truth, ignore)
    shape = overlaps.truth.instances.shape
    steps = as_spacing(spacing, len(shape))
    return ObjectDistances(overlaps, steps).weighted(diagonal(shape, steps), missing)


def panoptic_quality(prediction: Mask, truth: Mask, *, ignore: int | None = None) -> float:
    """Sum of matched objects' IoU / (TP + FP / 2 + FN / 2), in [0, 1], best 1; empty as in `object_f1`.

    Objects match where their IoU is larger than 0.5, which can be at most one each.

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
    ignore: int | None = None,
) -> float:
    """Mean over IoU thresholds of TP / (TP + FP + FN), in [0, 1], best 1; empty masks as in `object_f1`.

    At every threshold objects are matched one-to-one where their IoU is larger. The thresholds by default are
    0.5, 0.55, … 0.95, as for nuclei in the 2018 Data Science Bowl; thresholds outside 0 to 1 are an error.

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
    prediction: Mask, truth: Mask, *, one_to_one: bool = False, ignore: int | None = None
) -> float:
    """Aggregated Jaccard index, in [0, 1], best 1; empty masks as in `object_f1`.

    Every true object takes the predicted one with the largest IoU. The points shared by these pairs, over
    the points of their unions, of true objects without a partner and of predicted objects that none took.
    The paper's procedure lets several true objects take the same predicted one, whose points then count
    several times; with `one_to_one` (known as AJI+) pairs are formed with the largest sum of IoU.

    Source: N. Kumar et al., IEEE TMI 36 (2017) 1550, doi:10.1109/TMI.2017.2677499, algorithm 1; S. Graham et
    al., Medical Image Analysis 58 (2019) 101563, doi:10.1016/j.media.2019.101563 (AJI+).

    >>> aggregated_jaccard([[1, 1, 0, 2]], [[1, 1, 1, 0]])  # 2 / (3 + 1)
    0.5
    """
    return Overlaps.of(prediction, truth, ignore).aggregated_jaccard(one_to_one)

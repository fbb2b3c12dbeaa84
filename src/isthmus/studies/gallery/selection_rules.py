"""The rules that choose the cases of a gallery: each gives a case a score, and the highest scores are shown.

The rules are those by which the papers chose their examples: clear and obscure boundaries (MultiResUNet figures 7 and
8, MILDNet 9, 11 and 12), inconsistent foreground (MultiResUNet 9, MILDNet 10), outliers (MultiResUNet 10, MILDNet 13),
the majority class (MultiResUNet 11, MILDNet 14), under- and over-segmentation (Sharp U-Net 7 and 8), several classes
(Sharp U-Net 4, HMEDN 10), with and without a part (MILDNet 6). The papers chose by eye; these rules choose by number.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from isthmus.report.drawing import border, resize_labels

Floats = NDArray[np.float64]
Labels = NDArray[Any]

SIDE = 256
"""Longest side in pixels of what the rules read; larger images are reduced to it."""
BLUR = 2.0
"""Standard deviation in pixels of the weights by which tones near a border are averaged."""
FAINT = 0.1
"""A contrast below this share of the range of tones is hard to see."""


@dataclass(frozen=True)
class ReducedCase:
    """What the rules read of a case.

    Attributes:
        tones: (H, W) float64 from 0 to 1.
        truth: true labels (H, W), 0 is background.
        predicted: the labels of each network, (H, W).
        classes: the indices of the foreground classes.
        pairs: networks with a part, each with the name of the same network without it.
    """

    tones: Floats
    truth: Labels
    predicted: Mapping[str, Labels]
    classes: tuple[int, ...] = (1,)
    pairs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Rule:
    """A rule that chooses the cases with the highest scores.

    Attributes:
        name: its column in ``gallery.csv``.
        title: its heading.
        description: completes the sentence "Cases in which …".
        unit: what the score measures.
        score: the score of a case; NaN if it is undefined.
        threshold: cases are chosen only if their score is above it.
    """

    name: str
    title: str
    description: str
    unit: str
    score: Callable[[ReducedCase], float]
    threshold: float = 0.0


def reduced_case(
    image: NDArray[Any],
    truth: Labels,
    predicted: Mapping[str, Labels],
    classes: tuple[int, ...] = (1,),
    pairs: Mapping[str, str] | None = None,
) -> ReducedCase:
    """Returns a case as the rules read it: the mean of its channels and its labels, reduced to `SIDE` if larger.

    Tones run from 0 at the 0.5th percentile of the image to 1 at the 99.5th.

    Args:
        image: (H, W) or (H, W, channels), any number type.
        truth: true labels (H, W), 0 is background.
        predicted: the labels of each network, (H, W).
        classes: the indices of the foreground classes.
        pairs: networks with a part, each with the name of the same network without it.
    """
    grey = image.astype(np.float32) if image.ndim == 2 else image.mean(axis=-1, dtype=np.float32)
    height, width = truth.shape
    shrink = min(1.0, SIDE / max(height, width))
    size = (max(1, round(height * shrink)), max(1, round(width * shrink)))
    if size != truth.shape:
        grey = np.asarray(Image.fromarray(grey).resize(size[::-1], Image.Resampling.BOX))
    low, high = np.percentile(grey, (0.5, 99.5))
    span = float(high - low)
    tones = np.clip((grey - low) / span, 0, 1).astype(np.float64) if span > 0 else np.zeros(size)
    reduced = {name: resize_labels(labels, size) for name, labels in predicted.items()}
    return ReducedCase(tones, resize_labels(truth, size), reduced, classes, dict(pairs or {}))


def contrasts(tones: Floats, truth: Labels) -> Floats:
    """Returns the difference between the tones on the two sides of the border, for each pixel inside the true border.

    The tone of a side is a mean with Gaussian weights (standard deviation `BLUR`) around the pixel, over the pixels of
    the class or over all others. Each class has its own border.

    Args:
        tones: (H, W) from 0 to 1.
        truth: labels (H, W), 0 is background.

    Returns:
        One number from 0 to 1 for each border pixel; empty if there is no border.
    """
    found = []
    for label in np.unique(truth[truth > 0]):
        mask = truth == label
        here = border(mask.astype(np.uint8))
        inner, outer = mask.astype(np.float64), (~mask).astype(np.float64)
        sides = [_blurred(tones * part)[here] / _blurred(part)[here] for part in (inner, outer)]
        found.append(np.abs(sides[0] - sides[1]))
    return np.concatenate(found) if found else np.zeros(0)


def clear_boundary(case: ReducedCase) -> float:
    """Returns the mean of `contrasts`; NaN without a border."""
    found = contrasts(case.tones, case.truth)
    return float(found.mean()) if found.size else math.nan


def obscure_boundary(case: ReducedCase) -> float:
    """Returns the share of the true border where `contrasts` are below `FAINT`; NaN without a border."""
    found = contrasts(case.tones, case.truth)
    return float((found < FAINT).mean()) if found.size else math.nan


def inconsistent_foreground(case: ReducedCase) -> float:
    """Returns the standard deviation of the tones inside the truth, around the mean of each class; NaN if it is empty.

    The largest value is 0.5, where half of the foreground is black and half is white.
    """
    inside = case.truth > 0
    if not inside.any():
        return math.nan
    squares = 0.0
    for label in np.unique(case.truth[inside]):
        tones = case.tones[case.truth == label]
        squares += float(((tones - tones.mean()) ** 2).sum())
    return math.sqrt(squares / np.count_nonzero(inside))


def outliers(case: ReducedCase) -> float:
    """Returns the share of the image that is background but stands out from it and looks like foreground.

    Background is what lies more than 2 pixels from the truth. Let m be its median, s 1.4826 times the median distance
    from m, and f the median of the foreground. A pixel counts if it differs from m towards f by more than 3 s and by
    more than half of f - m. NaN if there is no foreground, or no such background.
    """
    inside = case.truth > 0
    outside = ~ndimage.binary_dilation(inside, iterations=2)
    if not inside.any() or not outside.any():
        return math.nan
    tones = case.tones[outside]
    middle = float(np.median(tones))
    spread = 1.4826 * float(np.median(np.abs(tones - middle)))
    towards = float(np.median(case.tones[inside])) - middle
    excess = (tones - middle) * (1 if towards >= 0 else -1)
    return float((excess > max(3 * spread, abs(towards) / 2, 1e-9)).sum()) / inside.size


def foreground_share(case: ReducedCase) -> float:
    """Returns the share of the image that is foreground."""
    return float((case.truth > 0).mean())


def balance(truth: Labels, predicted: Labels) -> float:
    """Returns missed minus false pixels, as a share of all pixels in either mask.

    It is 1 where nothing was found, -1 where nothing is true, and 0 where as many pixels are missed as are false.

    >>> balance(np.array([1, 1, 1, 0]), np.array([1, 0, 0, 0])), balance(np.array([0, 0]), np.array([0, 0]))
    (0.6666666666666666, 0.0)
    """
    true, found = truth > 0, predicted > 0
    either = np.count_nonzero(true | found)
    missed, false = np.count_nonzero(true & ~found), np.count_nonzero(found & ~true)
    return float((missed - false) / either) if either else 0.0


def under_segmentation(case: ReducedCase) -> float:
    """Returns the mean `balance` of the networks."""
    return float(np.mean([balance(case.truth, each) for each in case.predicted.values()]))


def over_segmentation(case: ReducedCase) -> float:
    """Returns the mean `balance` of the networks with the opposite sign."""
    return -under_segmentation(case)


def several_classes(case: ReducedCase) -> float:
    """Returns the effective number of classes: exp of the entropy of their shares, 2 for two classes of one size."""
    counts = np.unique(case.truth[case.truth > 0], return_counts=True)[1]
    shares = counts / max(counts.sum(), 1)
    return float(np.exp(-(shares * np.log(shares)).sum())) if len(counts) else 0.0


def absent_class(case: ReducedCase) -> float:
    """Returns the mean share of the image that networks assign to classes that the truth lacks."""
    absent = sorted(set(case.classes) - set(np.unique(case.truth).tolist()))
    return float(np.mean([np.isin(each, absent).mean() for each in case.predicted.values()]))


def mean_dice(truth: Labels, predicted: Labels) -> float:
    """Returns the mean Dice over the classes that either map has; 1 where neither has any.

    >>> mean_dice(np.array([1, 1, 2, 0]), np.array([1, 0, 2, 0]))
    0.8333333333333333
    """
    found = []
    for label in sorted({*np.unique(truth).tolist(), *np.unique(predicted).tolist()} - {0}):
        a, b = truth == label, predicted == label
        found.append(2 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b)))
    return math.fsum(found) / len(found) if found else 1.0


def dice_difference(case: ReducedCase) -> float:
    """Returns the largest difference in Dice between the networks of a named pair, or else between any two networks."""
    dices = {name: mean_dice(case.truth, labels) for name, labels in case.predicted.items()}
    if case.pairs:
        both = [(a, b) for a, b in case.pairs.items() if a in dices and b in dices]
        return max((abs(dices[a] - dices[b]) for a, b in both), default=math.nan)
    return max(dices.values()) - min(dices.values()) if len(dices) > 1 else math.nan


RULES = (
    Rule(
        "clear-boundary",
        "Clear boundary",
        "the tones on the two sides of the true border differ most, on average along it (1: the whole range).",
        "contrast",
        clear_boundary,
    ),
    Rule(
        "obscure-boundary",
        "Obscure boundary",
        "the tones on the two sides differ by less than a tenth of the range along the largest share of the border.",
        "faint share of the border",
        obscure_boundary,
    ),
    Rule(
        "inconsistent-foreground",
        "Inconsistent foreground",
        "tones inside the truth vary most (standard deviation around the mean of each class, at most 0.5).",
        "spread",
        inconsistent_foreground,
    ),
    Rule(
        "outliers",
        "Outliers",
        "the largest share of the image is background that stands out from the rest by over 3 robust deviations, "
        "towards the tone of the foreground and more than half way to it.",
        "share of the image",
        outliers,
    ),
    Rule(
        "majority-class",
        "Majority class",
        "the foreground covers the largest share of the image, and more than half of it.",
        "foreground",
        foreground_share,
        0.5,
    ),
    Rule(
        "under-segmentation",
        "Under-segmentation",
        "networks miss more than they falsely mark: missed minus false pixels over all in either mask, on average.",
        "missed minus false",
        under_segmentation,
    ),
    Rule(
        "over-segmentation",
        "Over-segmentation",
        "networks falsely mark more than they miss: false minus missed pixels over all in either mask, on average.",
        "false minus missed",
        over_segmentation,
    ),
    Rule(
        "several-classes",
        "Several classes",
        "the foreground is divided most evenly among most classes (exp of the entropy of their shares).",
        "effective classes",
        several_classes,
        1.0,
    ),
    Rule(
        "absent-class",
        "Absent class",
        "the truth lacks a class to which the networks nevertheless assign the largest share of the image, on average.",
        "share of the image",
        absent_class,
    ),
    Rule(
        "apart",
        "With and without a part",
        "the Dice scores of a network with a part and of the same network without it differ most.",
        "difference of Dice",
        dice_difference,
    ),
)
"""The rules, in the order of the page."""


def _blurred(values: Floats) -> Floats:
    return np.asarray(ndimage.gaussian_filter(values, BLUR, mode="nearest"))

"""Which cases a gallery shows: each rule is a function of image, truth and predictions, and the highest scores win.

The rules are those by which the papers chose their examples: clear and obscure boundaries (MultiResUNet figures 7 and
8, MILDNet 9, 11 and 12), inconsistent foreground (MultiResUNet 9, MILDNet 10), outliers (MultiResUNet 10, MILDNet 13),
the majority class (MultiResUNet 11, MILDNet 14), under- and over-segmentation (Sharp U-Net 7 and 8), several classes
(Sharp U-Net 4, HMEDN 10), with and without a part (MILDNet 6). The papers chose by eye; these choose by number.
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
"""Longest side in pixels of what the rules look at; larger pictures are reduced to it."""
BLUR = 2.0
"""Standard deviation in pixels of the weights by which tones near a border are averaged."""
FAINT = 0.1
"""A contrast below this share of the range of tones cannot well be seen."""


@dataclass(frozen=True)
class Sight:
    """What the rules see of a case: tones (H, W) from 0 to 1, true labels (H, W), and predicted ones by network.

    `pairs` names networks with a part, and the same without it.
    """

    tones: Floats
    truth: Labels
    predicted: Mapping[str, Labels]
    classes: tuple[int, ...] = (1,)
    pairs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Rule:
    """How cases are chosen: those of the highest score, if it is above `least`."""

    name: str
    title: str
    says: str  # one line for the reader
    unit: str  # what the score is
    score: Callable[[Sight], float]
    least: float = 0.0


def sight(
    image: NDArray[Any],
    truth: Labels,
    predicted: Mapping[str, Labels],
    classes: tuple[int, ...] = (1,),
    pairs: Mapping[str, str] | None = None,
) -> Sight:
    """A case as the rules see it: the mean of its channels, reduced to `SIDE` where it is larger, and its labels alike.

    Tones run from 0 at the 0.5th percentile of the image to 1 at the 99.5th.

    Args:
        image: (H, W) or (H, W, channels).
        truth, predicted: labels (H, W), 0 is background.
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
    return Sight(tones, resize_labels(truth, size), reduced, classes, dict(pairs or {}))


def contrasts(tones: Floats, truth: Labels) -> Floats:
    """At each pixel inside the true border how far the tones on its two sides are apart, 0 to 1.

    The tones of a side are their mean by Gaussian weights (standard deviation `BLUR`) around the pixel, over the pixels
    of the class and over all others; of several classes each has its own border.
    """
    found = []
    for label in np.unique(truth[truth > 0]):
        mask = truth == label
        here = border(mask.astype(np.uint8))
        inner, outer = mask.astype(np.float64), (~mask).astype(np.float64)
        sides = [_blurred(tones * part)[here] / _blurred(part)[here] for part in (inner, outer)]
        found.append(np.abs(sides[0] - sides[1]))
    return np.concatenate(found) if found else np.zeros(0)


def clear_boundary(seen: Sight) -> float:
    """The mean of `contrasts`; NaN without a border."""
    found = contrasts(seen.tones, seen.truth)
    return float(found.mean()) if found.size else math.nan


def obscure_boundary(seen: Sight) -> float:
    """The share of the true border where `contrasts` are below `FAINT`; NaN without a border."""
    found = contrasts(seen.tones, seen.truth)
    return float((found < FAINT).mean()) if found.size else math.nan


def inconsistent_foreground(seen: Sight) -> float:
    """The standard deviation of the tones inside the truth, of several classes around the mean of each; NaN of nothing.

    Full where half of the foreground is black and half white: 0.5.
    """
    inside = seen.truth > 0
    if not inside.any():
        return math.nan
    squares = 0.0
    for label in np.unique(seen.truth[inside]):
        tones = seen.tones[seen.truth == label]
        squares += float(((tones - tones.mean()) ** 2).sum())
    return math.sqrt(squares / np.count_nonzero(inside))


def outliers(seen: Sight) -> float:
    """The share of the image that is background, stands out of the background, and looks like foreground.

    Background is what lies more than 2 pixels off the truth. With m its median, s 1.4826 times the median distance from
    it, and f the median of the foreground, a pixel counts that differs from m towards f by more than 3 s and by more
    than half of f - m. NaN where there is no foreground, or no such background.
    """
    inside = seen.truth > 0
    outside = ~ndimage.binary_dilation(inside, iterations=2)
    if not inside.any() or not outside.any():
        return math.nan
    tones = seen.tones[outside]
    middle = float(np.median(tones))
    spread = 1.4826 * float(np.median(np.abs(tones - middle)))
    towards = float(np.median(seen.tones[inside])) - middle
    apart = (tones - middle) * (1 if towards >= 0 else -1)
    return float((apart > max(3 * spread, abs(towards) / 2, 1e-9)).sum()) / inside.size


def foreground_share(seen: Sight) -> float:
    """The share of the image that is foreground."""
    return float((seen.truth > 0).mean())


def balance(truth: Labels, predicted: Labels) -> float:
    """Missed less false pixels, as a share of all that either mask marks: 1 nothing found, -1 nothing true, 0 as much
    false as missed.

    >>> balance(np.array([1, 1, 1, 0]), np.array([1, 0, 0, 0])), balance(np.array([0, 0]), np.array([0, 0]))
    (0.6666666666666666, 0.0)
    """
    true, found = truth > 0, predicted > 0
    either = np.count_nonzero(true | found)
    missed, false = np.count_nonzero(true & ~found), np.count_nonzero(found & ~true)
    return float((missed - false) / either) if either else 0.0


def under_segmentation(seen: Sight) -> float:
    """The mean `balance` of the networks."""
    return float(np.mean([balance(seen.truth, each) for each in seen.predicted.values()]))


def over_segmentation(seen: Sight) -> float:
    """The mean `balance` of the networks, with the other sign."""
    return -under_segmentation(seen)


def several_classes(seen: Sight) -> float:
    """How many classes the foreground effectively has: exp of the entropy of their shares; 2 of two equal ones."""
    counts = np.unique(seen.truth[seen.truth > 0], return_counts=True)[1]
    shares = counts / max(counts.sum(), 1)
    return float(np.exp(-(shares * np.log(shares)).sum())) if len(counts) else 0.0


def absent_class(seen: Sight) -> float:
    """The share of the image that networks, in the mean, give to classes of which the truth has none."""
    absent = sorted(set(seen.classes) - set(np.unique(seen.truth).tolist()))
    return float(np.mean([np.isin(each, absent).mean() for each in seen.predicted.values()]))


def overlap(truth: Labels, predicted: Labels) -> float:
    """Dice, in the mean over the classes that either map has; 1 where neither has any.

    >>> overlap(np.array([1, 1, 2, 0]), np.array([1, 0, 2, 0]))
    0.8333333333333333
    """
    found = []
    for label in sorted({*np.unique(truth).tolist(), *np.unique(predicted).tolist()} - {0}):
        a, b = truth == label, predicted == label
        found.append(2 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b)))
    return math.fsum(found) / len(found) if found else 1.0


def apart(seen: Sight) -> float:
    """How far apart two networks' Dice are: of the named pairs the largest difference, else the range over all."""
    dices = {name: overlap(seen.truth, labels) for name, labels in seen.predicted.items()}
    if seen.pairs:
        both = [(a, b) for a, b in seen.pairs.items() if a in dices and b in dices]
        return max((abs(dices[a] - dices[b]) for a, b in both), default=math.nan)
    return max(dices.values()) - min(dices.values()) if len(dices) > 1 else math.nan


RULES = (
    Rule(
        "clear-boundary",
        "Clear boundary",
        "tones on the two sides of the true border are furthest apart, in the mean along it (1: all of the range).",
        "contrast",
        clear_boundary,
    ),
    Rule(
        "obscure-boundary",
        "Obscure boundary",
        "tones on the two sides of the border differ by less than a tenth of the range along the largest share of it.",
        "faint share of the border",
        obscure_boundary,
    ),
    Rule(
        "inconsistent-foreground",
        "Inconsistent foreground",
        "tones inside the truth spread most (standard deviation, at most 0.5; of several classes around each mean).",
        "spread",
        inconsistent_foreground,
    ),
    Rule(
        "outliers",
        "Outliers",
        "the largest share of the image is background that stands out of the rest by over 3 robust deviations, "
        "towards the tone of the foreground and more than half way to it.",
        "share of the image",
        outliers,
    ),
    Rule(
        "majority-class",
        "Majority class",
        "the foreground takes the largest share of the image, and more than half.",
        "foreground",
        foreground_share,
        0.5,
    ),
    Rule(
        "under-segmentation",
        "Under-segmentation",
        "networks miss more than they mark falsely: missed less false pixels over all in either mask, in the mean.",
        "missed less false",
        under_segmentation,
    ),
    Rule(
        "over-segmentation",
        "Over-segmentation",
        "networks mark more falsely than they miss: false less missed pixels over all in either mask, in the mean.",
        "false less missed",
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
        "the truth lacks a class, and networks in the mean give it the largest share of the image all the same.",
        "share of the image",
        absent_class,
    ),
    Rule(
        "apart",
        "With and without a part",
        "the Dice of a network with a part and of that without it are furthest apart.",
        "difference of Dice",
        apart,
    ),
)
"""In the order of the page."""


def _blurred(values: Floats) -> Floats:
    return np.asarray(ndimage.gaussian_filter(values, BLUR, mode="nearest"))

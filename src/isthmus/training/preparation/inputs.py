"""Fills in what a recipe leaves open about its input: size, normalisation, and the number of samples per epoch."""

from __future__ import annotations

import math

import numpy as np

from isthmus.data.cases import load_image
from isthmus.data.checks.check import Checked
from isthmus.data.splits.folds import Split
from isthmus.errors import IsthmusError
from isthmus.runs.recipe import Input

PATCH = {2: 256, 3: 96}
"""Largest side of a patch, by the number of axes, if the recipe gives none."""
FEWEST, MOST = 32, 500
"""Limits of the number of patches per epoch, if the recipe gives none."""


def resolve_input(given: Input, checked: Checked, axes: int, *, roi: bool, instances: bool) -> Input:
    """Returns the section `input` of a recipe with its size and its normalisation.

    Images are resized if the recipe or the data set gives a size; otherwise the network sees patches at native scale.
    Bytes have a scale in common, by which they are divided; all else is normalised image by image.

    Args:
        given: the section as the recipe leaves it.
        checked: its data.
        axes: spatial axes of the network.
        roi: whether the network sees a region of interest.
        instances: whether it numbers objects.

    Raises:
        IsthmusError: sizes that exclude each other, or with another number of axes than the network's.
    """
    if given.normalise == "auto":
        found = "scale" if all(facts.dtype == "uint8" for facts in checked.cases) else "zscore"
        given = given.model_copy(update={"normalise": found})
    if given.resize and given.patch:
        raise IsthmusError("input.resize and input.patch exclude each other; give one of them")
    if roi and (given.resize or given.patch):
        raise IsthmusError("roi.size is what the network sees; leave out input.resize and input.patch")
    for key, size in (("resize", given.resize), ("patch", given.patch)):
        if size and len(size) != axes:
            raise IsthmusError(
                f"input.{key} names {len(size)} sides but the images have {axes} axes; name {axes}"
            )
    if roi or given.resize or given.patch:
        return given
    usual = checked.dataset.resize
    if usual and len(usual) == axes and not instances:  # resized, small objects would merge
        return given.model_copy(update={"resize": usual})
    return given.model_copy(update={"patch": _patch(checked, axes)})


def _patch(checked: Checked, axes: int) -> tuple[int, ...]:
    """Returns a size that holds the largest image, in steps of 32 pixels and within limits."""
    sides = [max(axis) for axis in zip(*(facts.shape[1:] for facts in checked.cases), strict=True)][-axes:]
    if axes == 2:  # square, as quarter turns exchange the axes
        sides = [max(sides)] * 2
    return tuple(min(PATCH[axes], max(32, math.ceil(side / 32) * 32)) for side in sides)


def samples_per_epoch(given: Input, checked: Checked, split: Split, *, roi: bool) -> int:
    """Returns how many samples an epoch has if the recipe leaves it open.

    Every resized image comes once, and so does every fixed window and every slice; otherwise there are as many patches
    as cover the training images, within limits.
    """
    train = set(split.train)
    shapes = [facts.shape[1:] for facts in checked.cases if facts.id in train]
    if given.windows:
        return len(shapes) * given.windows
    if given.slices and (roi or not given.patch):
        return min(MOST, max(FEWEST, sum(shape[0] for shape in shapes)))
    if given.patch is None:
        return len(split.train)
    patch: tuple[int, ...] = (1, *given.patch) if given.slices else given.patch
    cover = sum(math.prod(math.ceil(n / p) for n, p in zip(shape, patch, strict=True)) for shape in shapes)
    return min(MOST, max(FEWEST, cover))


def with_levels_of_the_data(given: Input, checked: Checked, split: Split, channels: int) -> Input:
    """Fills in the mean and the deviation where all images are normalised by those of the training images."""
    if given.normalise != "dataset" or given.mean:
        return given
    mean, deviation = mean_and_deviation(checked, split, channels)
    return given.model_copy(update={"mean": mean, "deviation": deviation})


def mean_and_deviation(checked: Checked, split: Split, channels: int) -> tuple[list[float], list[float]]:
    """Returns mean and standard deviation of each channel over all pixels of the training images."""
    train = set(split.train)
    total, squares, count = np.zeros(channels), np.zeros(channels), 0
    for case in checked.dataset.cases:
        if case.id in train:
            flat = load_image(case, channels).reshape(channels, -1).astype(np.float64)
            total += flat.sum(axis=1)
            squares += np.square(flat).sum(axis=1)
            count += flat.shape[1]
    mean = total / count
    deviation = np.sqrt(np.maximum(0, squares / count - mean**2))
    return mean.tolist(), deviation.tolist()

"""Fills in what a recipe leaves open about its input: size, normalisation, and the number of samples per epoch."""

from __future__ import annotations

import math

import numpy as np

from isthmus.data.cases import load_image
from isthmus.data.checks.check import Checked
from isthmus.data.sampling.grid import Grid
from isthmus.data.sampling.spacing import spacing_text, stated_spacing, usual_spacing
from isthmus.data.splits.folds import Split
from isthmus.errors import IsthmusError, counted
from isthmus.inference.settings import settled_spacing
from isthmus.runs.recipe import Input

PATCH = {2: 256, 3: 96}
"""Largest side of a patch, by the number of axes, if the recipe gives none."""
FEWEST, MOST = 32, 500
"""Limits of the number of patches per epoch, if the recipe gives none."""
VAST = 2**31
"""Most pixels of an image at a spacing; they take 8 GiB."""


def resolve_input(
    given: Input, checked: Checked, split: Split, axes: int, *, roi: bool, instances: bool
) -> Input:
    """Returns the section `input` of a recipe with its size, its spacing and its normalisation.

    Images are resized if the recipe or the data set gives a size; otherwise the network sees patches, at native scale
    or at a spacing.
    Bytes have a scale in common, by which they are divided; all else is normalised image by image, and so are all
    images whose objects are numbered, which would be missed in dim ones.

    Args:
        given: the section as the recipe leaves it.
        checked: its data.
        split: the cases that train.
        axes: spatial axes of the network.
        roi: whether the network sees a region of interest.
        instances: whether it numbers objects.

    Raises:
        IsthmusError: sizes that exclude each other, or with another number of axes than the network's.
    """
    if given.normalise == "auto":
        found = "scale" if all(facts.dtype == "uint8" for facts in checked.cases) else "zscore"
        found = "percentile" if instances else found
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
    if given.spacing is not None:
        given = given.model_copy(update={"spacing": _spacing(given, checked, split, axes)})
        _refuse_vast(given, checked)
    if roi or given.resize or given.patch:
        return given
    usual = None if given.spacing else checked.dataset.resize
    if usual and len(usual) == axes and not instances:  # resized, small objects would merge
        return given.model_copy(update={"resize": usual})
    return given.model_copy(update={"patch": _patch(given, checked, axes)})


def _spacing(given: Input, checked: Checked, split: Split, axes: int) -> tuple[float, ...]:
    """Returns the spacing that a recipe gives or, for `auto`, the usual one of the training cases.

    Raises:
        IsthmusError: a case without a spacing, another number of axes, or a size that contradicts it.
    """
    if given.resize:
        raise IsthmusError("input.resize and input.spacing exclude each other; give one of them")
    silent = [case for case in checked.dataset.cases if stated_spacing(case) is None]
    if silent:
        raise IsthmusError(
            f"{silent[0].images[0]}: states no size of its pixels, which input.spacing needs (missing in "
            f"{len(silent)} of {counted(len(checked.dataset.cases), 'case')}); save it in a format that states one "
            "(NIfTI, NRRD, MetaImage, DICOM), or leave input.spacing out"
        )
    shapes, train = {facts.id: facts.shape[1:] for facts in checked.cases}, set(split.train)
    found = {case.id: stated_spacing(case) or () for case in checked.dataset.cases}
    if given.spacing == "auto":
        training = [name for name in found if name in train]
        return usual_spacing([found[name] for name in training], [shapes[name] for name in training])[-axes:]
    spacing = settled_spacing(given) or ()
    whole = len(checked.cases[0].shape) - 1
    if len(spacing) not in {axes, whole}:
        raise IsthmusError(
            f"input.spacing names {len(spacing)} sides but the images have {whole} axes; name {whole}"
        )
    return spacing


def _refuse_vast(given: Input, checked: Checked) -> None:
    """Raises an error if an image would have more pixels than memory holds, as with a spacing in metres.

    Raises:
        IsthmusError: names the image and its size.
    """
    name, size = max(sizes_seen(given, checked).items(), key=lambda item: math.prod(item[1]))
    if math.prod(size) > VAST:
        raise IsthmusError(
            f"input.spacing {spacing_text(settled_spacing(given) or ())} gives '{name}' "
            f"{'x'.join(map(str, size))} pixels; spacings are in mm, give larger ones"
        )


def sizes_seen(given: Input, checked: Checked) -> dict[str, tuple[int, ...]]:
    """Returns the size ``(*spatial)`` of each case on the grid on which patches are cut, by its id."""
    grid = Grid(spacing=settled_spacing(given))
    spacings = {case.id: stated_spacing(case) for case in checked.dataset.cases}
    return {facts.id: grid.size(facts.shape[1:], spacings[facts.id]) for facts in checked.cases}


def _patch(given: Input, checked: Checked, axes: int) -> tuple[int, ...]:
    """Returns a size that holds the largest image, in steps of 32 pixels and within limits."""
    sides = [max(axis) for axis in zip(*sizes_seen(given, checked).values(), strict=True)][-axes:]
    if axes == 2:  # square, as quarter turns exchange the axes
        sides = [max(sides)] * 2
    return tuple(min(PATCH[axes], max(32, math.ceil(side / 32) * 32)) for side in sides)


def samples_per_epoch(given: Input, checked: Checked, split: Split, *, roi: bool) -> int:
    """Returns how many samples an epoch has if the recipe leaves it open.

    Every resized image comes once, and so does every fixed window and every slice; otherwise there are as many patches
    as cover the training images, within limits.
    """
    train = set(split.train)
    shapes = [size for name, size in sizes_seen(given, checked).items() if name in train]
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

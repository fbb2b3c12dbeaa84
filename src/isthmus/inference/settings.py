"""Turns a resolved recipe into what inference works with: mask values, normalisation, clean-up."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from isthmus.data.masks.values import ValueMap
from isthmus.data.sampling.intensity import Intensity, Normaliser, intensity
from isthmus.errors import IsthmusError
from isthmus.inference.outputs.cleanup import CleanUp
from isthmus.runs.recipe import Cleanup, Data, Input, Recipe


def value_map(data: Data) -> ValueMap:
    """Returns the mask values of the training data, as a resolved recipe stores them."""
    return ValueMap(tuple(data.values.items()), data.value_rule or "exact")


def normaliser(given: Input) -> Normaliser:
    """Returns how images are normalised: each separately, or all by the training images' mean and deviation."""
    if given.normalise == "dataset":
        deviation = np.asarray(given.deviation, np.float32)
        factor = np.divide(1, deviation, out=np.zeros_like(deviation), where=deviation > 0)
        fixed = Intensity(np.asarray(given.mean, np.float32), factor)
        return lambda _: fixed
    if given.normalise == "auto":  # a recipe that no data has resolved
        return lambda image: intensity(image, "scale" if image.dtype == np.uint8 else "zscore")
    mode = given.normalise
    return lambda image: intensity(image, mode)


def settled_spacing(given: Input) -> tuple[float, ...] | None:
    """Returns the spacing of a resolved recipe; None if images keep their own."""
    return None if given.spacing is None or given.spacing == "auto" else given.spacing


def clean_up(asked: Cleanup, classes: Sequence[str]) -> CleanUp:
    """Returns the clean-up that a recipe asks for, in indices of its classes.

    Raises:
        IsthmusError: it names a class that does not exist.
    """

    def index(name: str, key: str) -> int:
        if name not in classes[1:]:
            raise IsthmusError(f"{key} names '{name}': the classes are {', '.join(classes[1:])}")
        return classes.index(name)

    every = tuple(range(1, len(classes)))
    if isinstance(asked.largest, bool):
        largest = every if asked.largest else ()
    else:
        largest = tuple(index(name, "cleanup.largest") for name in asked.largest)
    if isinstance(asked.min_size, int):
        smallest = dict.fromkeys(every, asked.min_size) if asked.min_size else {}
    else:
        smallest = {index(name, "cleanup.min_size"): size for name, size in asked.min_size.items()}
    return CleanUp(largest, smallest, asked.holes, asked.merge, asked.keep_share)


def channels_seen(recipe: Recipe) -> int:
    """Returns the channels of an image as the network sees it: neighbouring slices count."""
    return (recipe.data.channels or 1) * (recipe.input.slices or 1)


def refuse_other_axes(shape: Sequence[int], recipe: Recipe) -> None:
    """Refuses a picture if the network was trained on volumes, and a volume if it was trained on pictures.

    Args:
        shape: shape of the image, `(channels, *spatial)`.
        recipe: recipe of the network.

    Raises:
        IsthmusError: says which it is, and what to do.
    """
    kinds = {2: "picture", 3: "volume"}
    learned, found = 3 if recipe.input.slices else recipe.spatial_dims, len(shape) - 1
    if found != learned:
        size = " x ".join(str(n) for n in reversed(shape[1:]))
        raise IsthmusError(
            f"a {kinds.get(found, 'stack')} of {size}, but the network was trained on {kinds[learned]}s; leave it out, "
            "or use a run that was trained on such images"
        )

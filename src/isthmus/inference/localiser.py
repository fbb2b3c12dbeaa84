"""The region of interest: a first, coarse network finds it, the second sees only that region, and its maps return to
their place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from torch import nn

from isthmus.data.sampling.grid import Grid
from isthmus.data.sampling.patches import window_around
from isthmus.inference.engines.engine import Engine
from isthmus.inference.outputs.classes import Classes, Floats
from isthmus.inference.tiled_network import TiledNetwork
from isthmus.runs.recipe import Hardware, Recipe

Window = tuple[slice, ...]
SPECK = 0.1
"""Components of less than this share of the largest are taken for mistakes."""


@dataclass(frozen=True)
class Localiser:
    """The first network of a recipe with a region of interest.

    Attributes:
        network: gives a coarse mask of the whole image.
        classes: what its maps stand for.
        grid: the scale at which it works.
    """

    network: TiledNetwork
    classes: Classes
    grid: Grid

    @classmethod
    def of(
        cls, networks: Sequence[nn.Module], recipe: Recipe, hardware: Hardware, engine: Engine | None = None
    ) -> Localiser:
        """Returns the localiser of networks that were trained with ``recipe``; arguments as `TiledNetwork.of`."""
        return cls(
            TiledNetwork.of(networks, recipe, hardware, engine=engine),
            Classes.of(recipe.data, recipe.cleanup.threshold),
            Grid(recipe.input.resize),
        )

    def locate(self, image: Floats, region: Sequence[int]) -> tuple[Window, str]:
        """Returns `box_around` what the network finds in a normalised image ``(channels, *spatial)``.

        Args:
            image: the image at its own scale.
            region: sides of the window along the last axes.
        """
        logits = self.network.infer(self.grid.image(image))["logits"]
        found = self.classes.decide(self.classes.activate(logits)) > 0
        return box_around(found, image.shape[1:], region)


def box_around(found: NDArray[np.bool_], size: Sequence[int], region: Sequence[int]) -> tuple[Window, str]:
    """Returns the window of ``region`` pixels around what was found, and a note if it does not fit (else "").

    Components down to a tenth of the largest count. The middle of the box around them becomes the middle of the
    window, which is shifted to lie inside the image. Where nothing was found, the window is the whole image. Where the
    box is larger than the region, the window is its middle, and everything outside becomes background.

    Args:
        found: mask ``(*coarse)`` on any grid.
        size: size of the image ``(*spatial)``, whose axes are those of ``found``.
        region: sides of the window along the last axes; along the axes before, the window spans the whole image.

    >>> found = np.zeros((8, 8), bool)
    >>> found[1:4, 5:7] = True
    >>> box_around(found, (80, 80), (40, 40))
    ((slice(5, 45, None), slice(40, 80, None)), '')
    """
    whole = tuple(slice(0, side) for side in size)
    if not found.any():
        return whole, "the first network found no region of interest; the whole image was segmented"
    components, count = ndimage.label(found, np.ones([3] * found.ndim))
    if count > 1:  # specks are not organs
        sizes = np.bincount(components.ravel())
        sizes[0] = 0
        found = (sizes >= SPECK * sizes.max())[components]
    before = len(size) - len(region)
    flat = np.asarray(found.any(axis=tuple(range(before))))
    scale = [side / coarse for side, coarse in zip(size[before:], flat.shape, strict=True)]
    box = [np.flatnonzero(flat.any(axis=tuple(set(range(flat.ndim)) - {a}))) for a in range(flat.ndim)]
    centre = [(places[0] + places[-1] + 1) / 2 * factor for places, factor in zip(box, scale, strict=True)]
    sides = [int((places[-1] + 1 - places[0]) * factor) for places, factor in zip(box, scale, strict=True)]
    window = (*whole[:before], *window_around(size[before:], region, centre))
    if any(side > most for side, most in zip(sides, region, strict=True)):
        return window, (
            f"the region found measures {_sides(sides)} pixels and roi.size is {_sides(region)}; everything outside "
            "becomes background, so train with a larger roi.size"
        )
    return window, ""


def paste(
    maps: NDArray[np.float32],
    window: Window,
    size: Sequence[int],
    outside: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Returns maps ``(maps, *window)`` in their place in the whole image, ``(maps, *size)``.

    Args:
        maps: maps of the window.
        window: their place in the whole image.
        size: size of the whole image.
        outside: the values ``(maps,)`` elsewhere; None: 0, as a regressed contour has far from any object.
    """
    full = np.zeros((len(maps), *size), np.float32)
    if outside is not None:
        full += outside.reshape(-1, *[1] * len(size))
    full[(slice(None), *window)] = maps
    return full


def _sides(sides: Sequence[int]) -> str:
    return " x ".join(map(str, sides))

"""Trained networks on an image of any size: it is cut into tiles, and the maps of each head are joined again."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from torch import nn

from isthmus.data.sampling.interpolation import Image
from isthmus.data.sampling.slices import slice_channels
from isthmus.errors import IsthmusError
from isthmus.inference.engines.engine import Eager, Engine, placed
from isthmus.inference.tiling.cutter import Cutter
from isthmus.inference.tiling.image_statistics import any_of_image, of_image, without
from isthmus.inference.tiling.margin import margin
from isthmus.inference.tiling.stream import as_floats, pieces
from isthmus.inference.tiling.tiles import Floats, Place
from isthmus.runs.recipe import Hardware, Recipe

Statistics: TypeAlias = Literal["tile", "image"]
Heads: TypeAlias = dict[str, Floats]
"""The maps ``(maps, *spatial)`` of each head, ``"logits"`` first."""


@dataclass(frozen=True)
class TiledNetwork:
    """Networks of one kind whose logits are averaged, on images of any size.

    Attributes:
        networks: one, or those of several folds.
        engine: computes a batch.
        hardware: the hardware that holds the networks.
        cutter: cuts images into tiles.
        slices: number of neighbouring slices of a volume that the networks see as channels; None: no slices.
        statistics: what instance normalisation uses where an image is cut: each ``"tile"``, as on patches, or the
            whole ``"image"`` (`isthmus.inference.tiling.image_statistics`), cut no more than memory demands.
    """

    networks: Sequence[nn.Module]
    engine: Engine
    hardware: Hardware
    cutter: Cutter
    slices: int | None = None
    statistics: Statistics = "tile"

    @classmethod
    def of(
        cls,
        networks: Sequence[nn.Module],
        recipe: Recipe,
        hardware: Hardware,
        *,
        engine: Engine | None = None,
        overlap: float = 0.5,
        statistics: Statistics = "tile",
    ) -> TiledNetwork:
        """Moves networks in memory to the device and into the layout of ``hardware``.

        Args:
            networks: trained with ``recipe``.
            engine: what computes a batch; None: the framework, on the networks as they are at each call.
            overlap: overlap of tiles that are averaged, as a share of their side.
            statistics: see the attribute.
        """
        placed(networks, hardware, recipe.spatial_dims)
        patch = recipe.roi.size if recipe.roi else recipe.input.patch
        divisor = int(getattr(networks[0], "divisor", 1))
        cutter = Cutter(patch, divisor, recipe.training.batch, overlap)
        engine = engine or Eager(networks, hardware)
        return cls(networks, engine, hardware, cutter, recipe.input.slices, statistics)

    def infer(
        self,
        image: NDArray[Any],
        normalise: Callable[[NDArray[Any]], Floats] = as_floats,
        change: Callable[[Heads], Heads] = lambda heads: heads,
    ) -> Heads:
        """Returns the maps of each head, ``(maps, *spatial)``.

        Args:
            image: ``(channels, *spatial)`` on the network's grid, of any number type.
            normalise: turns a tile of it into what the networks see.
            change: is applied to the maps piece by piece.
        """
        return joined(self.pieces(image, normalise), image.shape[1:], change)

    def pieces(
        self, image: Image, normalise: Callable[[NDArray[Any]], Floats] = as_floats
    ) -> Generator[tuple[Place, Heads]]:
        """Yields a place in the image and the maps of each head there, until every pixel was covered once; see
        `stream.pieces`."""
        if self.slices is None:
            for _, place, heads in self._pieces([image], normalise):
                yield place, heads
            return
        count = image.shape[1]
        step = 1 if self._uses_image_statistics else self.cutter.batch
        for first in range(0, count, step):
            stacks: list[Image] = [
                slice_channels(image, index, self.slices) for index in range(first, min(first + step, count))
            ]
            for number, place, heads in self._pieces(stacks, normalise):
                index = first + number
                yield (
                    (slice(index, index + 1), *place),
                    {name: values[:, None] for name, values in heads.items()},
                )

    def _pieces(
        self, images: Sequence[Image], normalise: Callable[[NDArray[Any]], Floats]
    ) -> Generator[tuple[int, Place, Heads]]:
        """Yields from images of one size: the index of an image, a place in it, and the maps there."""
        size, whole = images[0].shape[1:], self._uses_image_statistics
        # statistics of large tiles are closer to those of the image
        cutter = replace(self.cutter, patch=None) if whole else self.cutter
        joined = _JoinedHeads(self.engine)
        compute = partial(pieces, joined, images, normalise=normalise)
        tiling = cutter.tiling(size, self._margin)
        if not (whole and tiling.overlaps):
            for number, place, maps in compute(tiling, batch=cutter.batch_size(tiling)):
                yield number, place, joined.split(maps)
            return
        first, tiling = cutter.side_by_side(size), cutter.tiling(size, self._margin_without_statistics)
        if not isinstance(self.engine, Eager):
            raise IsthmusError("statistics 'image' need engine 'torch'; load the network with it")

        def see_everything() -> None:
            for _ in compute(first, batch=cutter.batch_size(first)):
                pass

        with of_image(self.engine.networks, see_everything):
            for number, place, maps in compute(tiling, batch=cutter.batch_size(tiling)):
                yield number, place, joined.split(maps)

    @cached_property
    def _margin(self) -> int | None:
        """How far from a cut side the networks, which are all of one kind, notice it."""
        return margin(self.networks[0])

    @cached_property
    def _margin_without_statistics(self) -> int | None:
        return margin(without(self.networks[0]))

    @property
    def _uses_image_statistics(self) -> bool:
        return self.statistics == "image" and any_of_image(self.networks[0])


def joined(
    pieces: Generator[tuple[Place, Heads]],
    size: Sequence[int],
    change: Callable[[Heads], Heads] = lambda heads: heads,
) -> Heads:
    """Returns the maps ``(maps, *size)`` of each head from their pieces, which are changed one by one."""
    result: Heads = {}
    with closing(pieces):
        for place, heads in pieces:
            for name, values in change(heads).items():
                if name not in result:
                    result[name] = np.empty((len(values), *size), np.float32)
                result[name][(slice(None), *place)] = values
    return result


class _JoinedHeads:
    """An engine whose heads come as one array, ``"logits"`` first, and can be split again."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.channels: dict[str, slice] = {}

    def __call__(self, batch: Floats) -> Floats:
        maps = self.engine(batch)
        start = 0
        for name, values in maps.items():
            self.channels[name] = slice(start, start + values.shape[1])
            start += values.shape[1]
        return maps["logits"] if len(maps) == 1 else np.concatenate(list(maps.values()), 1)

    def split(self, maps: Floats) -> Heads:
        """Returns views of the maps of each head."""
        return {name: maps[place] for name, place in self.channels.items()}

"""A trained network on images of any size: exactly the scale, normalisation and channels it was trained with."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from isthmus.data.masks.values import ValueMap
from isthmus.data.sampling.grid import Grid
from isthmus.data.sampling.slices import slice_channels
from isthmus.errors import IsthmusError, nearest
from isthmus.inference.averaging import difference, renormalised, run_folders
from isthmus.inference.engines.engine import Eager, Engine, choose
from isthmus.inference.localiser import Window, box_around, paste
from isthmus.inference.outputs.classes import Floats, Meaning
from isthmus.inference.outputs.instances import instances
from isthmus.inference.settings import clean_up, normaliser, refuse_other_axes, value_map
from isthmus.inference.tiling.cutter import Plan
from isthmus.inference.tiling.image_statistics import any_of_image, of_image, without
from isthmus.inference.tiling.margin import margin
from isthmus.inference.tiling.stream import as_floats, in_channels, in_values, pieces
from isthmus.inference.tiling.tiles import Place
from isthmus.inference.unfamiliar import Unfamiliar
from isthmus.memory import keep_freed_memory
from isthmus.runs import hardware as machine
from isthmus.runs.folder import RunFolder
from isthmus.runs.recipe import Hardware, Recipe
from isthmus.runs.standing import standing

Statistics: TypeAlias = Literal["tile", "image"]

REGRESSED = 0.75
"""From this share of the peak up a contour that is regressed counts as one."""


@dataclass
class Predictor:
    """Networks that were trained with one recipe (one, or those of several folds, whose logits are averaged).

    Example::

        predictor = Predictor.load("runs/nuclei")
        labels = predictor.labels(image)        # (channels, H, W) of any number type → (H, W) class indices

    Attributes:
        localiser: finds the region that the network then sees, where the recipe has one.
        notes: what a user should hear about the images so far (a region that was not found, …).
        engine: what computes; None: the framework, on the networks as they are at each call.
        overlap: of tiles that are averaged, as a share of their side.
        statistics: what instance normalisation goes by where an image is cut: each ``"tile"`` as on patches,
            or the whole ``"image"`` (`isthmus.inference.tiling.image_statistics`), cut no more than memory asks for.
        unfamiliar: compares each image and mask with those of training, for `notes`.
    """

    networks: Sequence[nn.Module]
    recipe: Recipe
    hardware: Hardware
    localiser: Predictor | None = None
    notes: list[str] = field(default_factory=list)
    engine: Engine | None = None
    overlap: float = 0.5
    statistics: Statistics = "tile"
    unfamiliar: Unfamiliar = field(default_factory=Unfamiliar)
    _heads: dict[str, slice] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.meaning = Meaning.of(self.recipe.data, self.recipe.cleanup.threshold)
        self.clean_up = clean_up(self.recipe)
        self.normaliser = normaliser(self.recipe.input)
        self.grid = Grid(self.recipe.input.resize)

    @classmethod
    def load(
        cls,
        run: Path | str,
        *,
        device: str = "auto",
        engine: str = "auto",
        statistics: str = "tile",
        pixels: int | None = None,
    ) -> Predictor:
        """The predictor of a run folder, or of a folder of folds (``fold-0``, ``fold-1``, …), which are averaged.

        From then on the process keeps memory that it frees, as the next tiles need it again.

        Args:
            engine: ``"torch"``, ``"openvino"``, or ``"auto"``: OpenVINO on a CPU where it is installed and ``pixels``
                (how many will be segmented, where that is known) are so many that it pays.
            statistics: ``"tile"`` or ``"image"``, which only ``"torch"`` can compute.

        Raises:
            IsthmusError: no run folder, a run without weights, weights of another network; an engine that is not here.
        """
        if statistics not in get_args(Statistics):
            raise IsthmusError(
                f"unknown statistics '{statistics}': {nearest(statistics, get_args(Statistics))}"
            )
        if statistics == "image" and engine == "openvino":
            raise IsthmusError("statistics 'image' are not for engine 'openvino'; take engine 'torch'")
        keep_freed_memory()
        folders = run_folders(Path(run))
        recipe = folders[0].recipe()
        notes = []
        if folders[0].path != Path(run) and len(folders) != recipe.protocol.folds:
            notes.append(f"{run} holds {len(folders)} of {recipe.protocol.folds} folds; these are averaged")
        recipes = [folder.recipe() for folder in folders]
        for folder, other in zip(folders[1:], recipes[1:], strict=True):
            part = difference(recipe, other)
            if part:
                raise IsthmusError(
                    f"{folder.path} was trained with another '{part}' than {folders[0].path}; they cannot be averaged"
                )
        resolved = machine.resolve(recipe.hardware.model_copy(update={"device": device, "threads": None}))
        networks = renormalised([folder.load_network() for folder in folders], recipes)
        notes += filter(None, (standing(folder).note() for folder in folders))
        localiser = None
        if recipe.roi is not None:
            firsts = [RunFolder.open(folder.localiser) for folder in folders]
            recipes = [first.recipe() for first in firsts]
            finders = renormalised([first.load_network() for first in firsts], recipes)
            localiser = cls.from_networks(finders, recipes[0], resolved)
            localiser.engine = Eager.fused(finders, resolved)
        predictor = cls.from_networks(networks, recipe, resolved, localiser)
        predictor.engine = choose(
            networks,
            resolved,
            (recipe.data.channels or 1) * (recipe.input.slices or 1),
            recipe.spatial_dims,
            engine="torch" if statistics == "image" and engine == "auto" else engine,
            pixels=pixels,
            notes=notes,
        )
        predictor.statistics = cast(Statistics, statistics)
        if statistics == "image" and not any_of_image(networks[0]):
            notes.append("the network has no instance normalisation, statistics 'image' change nothing")
        predictor.notes += notes
        predictor.unfamiliar = Unfamiliar.of(folders, predictor.notes)
        return predictor

    @classmethod
    def from_networks(
        cls,
        networks: Sequence[nn.Module],
        recipe: Recipe,
        hardware: Hardware,
        localiser: Predictor | None = None,
    ) -> Predictor:
        """Networks in memory, moved to the device and into the layout of ``hardware``."""
        layout = machine.memory_format(hardware, recipe.spatial_dims)
        for network in networks:
            network.to(device=hardware.device, memory_format=layout)  # type: ignore[call-overload]
        return cls(networks, recipe, hardware, localiser)

    @property
    def values(self) -> ValueMap:
        """How classes are written in masks."""
        return value_map(self.recipe)

    @property
    def classes(self) -> list[str]:
        """Names of the classes, background first."""
        return self.recipe.data.classes

    def outputs(self, image: Floats) -> dict[str, Floats]:
        """What each head of the network gives, ``(maps, *spatial)``, for a normalised image on the network's grid."""
        if self.localiser is None:
            return self._outputs(image)
        window = self._locate(image)
        part = self._outputs(image[(slice(None), *window)])
        return {
            name: paste(maps, window, image.shape[1:], self.meaning.background if name == "logits" else None)
            for name, maps in part.items()
        }

    def _outputs(self, image: Floats) -> dict[str, Floats]:
        return self._gather(self._pieces(image, as_floats), image.shape[1:], lambda heads: heads)

    @cached_property
    def _margin(self) -> int | None:
        """How far from a cut side the networks, which are all of one kind, notice it."""
        return margin(self.networks[0])

    @cached_property
    def _margin_without_statistics(self) -> int | None:
        return margin(without(self.networks[0]))

    @property
    def _of_image(self) -> bool:
        """Whether instance normalisation goes by the statistics of the image, and there is any."""
        return self.statistics == "image" and any_of_image(self.networks[0])

    @property
    def _plan(self) -> Plan:
        patch = self.recipe.roi.size if self.recipe.roi else self.recipe.input.patch
        divisor = int(getattr(self.networks[0], "divisor", 1))
        return Plan(patch, divisor, self.recipe.training.batch, self.overlap)

    def _pieces(
        self, image: NDArray[Any], read: Callable[[NDArray[Any]], Floats]
    ) -> Generator[tuple[Place, Floats]]:
        """The maps of all heads of an image on the network's grid, piece by piece; see `stream.pieces`."""
        slices = self.recipe.input.slices
        if slices is None:
            for _, place, maps in self._in_tiles([image], read):
                yield place, maps
            return
        for together in _in_turn(image.shape[1], 1 if self._of_image else self.recipe.training.batch):
            stacks = [slice_channels(image, index, slices) for index in together]
            for number, place, maps in self._in_tiles(stacks, read):
                index = together[number]
                yield (slice(index, index + 1), *place), maps[:, None]

    def _in_tiles(
        self, images: Sequence[NDArray[Any]], read: Callable[[NDArray[Any]], Floats]
    ) -> Generator[tuple[int, Place, Floats]]:
        """`stream.pieces` of images of one size; of one image, where its statistics count as a whole."""
        size, plan = images[0].shape[1:], self._plan
        if self._of_image:
            plan = replace(plan, patch=None)  # the larger a tile, the nearer to the image
        through = partial(pieces, self._forward, images, read=read)
        tiling = plan.tiling(size, self._margin)
        if not (self._of_image and tiling.overlaps):
            yield from through(tiling, batch=plan.together(tiling))
            return
        apart, tiling = plan.apart(size), plan.tiling(size, self._margin_without_statistics)
        if not isinstance(self.engine, Eager | None):
            raise IsthmusError("statistics 'image' are for engine 'torch' alone; load the network with it")
        networks = self.networks if self.engine is None else self.engine.networks

        def look() -> None:
            for _ in through(apart, batch=plan.together(apart)):
                pass

        with of_image(networks, look):
            yield from through(tiling, batch=plan.together(tiling))

    def _gather(
        self,
        parts: Generator[tuple[Place, Floats]],
        size: Sequence[int],
        change: Callable[[dict[str, Floats]], dict[str, Floats]],
    ) -> dict[str, Floats]:
        """The maps of each head, changed piece by piece."""
        result: dict[str, Floats] = {}
        with closing(parts):
            for place, maps in parts:
                for name, values in change(self._by_head(maps)).items():
                    if name not in result:
                        result[name] = np.empty((len(values), *size), np.float32)
                    result[name][(slice(None), *place)] = values
        return result

    def _by_head(self, maps: Floats) -> dict[str, Floats]:
        return {name: maps[of_head] for name, of_head in self._heads.items()}

    @property
    def _streams(self) -> bool:
        """Whether a piece of the result depends on a piece of the image alone: at native scale, without a region."""
        return self.recipe.input.resize is None and self.localiser is None

    def _native(self, image: NDArray[Any]) -> Generator[tuple[Place, Floats]]:
        """`_pieces` of an image in the numbers of the file, which are normalised tile by tile."""
        return self._pieces(image, self.normaliser(image).apply)

    def _seen(self, image: NDArray[Any], spacing: Sequence[float] | None) -> NDArray[Any]:
        """The image with the channels of training, after it was compared with the training images."""
        refuse_other_axes(image.shape, self.recipe)
        self.unfamiliar.image(image, spacing)
        return in_channels(image, self.recipe.data.channels or len(image))

    def _locate(self, image: Floats) -> Window:
        """Where the organs are, on the grid of a normalised image; all of it where nothing is found."""
        if self.localiser is None or self.recipe.roi is None:
            raise ValueError("this predictor has no first network")
        first = self.localiser
        size = image.shape[1:]
        probabilities = first.meaning.activate(first.logits(first.grid.image(image)))
        found = first.meaning.decide(probabilities) > 0
        window, note = box_around(found, size, self.recipe.roi.size)
        if note:
            self.notes.append(note)
        return window

    def logits(self, image: Floats) -> Floats:
        """Logits ``(maps, *spatial)`` of a normalised image ``(channels, *spatial)`` on the network's grid."""
        return self.outputs(image)["logits"]

    def maps(self, image: NDArray[Any], spacing: Sequence[float] | None = None) -> dict[str, Floats]:
        """What each head says about an image, on the image's own grid: probabilities ``(maps, *spatial)`` of
        ``"logits"`` and of the heads that are trained as such; the contour that is regressed as it is."""
        image = self._seen(image, spacing)
        if self._streams:
            return self._gather(self._native(image), image.shape[1:], self.activated)
        size = image.shape[1:]
        result = self.activated(self.outputs(self.grid.image(self.normaliser(image).apply(image))))
        for name, values in result.items():
            if values.shape[1:] != size:
                resize = self.recipe.input.resize or size
                values = np.clip(Grid(size[-len(resize) :]).image(values), 0.0, 1.0)
            result[name] = values
        return result

    def activated(self, outputs: dict[str, Floats]) -> dict[str, Floats]:
        """Probabilities of what `outputs` gave; a contour that is regressed stays as it is."""
        result = {}
        for name, values in outputs.items():
            if name == "logits":
                values = self.meaning.activate(values)
            elif "contour_l2" not in self.recipe.objective.heads.get(name, {}):
                values = torch.sigmoid(torch.from_numpy(values)).numpy()
            result[name] = values
        return result

    def probabilities(self, image: NDArray[Any]) -> Floats:
        """Probabilities on the image's own grid.

        Args:
            image: ``(channels, *spatial)`` in the numbers of the file, any size, 1 or 3 channels.

        Returns:
            ``(1, *spatial)``, that of the foreground, or ``(K, *spatial)``, one map for each class (of overlapping
            regions: for each region); float32, 0 to 1.
        """
        return self.maps(image)["logits"]

    def labels(self, image: NDArray[Any], spacing: Sequence[float] | None = None) -> NDArray[np.uint8]:
        """Class indices ``(*spatial)`` on the image's own grid, cleaned up as the recipe says.

        At native scale they are decided piece by piece: beside image and result, memory holds a few tiles.
        """
        if not self._streams:
            return self.decided(self.maps(image, spacing))
        image = self._seen(image, spacing)
        label = np.empty(image.shape[1:], np.uint8)
        with closing(self._native(image)) as parts:
            for place, maps in parts:
                label[place] = self.meaning.decide(self.meaning.activate(self._by_head(maps)["logits"]))
        return self._cleaned(label)

    def decided(self, maps: dict[str, Floats]) -> NDArray[np.uint8]:
        """`labels`, of what `maps` gave."""
        return self._cleaned(self.meaning.decide(maps["logits"]))

    def _cleaned(self, label: NDArray[np.uint8]) -> NDArray[np.uint8]:
        label = label if self.clean_up.is_nothing else self.clean_up.apply(label)  # which copies it
        self.unfamiliar.mask(label)
        return label

    def instances(self, image: NDArray[Any]) -> NDArray[np.int32]:
        """Numbers of objects ``(*spatial)``, 1 to n, on the image's own grid; touching ones are told apart as far as
        the network has heads for it."""
        return self.apart(self.maps(image))

    def apart(self, maps: dict[str, Floats], spacing: Sequence[float] | None = None) -> NDArray[np.int32]:
        """`instances`, of what `maps` gave; heads that were not trained are left out."""
        trained = self.recipe.objective.heads
        heads = {name: maps[name][0] for name in ("contour", "marker") if name in maps and trained.get(name)}
        if "contour_l2" in trained.get("contour", {}):  # a broad strip around the contour: its middle counts
            heads["contour"] = (heads["contour"] >= REGRESSED).astype(np.float32)
        if spacing is not None and len(spacing) != maps["logits"].ndim - 1:
            spacing = None
        found = instances(maps["logits"][0], **heads, threshold=self.meaning.threshold, spacing=spacing)
        self.unfamiliar.mask(found)
        return found

    def mask(self, image: NDArray[Any], spacing: Sequence[float] | None = None) -> NDArray[Any]:
        """A mask ``(*spatial)`` in the values the user trained with; numbers of objects where it learned these, to
        which the ``spacing`` matters where voxels are no cubes."""
        if self.recipe.data.instances:
            return self.apart(self.maps(image, spacing), spacing)
        return in_values(self.labels(image, spacing), self.values)

    def drawn(self, maps: dict[str, Floats], spacing: Sequence[float] | None = None) -> NDArray[Any]:
        """`mask`, of what `maps` gave."""
        if self.recipe.data.instances:
            return self.apart(maps, spacing)
        return in_values(self.decided(maps), self.values)

    def _forward(self, batch: Floats) -> Floats:
        """The maps of all heads together, those of ``"logits"`` first."""
        compute = self.engine or Eager(self.networks, self.hardware)
        maps = compute(batch)
        start = 0
        for name, values in maps.items():
            self._heads[name] = slice(start, start + values.shape[1])
            start += values.shape[1]
        return maps["logits"] if len(maps) == 1 else np.concatenate(list(maps.values()), 1)


def _in_turn(count: int, batch: int) -> list[range]:
    return [range(first, min(first + batch, count)) for first in range(0, count, batch)]

"""A trained network on images of any size: exactly the scale, normalisation and channels it was trained with."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from isthmus.data.masks.values import ValueMap
from isthmus.data.sampling.grid import Grid
from isthmus.inference.decision import Decision
from isthmus.inference.engines.engine import Engine
from isthmus.inference.loading import load
from isthmus.inference.localiser import Localiser, paste
from isthmus.inference.outputs.classes import Floats
from isthmus.inference.restoring import Scale, restored_pieces
from isthmus.inference.settings import normaliser, refuse_other_axes, settled_spacing, with_cleanup
from isthmus.inference.tiled_network import Heads, Statistics, TiledNetwork, joined
from isthmus.inference.tiling.stream import in_channels
from isthmus.inference.tiling.tiles import Place
from isthmus.inference.unfamiliar import Unfamiliar
from isthmus.runs.recipe import Hardware, Recipe


@dataclass(frozen=True)
class Prediction:
    """What a predictor says about one image, on the image's own grid.

    Attributes:
        mask: ``(*spatial)``, in the values the user trained with, or numbers of objects.
        maps: as `Predictor.maps`, if requested.
        notes: lines to tell the user about this image.
    """

    mask: NDArray[Any]
    maps: Heads | None = None
    notes: list[str] = field(default_factory=list)


class Predictor:
    """Networks that were trained with one recipe: one, or those of several folds, whose logits are averaged.

    Every image is processed in the same way: it is brought to the scale and normalisation of training, ``network``
    gives maps by head (where the recipe has a region of interest, of the window that ``localiser`` finds), ``decision``
    makes a mask of them.

    Example::

        predictor = Predictor.load("runs/nuclei")
        labels = predictor.labels(image)        # (channels, H, W) of any number type → (H, W) class indices

    Args:
        recipe: resolved, as a run stores it.
        network: computes maps.
        localiser: localiser of a recipe with a region of interest.
        unfamiliar: compares images and masks with those of training.
        notes: lines to tell the user about the run.
        others: networks of other folds, which see images at other spacings.
    """

    def __init__(
        self,
        recipe: Recipe,
        network: TiledNetwork,
        localiser: Localiser | None = None,
        unfamiliar: Unfamiliar | None = None,
        notes: Sequence[str] = (),
        others: Sequence[Scale] = (),
    ) -> None:
        self.recipe, self.network, self.localiser = recipe, network, localiser
        self.unfamiliar = unfamiliar or Unfamiliar()
        self.decision = Decision.of(recipe)
        self.normaliser = normaliser(recipe.input)
        self.grid = Grid(recipe.input.resize, settled_spacing(recipe.input))
        self.others = tuple(others)
        self._notes = dict.fromkeys(notes)

    @classmethod
    def load(
        cls,
        run: Path | str,
        *,
        device: str = "auto",
        engine: str = "auto",
        statistics: str = "tile",
        pixels: int | None = None,
        cleanup: Mapping[str, Any] | None = None,
    ) -> Predictor:
        """Loads a run folder, or a folder of folds (``fold-0``, ``fold-1``, …), which are averaged.

        From then on the process keeps memory that it frees, because the next tiles need it again.

        Args:
            run: the folder.
            device: ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:1"`` or ``"mps"``.
            engine: ``"torch"``, ``"openvino"``, or ``"auto"``: OpenVINO on a CPU, if it is installed and ``pixels`` are
                so many that it pays.
            statistics: ``"tile"`` or ``"image"``, which needs ``"torch"``; see docs/large-images.md.
            pixels: number of pixels to segment; None: unknown.
            cleanup: keys of the recipe's clean-up and other values for them, such as ``{"min_size": 20}``.

        Raises:
            IsthmusError: no run folder, a run without weights, weights of another network, an engine that is not
                installed, clean-up as `with_cleanup` refuses it.
        """
        found = load(Path(run), device=device, engine=engine, statistics=statistics, pixels=pixels)
        recipe = with_cleanup(found.recipe, cleanup or {})
        return cls(recipe, found.network, found.localiser, found.unfamiliar, found.notes, found.others)

    @classmethod
    def from_networks(
        cls,
        networks: Sequence[nn.Module],
        recipe: Recipe,
        hardware: Hardware,
        localiser: Localiser | None = None,
        *,
        engine: Engine | None = None,
        overlap: float = 0.5,
        statistics: Statistics = "tile",
    ) -> Predictor:
        """Returns the predictor of networks in memory; arguments as `TiledNetwork.of`."""
        network = TiledNetwork.of(
            networks, recipe, hardware, engine=engine, overlap=overlap, statistics=statistics
        )
        return cls(recipe, network, localiser)

    def with_networks(self, change: Callable[[nn.Module], nn.Module]) -> Predictor:
        """Returns a predictor of the same recipe whose networks are made of these ones, one by one."""

        def changed(network: TiledNetwork) -> TiledNetwork:
            return TiledNetwork.of([change(each) for each in network.networks], self.recipe, network.hardware)

        others = [Scale(each.grid, changed(each.network)) for each in self.others]
        return Predictor(self.recipe, changed(self.network), self.localiser, others=others)

    @property
    def notes(self) -> list[str]:
        """Lines to tell the user: about the run, and about all images so far (regions that were not found, a line
        for each way in which images differ from those of training)."""
        return [*self._notes, *self.unfamiliar.lines()]

    @property
    def networks(self) -> Sequence[nn.Module]:
        """The networks whose logits are averaged."""
        return [network for each in self._scales for network in each.network.networks]

    @property
    def values(self) -> ValueMap:
        """How classes are written in masks."""
        return self.decision.values

    @property
    def classes(self) -> list[str]:
        """Names of the classes, background first."""
        return self.recipe.data.classes

    def predict(
        self, image: NDArray[Any], spacing: Sequence[float] | None = None, *, maps: bool = False
    ) -> Prediction:
        """Segments an image; everything else that takes an image gives a part of this.

        Args:
            image: ``(channels, *spatial)`` in the numbers of the file, any size.
            spacing: from pixel to pixel along every axis, in mm; objects need it if voxels are not cubes, and a run
                with ``input.spacing`` always.
            maps: also return the maps. Without them, masks of classes at native scale are decided piece by piece:
                beside image and mask, memory holds a few tiles.

        Raises:
            IsthmusError: a picture if the network was trained on volumes, or the other way round; no spacing where the
                run needs one.
        """
        image = self._seen(image, spacing)
        if self._decides_in_pieces and not maps and not self.decision.numbers_objects:
            found, decided, notes = None, self._labels_in_pieces(image, spacing), list[str]()
        else:
            found, notes = self._maps(image, spacing)
            decided = self.decision.labels_or_objects(found, spacing)
        self.unfamiliar.mask(decided)
        return Prediction(self.decision.in_mask_values(decided), found if maps else None, notes)

    def mask(self, image: NDArray[Any], spacing: Sequence[float] | None = None) -> NDArray[Any]:
        """Returns a mask ``(*spatial)`` in the values the user trained with, or numbers of objects where the network
        was trained on these; arguments as `predict`."""
        return self.predict(image, spacing).mask

    def labels(self, image: NDArray[Any], spacing: Sequence[float] | None = None) -> NDArray[np.uint8]:
        """Returns class indices ``(*spatial)`` on the image's own grid, cleaned up as the recipe says; arguments as
        `predict`."""
        image = self._seen(image, spacing)
        if self._decides_in_pieces:
            labels = self._labels_in_pieces(image, spacing)
        else:
            labels = self.decision.clean_labels(self._maps(image, spacing)[0])
        self.unfamiliar.mask(labels)
        return labels

    def instances(self, image: NDArray[Any], spacing: Sequence[float] | None = None) -> NDArray[np.int32]:
        """Returns numbers of objects ``(*spatial)``, 1 to n, on the image's own grid; touching objects are separated as
        well as the network's heads allow; arguments as `predict`."""
        found = self.decision.separate_objects(self.maps(image, spacing), spacing)
        self.unfamiliar.mask(found)
        return found

    def probabilities(self, image: NDArray[Any], spacing: Sequence[float] | None = None) -> Floats:
        """Returns probabilities on the image's own grid.

        Args:
            image: ``(channels, *spatial)`` in the numbers of the file, any size, 1 or 3 channels.
            spacing: as in `predict`.

        Returns:
            ``(1, *spatial)``, of the foreground, or ``(K, *spatial)``, one map for each class (for each region, where
            regions overlap); float32, 0 to 1.
        """
        return self.maps(image, spacing)["logits"]

    def maps(self, image: NDArray[Any], spacing: Sequence[float] | None = None) -> Heads:
        """Returns what each head says about an image, on the image's own grid: probabilities ``(maps, *spatial)`` of
        ``"logits"`` and of heads trained as such, a regressed contour as it is; arguments as `predict`."""
        return self._maps(self._seen(image, spacing), spacing)[0]

    def raw(self, image: NDArray[Any], spacing: Sequence[float] | None = None) -> Heads:
        """Returns what each head gives before any activation, ``(maps, *spatial)`` on the image's own grid; arguments
        as `predict`."""
        if self._decides_in_pieces:
            return joined(self._pieces(image, spacing), image.shape[1:])
        outputs = self.compute(self._on_grid(image, spacing))[0]
        return {name: self.grid.back(values, image.shape[1:], spacing) for name, values in outputs.items()}

    def logits(self, image: Floats) -> Floats:
        """Returns logits ``(maps, *spatial)`` of a normalised image ``(channels, *spatial)`` on the network's grid."""
        return self.outputs(image)["logits"]

    def outputs(self, image: Floats) -> Heads:
        """Returns the maps of each head, ``(maps, *spatial)``, for a normalised image on the network's grid."""
        return self.compute(image)[0]

    def compute(self, image: Floats) -> tuple[Heads, list[str]]:
        """Returns `outputs`, and lines to tell the user about the region of interest."""
        if self.localiser is None or self.recipe.roi is None:
            return self.network.infer(image), []
        window, note = self.localiser.locate(image, self.recipe.roi.size)
        background = self.decision.classes.background
        whole = {
            name: paste(maps, window, image.shape[1:], background if name == "logits" else None)
            for name, maps in self.network.infer(image[(slice(None), *window)]).items()
        }
        notes = [note] if note else []
        self._notes |= dict.fromkeys(notes)
        return whole, notes

    def restore(self, outputs: Heads, size: tuple[int, ...], spacing: Sequence[float] | None = None) -> Heads:
        """Returns the probabilities ``(maps, *size)`` of each head on the grid of an image, for the outputs on the
        network's.

        Logits return to images of another spacing, as those of several folds are averaged; to resized images,
        probabilities do.
        """
        if self.grid.spacing is not None:
            outputs = {name: self.grid.back(values, size, spacing) for name, values in outputs.items()}
            return self.decision.activate_heads(outputs)
        result = self.decision.activate_heads(outputs)
        for name, values in result.items():
            if values.shape[1:] != size:
                result[name] = np.clip(self.grid.back(values, size), 0.0, 1.0)
        return result

    @property
    def _scales(self) -> list[Scale]:
        return [Scale(self.grid, self.network), *self.others]

    @property
    def _decides_in_pieces(self) -> bool:
        """Whether a piece of the result depends only on a piece of the image: not resized, and without a region."""
        return self.recipe.input.resize is None and self.localiser is None

    def _seen(self, image: NDArray[Any], spacing: Sequence[float] | None) -> NDArray[Any]:
        """Compares an image with those of training, and brings it to their channels."""
        refuse_other_axes(image.shape, self.recipe)
        self.grid.size(image.shape[1:], spacing)  # refuses an unknown spacing
        self.unfamiliar.image(image, spacing)
        return in_channels(image, self.recipe.data.channels or len(image))

    def _on_grid(self, image: NDArray[Any], spacing: Sequence[float] | None) -> Floats:
        return self.grid.image(self.normaliser(image).apply(image), spacing)

    def _maps(self, image: NDArray[Any], spacing: Sequence[float] | None) -> tuple[Heads, list[str]]:
        """Returns `maps` of an image that was seen, and lines to tell the user about it."""
        if self._decides_in_pieces:
            parts = self._pieces(image, spacing)
            return joined(parts, image.shape[1:], self.decision.activate_heads), []
        outputs, notes = self.compute(self._on_grid(image, spacing))
        return self.restore(outputs, image.shape[1:], spacing), notes

    def _labels_in_pieces(self, image: NDArray[Any], spacing: Sequence[float] | None) -> NDArray[np.uint8]:
        """Returns class indices ``(*spatial)``, decided piece by piece, then cleaned up."""
        classes = self.decision.classes
        labels = np.empty(image.shape[1:], np.uint8)
        with closing(self._pieces(image, spacing)) as parts:
            for place, outputs in parts:
                labels[place] = classes.decide(classes.activate(outputs["logits"]))
        return self.decision.clean(labels)

    def _pieces(self, image: NDArray[Any], spacing: Sequence[float] | None) -> Generator[tuple[Place, Heads]]:
        """Yields places on the image's own grid, and the outputs there."""
        normalise = self.normaliser(image).apply
        if self.grid.spacing is None:
            return self.network.pieces(image, normalise)
        return restored_pieces(self._scales, image, normalise, spacing)

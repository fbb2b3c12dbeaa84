"""A trained network on images of any size: exactly the scale, normalisation and channels it was trained with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from isthmus.data.cases import to_channels
from isthmus.data.preprocess import Grid, normalize
from isthmus.data.values import ValueMap
from isthmus.errors import IsthmusError
from isthmus.inference.tiles import Floats, predict_tiled
from isthmus.runs import hardware as machine
from isthmus.runs.folder import RunFolder
from isthmus.runs.recipe import Hardware, Recipe

WHOLE = {2: 1024, 3: 128}  # resized images up to this side go through the network at once


def value_map(recipe: Recipe) -> ValueMap:
    """The mask values of the training data, as a resolved recipe stores them."""
    return ValueMap(tuple(recipe.data.values.items()), recipe.data.value_rule)


@dataclass
class Predictor:
    """Networks that were trained with one recipe (one, or those of several folds, whose logits are averaged).

    Example::

        predictor = Predictor.load("runs/nuclei")
        labels = predictor.labels(image)        # (channels, H, W) of any number type → (H, W) class indices
    """

    networks: Sequence[nn.Module]
    recipe: Recipe
    hardware: Hardware

    @classmethod
    def load(cls, run: Path | str, *, device: str = "auto") -> Predictor:
        """The predictor of a run folder, or of a folder of folds (``fold-0``, ``fold-1``, …), which are averaged.

        Raises:
            IsthmusError: no run folder, a run without weights, weights of another network.
        """
        folders = run_folders(Path(run))
        recipe = folders[0].recipe()
        for folder in folders[1:]:
            other = folder.recipe()
            if (other.input, other.data.values, other.data.channels) != (
                recipe.input,
                recipe.data.values,
                recipe.data.channels,
            ):
                raise IsthmusError(f"{folder.path} was trained with another input than {folders[0].path}")
        resolved = machine.resolve(recipe.hardware.model_copy(update={"device": device, "threads": None}))
        return cls.from_networks([folder.load_network() for folder in folders], recipe, resolved)

    @classmethod
    def from_networks(cls, networks: Sequence[nn.Module], recipe: Recipe, hardware: Hardware) -> Predictor:
        """Networks in memory, moved to the device and into the layout of ``hardware``."""
        layout = machine.memory_format(hardware, recipe.spatial_dims)
        for network in networks:
            network.to(device=hardware.device, memory_format=layout)  # type: ignore[call-overload]
        return cls(networks, recipe, hardware)

    @property
    def values(self) -> ValueMap:
        """How classes are written in masks."""
        return value_map(self.recipe)

    @property
    def classes(self) -> list[str]:
        """Names of the classes, background first."""
        return self.recipe.data.classes

    def logits(self, image: Floats) -> Floats:
        """Logits ``(maps, *spatial)`` of a normalised image ``(channels, *spatial)`` on the network's grid."""
        patch = self.recipe.input.patch
        divisor = int(getattr(self.networks[0], "divisor", 1))
        tile = [-(-side // divisor) * divisor for side in patch or [WHOLE[image.ndim - 1]] * (image.ndim - 1)]
        return predict_tiled(
            self._forward,
            image,
            tile=tile,
            divisor=divisor,
            least=patch,
            batch=self.recipe.training.batch,
        )

    def probabilities(self, image: NDArray[Any]) -> Floats:
        """Probabilities on the image's own grid.

        Args:
            image: ``(channels, *spatial)`` in the numbers of the file, any size, 1 or 3 channels.

        Returns:
            ``(1, *spatial)``, that of the foreground, or ``(K, *spatial)``, one map for each class; float32, 0 to 1.
        """
        if self.recipe.data.channels is not None:
            image = to_channels(image, self.recipe.data.channels)
        size = image.shape[1:]
        grid = Grid(self.recipe.input.resize)
        probabilities = activate(self.logits(grid.image(normalize(image, self.recipe.input.normalise))))
        if probabilities.shape[1:] != size:
            probabilities = np.clip(Grid(size).image(probabilities), 0.0, 1.0)
        return probabilities

    def labels(self, image: NDArray[Any]) -> NDArray[np.uint8]:
        """Class indices ``(*spatial)`` on the image's own grid."""
        return decide(self.probabilities(image))

    def mask(self, image: NDArray[Any]) -> NDArray[Any]:
        """A mask ``(*spatial)`` in the values the user trained with."""
        return self.values.invert(self.labels(image))

    def _forward(self, batch: Floats) -> Floats:
        layout = machine.memory_format(self.hardware, batch.ndim - 2)
        images = (
            torch.from_numpy(np.ascontiguousarray(batch)).to(self.hardware.device).to(memory_format=layout)
        )
        with torch.inference_mode(), machine.autocast(self.hardware):
            total = self._logits(self.networks[0], images)
            for network in self.networks[1:]:
                total = total + self._logits(network, images)
        result: Floats = (total / len(self.networks)).cpu().numpy()
        return result

    @staticmethod
    def _logits(network: nn.Module, images: torch.Tensor) -> torch.Tensor:
        out = network(images)
        logits: torch.Tensor = out["logits"] if isinstance(out, dict) else out
        return logits.float()


def activate(logits: Floats) -> Floats:
    """Probabilities of logits ``(maps, *spatial)``: logistic for one map, softmax over several.

    >>> activate(np.zeros((1, 1, 1), np.float32)).item()
    0.5
    """
    maps = torch.from_numpy(logits)
    result: Floats = (torch.sigmoid(maps) if len(maps) == 1 else torch.softmax(maps, 0)).numpy()
    return result


def decide(probabilities: Floats) -> NDArray[np.uint8]:
    """Class indices ``(*spatial)``: foreground from 0.5 up for one map, the likeliest class of several."""
    if probabilities.shape[0] == 1:
        return np.asarray(probabilities[0] >= 0.5, np.uint8)
    return np.asarray(probabilities.argmax(axis=0), np.uint8)


def run_folders(path: Path) -> list[RunFolder]:
    """A run folder by itself, or the runs of its folds."""
    folds = sorted(path.glob("fold-*/recipe.yaml")) if path.is_dir() else []
    if folds and not (path / "recipe.yaml").is_file():
        return [RunFolder.open(fold.parent) for fold in folds]
    return [RunFolder.open(path)]

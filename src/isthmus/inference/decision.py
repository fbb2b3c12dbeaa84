"""From the maps of a network to a mask: probabilities, classes or numbered objects, clean-up, values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from isthmus.data.masks.values import ValueMap
from isthmus.inference.outputs.by_distance import SEED, objects_by_distance
from isthmus.inference.outputs.classes import Classes, Floats
from isthmus.inference.outputs.cleanup import CleanUp, size_of
from isthmus.inference.outputs.instances import instances
from isthmus.inference.outputs.object_cleanup import clean_objects
from isthmus.inference.settings import clean_up, value_map
from isthmus.inference.tiling.stream import in_values
from isthmus.objectives.losses import Head
from isthmus.runs.recipe import Recipe

REGRESSED = 0.75
"""A regressed contour counts as one from this share of its peak up."""

LEAST_SEED = 5
"""Seeds of objects by distance have so many pixels, or a quarter of the smallest object where that is less."""


@dataclass(frozen=True)
class Decision:
    """What a recipe makes of its network's maps.

    Attributes:
        classes: what the maps stand for.
        clean_up: clean-up of class indices.
        values: how class indices are written in masks.
        losses: losses of each head, by name; a head without any was not trained.
        numbers_objects: whether masks hold numbers of objects.
        seed: distance above which a pixel is the seed of an object, with the head ``distance``.
    """

    classes: Classes
    clean_up: CleanUp
    values: ValueMap
    losses: Mapping[str, Mapping[str, float]]
    numbers_objects: bool
    seed: float = SEED

    @classmethod
    def of(cls, recipe: Recipe) -> Decision:
        """Returns the decision of a resolved recipe."""
        return cls(
            Classes.of(recipe.data, recipe.cleanup.threshold),
            clean_up(recipe.cleanup, recipe.data.classes),
            value_map(recipe.data),
            recipe.objective.heads,
            recipe.data.instances,
            recipe.cleanup.seed or SEED,
        )

    def activate_heads(self, outputs: Mapping[str, Floats]) -> dict[str, Floats]:
        """Returns the probabilities ``(maps, *spatial)`` of each head; a regressed contour stays as it is."""
        result = {}
        for name, values in outputs.items():
            if name == "logits":
                values = self.classes.activate(values)
            elif "contour_l2" not in self.losses.get(name, {}):
                values = torch.sigmoid(torch.from_numpy(values)).numpy()
            result[name] = values
        return result

    def clean_labels(self, maps: Mapping[str, Floats]) -> NDArray[np.uint8]:
        """Returns class indices ``(*spatial)``, cleaned up, from the result of `activate_heads`."""
        return self.clean(self.classes.decide(maps["logits"]))

    def clean(self, labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Returns class indices cleaned up; the array itself if there is nothing to do."""
        return labels if self.clean_up.is_nothing else self.clean_up.apply(labels)

    def separate_objects(
        self, maps: Mapping[str, Floats], spacing: Sequence[float] | None = None, *, clean: bool = True
    ) -> NDArray[np.int32]:
        """Returns numbers of objects ``(*spatial)``, 1 to n, of what `activate_heads` gave; untrained heads are left
        out.

        Args:
            maps: the maps of each head.
            spacing: from pixel to pixel along every axis, if voxels are not cubes.
            clean: whether they are cleaned up as the recipe says.
        """
        found = self._separated(maps, spacing)
        return found if self.clean_up.is_nothing or not clean else clean_objects(found, self.clean_up)

    def _separated(self, maps: Mapping[str, Floats], spacing: Sequence[float] | None) -> NDArray[np.int32]:
        body, threshold = maps["logits"][0], self.classes.threshold
        heads = {name: maps[name][0] for name in get_args(Head)[1:] if name in maps and self.losses.get(name)}
        if "distance" in heads:
            least = min(LEAST_SEED, max(1, (size_of(self.clean_up.min_size, 1) or 0) // 4))
            return objects_by_distance(
                body, heads["distance"], threshold=threshold, seed=self.seed, min_seed=least
            )
        if "contour_l2" in self.losses.get("contour", {}):  # a broad ridge, whose middle is the contour
            heads["contour"] = (heads["contour"] >= REGRESSED).astype(np.float32)
        if spacing is not None and len(spacing) != maps["logits"].ndim - 1:
            spacing = None
        return instances(body, **heads, threshold=threshold, spacing=spacing)

    def labels_or_objects(
        self, maps: Mapping[str, Floats], spacing: Sequence[float] | None = None
    ) -> NDArray[Any]:
        """Returns `separate_objects` if the recipe numbers them, else `clean_labels`."""
        return self.separate_objects(maps, spacing) if self.numbers_objects else self.clean_labels(maps)

    def in_mask_values(self, decided: NDArray[Any]) -> NDArray[Any]:
        """Returns the result of `labels_or_objects` in the mask values of training; object numbers stay as they are."""
        return decided if self.numbers_objects else in_values(decided, self.values)

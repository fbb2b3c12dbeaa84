"""A training that is ready to begin: the resolved recipe, the checked cases, their split and the objective."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from isthmus.data.cases import Case
from isthmus.data.checks.check import Checked
from isthmus.data.sampling.grid import Grid
from isthmus.data.sampling.loading import Preprocessing, Target
from isthmus.data.sampling.slices import slice_by_slice
from isthmus.data.splits.folds import Split
from isthmus.inference.outputs.classes import Classes
from isthmus.inference.settings import normaliser, settled_spacing
from isthmus.objectives import Objective
from isthmus.runs.recipe import Recipe


@dataclass(frozen=True)
class Prepared:
    """A recipe without open values, and all that it describes.

    Attributes:
        recipe: the resolved recipe.
        data: the checked cases.
        split: the cases that train and those that are scored.
        objective: what the network learns.
    """

    recipe: Recipe
    data: Checked
    split: Split
    objective: Objective

    def cases(self, ids: tuple[str, ...]) -> list[Case]:
        """Returns the cases of these ids, in the order of the data set."""
        selected = set(ids)
        return [case for case in self.data.dataset.cases if case.id in selected]

    def hashes(self) -> dict[str, dict[str, str]]:
        """Returns the SHA-256 of every input file, by case."""
        return {facts.id: facts.sha256 for facts in self.data.cases}

    def truth(self, labels: Tensor) -> Tensor:
        """Returns what the network's maps are compared with.

        Args:
            labels: class indices ``(N, *spatial)``.

        Returns:
            The labels themselves or, where regions overlap, a map for each, ``(N, regions, *spatial)``.
        """
        if not self.recipe.data.multilabel:
            return labels
        table = torch.from_numpy(Classes.of(self.recipe.data).membership()).to(labels.device)
        return table[labels.long()].movedim(-1, 1)

    @property
    def preprocessing(self) -> Preprocessing:
        """How a case becomes arrays for the network."""
        data, shape = self.recipe.data, self.recipe.input
        targets: dict[str, Target] = dict(self.objective.targets)
        if data.multilabel:
            regions = Classes.of(data).membership().T
            targets = {name: _of_regions(target, regions) for name, target in targets.items()}
        if shape.slices is not None:
            targets = {name: slice_by_slice(target) for name, target in targets.items()}
        return Preprocessing(
            data.channels or 1,
            normaliser(shape),
            Grid(shape.resize, settled_spacing(shape)),
            data.instances,
            targets,
        )

    def spacing(self, case: Case, size: tuple[int, ...]) -> tuple[float, ...] | None:
        """Returns the spacing of a case on the network's grid, where it has this size; None if it is unknown."""
        if case.spacing is None:
            return None
        own = next(facts.shape[1:] for facts in self.data.cases if facts.id == case.id)
        return tuple(step * old / new for step, old, new in zip(case.spacing, own, size, strict=True))


def _of_regions(target: Target, regions: NDArray[np.uint8]) -> Target:
    """Returns the target of the masks of all regions, computed from a label of classes.

    Args:
        target: what is computed from the masks ``(regions, *spatial)``.
        regions: ``(regions, classes)``, 1 where a class belongs to a region.
    """
    return lambda label: target(regions[:, label])

"""The images of a run: for each scored case its image, its true labels and the labels that the run predicted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.data.cases import Case, Dataset, Source, load, load_instances
from isthmus.data.masks.values import ValueMap
from isthmus.data.sources import open_dataset
from isthmus.data.splits.single_volume import divided
from isthmus.errors import IsthmusError
from isthmus.inference.outputs.mask_files import mask_path
from isthmus.io.images import read_mask
from isthmus.report.gallery import CaseImages
from isthmus.runs.folder import RunFolder


class RunImages:
    """A function from a case id to ``(image (H, W) or (H, W, 3), truth (H, W), predicted (H, W), spacing or None)``.

    Volumes have D in front. An image that does not have 1 or 3 channels is shown by its first. Truth and prediction
    hold class indices, or object numbers if the run separates objects.

    Args:
        run: the run folder, whose ``predictions/`` holds masks on the images' own grid.
        data: current folder of the data; None: as in the recipe.
        beside: the images of another run on the same data, so that its cases need not be listed again.
    """

    def __init__(self, run: RunFolder, data: Path | None = None, beside: RunImages | None = None) -> None:
        whole = run.recipe()
        recipe = whole.data
        self.run = run
        self.channels, self.instances = recipe.channels, recipe.instances
        self.values = ValueMap(tuple(recipe.values.items()), recipe.value_rule or "exact")
        found: Dataset
        if beside is not None:
            found = beside.dataset
        elif recipe.root is not None:
            found = open_dataset(recipe.source, data or Path(recipe.root), recipe.axes)
        else:
            found = open_dataset(data or recipe.source, axes=recipe.axes)
        if beside is None:
            protocol = whole.protocol
            found = divided(found, protocol.kind, protocol.folds, protocol.fraction)
        self.cases: dict[str, Case] = {case.id: case for case in found.cases}
        self.dataset: Dataset = replace(found, values=self.values, classes=tuple(recipe.classes))

    def predicted(self, case: str) -> bool:
        """Returns whether the run holds a predicted mask of this case."""
        if case not in self.cases:
            return False
        try:
            return mask_path(self.run.predictions, self.cases[case], self.instances).is_file()
        except IsthmusError:  # the case's name cannot be a file's
            return False

    def original(self, case: str) -> tuple[NDArray[Any], NDArray[np.uint8], tuple[float, ...] | None]:
        """Returns image, true classes, and the size of a pixel along each axis, if it is known.

        Raises:
            IsthmusError: the case is no longer in the data, or cannot be read.
        """
        image, truth = load(self._found(case), self.dataset, self.channels)
        return _shown(image), truth, self.cases[case].spacing

    def prediction(self, case: str) -> NDArray[np.uint8]:
        """Returns the predicted classes.

        Raises:
            IsthmusError: there is no predicted mask, or it cannot be read.
        """
        predicted, path = self._mask(case)
        return (predicted > 0).astype(np.uint8) if self.instances else self.values.apply(predicted, path)

    def __call__(self, case: str) -> CaseImages:
        if self.instances:
            image, numbers = load_instances(self._found(case), self.dataset, self.channels)
            return _shown(image), numbers, self._mask(case)[0], self.cases[case].spacing
        image, truth, spacing = self.original(case)
        return image, truth, self.prediction(case), spacing

    def _mask(self, case: str) -> tuple[NDArray[Any], Path]:
        """Returns the values of the predicted mask, and where it is."""
        path = mask_path(self.run.predictions, self._found(case), self.instances)
        source = Source(path, part=self.cases[case].images[0].part)
        return read_mask(self.cases[case].oriented(source)), path

    def _found(self, case: str) -> Case:
        if case not in self.cases:
            raise IsthmusError(
                f"the data of {self.run.path} no longer holds case '{case}'; give the folder of the data with --data"
            )
        return self.cases[case]


def _shown(image: NDArray[Any]) -> NDArray[Any]:
    """Returns an image ``(channels, *spatial)`` with 3 channels last, or its first channel alone."""
    return np.moveaxis(image, 0, -1) if len(image) == 3 else image[0]

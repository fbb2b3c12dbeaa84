"""The pictures of a run: each scored case's image, its true labels and the labels the run predicted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.data.cases import Source, load
from isthmus.data.folder import open_dataset
from isthmus.data.formats import read_mask
from isthmus.data.parts import in_parts
from isthmus.data.values import ValueMap
from isthmus.errors import IsthmusError
from isthmus.inference.masks import mask_path
from isthmus.runs.folder import RunFolder


class RunImages:
    """From a case id to ``(image (H, W) or (H, W, 3), truth (H, W), predicted (H, W))``.

    Args:
        run: the run folder; its ``predictions/`` hold masks on the images' own grid.
        data: where the data lies now; None: where the recipe found it.
    """

    def __init__(self, run: RunFolder, data: Path | None = None) -> None:
        whole = run.recipe()
        recipe = whole.data
        self.run = run
        self.channels, self.instances = recipe.channels, recipe.instances
        self.values = ValueMap(tuple(recipe.values.items()), recipe.value_rule or "exact")
        if recipe.root is not None:
            found = open_dataset(recipe.source, data or Path(recipe.root))
        else:
            found = open_dataset(data or recipe.source)
        if whole.protocol.kind == "within-case":
            found = in_parts(found, whole.protocol.folds)
        self.cases = {case.id: case for case in found.cases}
        self.dataset = replace(found, values=self.values, classes=tuple(recipe.classes))

    def predicted(self, case: str) -> bool:
        """Whether the run holds its predicted mask of this case."""
        return (
            case in self.cases and mask_path(self.run.predictions, self.cases[case], self.instances).is_file()
        )

    def __call__(self, case: str) -> tuple[NDArray[Any], NDArray[np.uint8], NDArray[np.uint8]]:
        if case not in self.cases:
            raise IsthmusError(
                f"the data of {self.run.path} no longer holds case '{case}'; name the data with --data"
            )
        image, truth = load(self.cases[case], self.dataset, self.channels)
        path = mask_path(self.run.predictions, self.cases[case], self.instances)
        predicted = read_mask(Source(path, part=self.cases[case].images[0].part))
        predicted = (predicted > 0).astype(np.uint8) if self.instances else self.values.apply(predicted, path)
        return (image[0] if len(image) == 1 else np.moveaxis(image, 0, -1)), truth, predicted

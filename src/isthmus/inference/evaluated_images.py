"""Compares scored masks, and their images where known, with the training images of the run that made them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from isthmus.data.cases import load_image
from isthmus.errors import IsthmusError
from isthmus.evaluation.mask_pairs import Pair
from isthmus.inference.averaging import run_folders
from isthmus.inference.settings import value_map
from isthmus.inference.unfamiliar import Unfamiliar
from isthmus.io.images import read_mask
from isthmus.runs.folder import RunFolder


def unlike_training(run: Path | None, predictions: Path, pairs: Sequence[Pair]) -> list[str]:
    """A line for each way in which images or predicted masks differ from those that the run was trained on.

    Args:
        run: the run that predicted, or the folder of a cross-validation; None: the one in whose folder the predictions
            lie. Without one there is nothing to say.
        pairs: true cases and predictions.

    Raises:
        IsthmusError: a run that is named and is none.
    """
    folders = run_folders(run) if run is not None else _around(predictions)
    if not folders:
        return []
    recipe = folders[0].recipe()
    seen, notes = Unfamiliar.of(folders)
    if seen.known is None:
        return notes
    background = 0 if recipe.data.instances else int(value_map(recipe).invert(np.zeros(1, np.uint8))[0])
    for case, prediction in pairs:
        try:
            if case.images:
                seen.image(load_image(case), case.millimetres)
            seen.mask(read_mask(prediction.images[0]) != background)
        except IsthmusError:  # problems of a file are reported where it is scored
            continue
    return seen.lines()


def _around(predictions: Path) -> list[RunFolder]:
    """The run in whose folder masks lie, if they do."""
    return [
        folder for folder in map(RunFolder, predictions.resolve().parents[:2]) if folder.images.is_file()
    ][:1]

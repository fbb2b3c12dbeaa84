"""Compares scored masks, and their images where known, with the training images of the run that made them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from isthmus.data.cases import Case, load_image
from isthmus.errors import IsthmusError
from isthmus.inference.averaging import run_folders
from isthmus.inference.settings import value_map
from isthmus.inference.unfamiliar import Unfamiliar
from isthmus.io.images import read_mask
from isthmus.runs.folder import RunFolder

Pairs = Sequence[tuple[Case, Case]]
"""True cases, and the predictions as images of cases."""


def unlike_training(run: Path | None, predictions: Path) -> Callable[[Pairs], list[str]]:
    """Returns a function from scored pairs to lines, one for each way in which their images or predicted masks differ
    from those of training.

    Args:
        run: the run that predicted, or the folder of a cross-validation; None: the run in whose folder the predictions
            lie. Without one there is nothing to say.
        predictions: the folder of predicted masks.

    Raises:
        IsthmusError: ``run`` is not a run.
    """
    folders = run_folders(run) if run is not None else _around(predictions)
    return lambda pairs: _lines(folders, pairs) if folders else []


def _lines(folders: Sequence[RunFolder], pairs: Pairs) -> list[str]:
    recipe = folders[0].recipe()
    unfamiliar, notes = Unfamiliar.of(folders)
    if unfamiliar.known is None:
        return notes
    background = 0 if recipe.data.instances else int(value_map(recipe.data).invert(np.zeros(1, np.uint8))[0])
    for case, prediction in pairs:
        try:
            if case.images:
                unfamiliar.image(load_image(case), case.millimetres)
            unfamiliar.mask(read_mask(prediction.images[0]) != background)
        except IsthmusError:  # problems of a file are reported where it is scored
            continue
    return unfamiliar.lines()


def _around(predictions: Path) -> list[RunFolder]:
    """Returns the run in whose folder masks lie, if they do."""
    return [
        folder for folder in map(RunFolder, predictions.resolve().parents[:2]) if folder.images.is_file()
    ][:1]

"""Data sets as every program reads them: folders of PNG files, the scored cases apart from the others.

``FOLDER/train`` holds ``images/ID.png``, ``masks/ID.png`` (0 and 1) and ``cases.csv`` with the groups; ``FOLDER/test``
holds the scored cases, whose masks no program is shown.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from isthmus.data.cases import Case, Dataset, load
from isthmus.data.checks.check import check_dataset
from isthmus.data.sources import open_dataset
from isthmus.data.splits.folds import kfold
from isthmus.runs.files import write_csv


@dataclass(frozen=True)
class Data:
    """A data set of the comparison.

    Attributes:
        name: a built-in data set.
        scored: ids of the scored cases, or the number of folds of which the first is scored.
        side: images whose shorter side is longer than this are reduced to it; None: none.
    """

    name: str
    scored: Sequence[str] | int
    side: int | None = None


SETS = {
    made.name: made
    for made in (
        Data("isbi-2012", [f"slice-{i:02d}" for i in (0, 3, 12, 15, 21, 25)], side=256),
        Data("dsb-2018", 5),
        Data("lgg-mri", 3),
        Data("kvasir-seg", 3, side=256),
        Data("glas-2015", 3, side=256),
    )
}


def exported(data: Data, root: Path, folder: Path) -> Path:
    """Writes a data set to a folder, unless that is done, and returns the folder."""
    if folder.is_dir():
        return folder
    dataset = check_dataset(open_dataset(data.name, root / data.name)).dataset
    scored = scored_ids(data, dataset.cases)
    aside = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(aside, ignore_errors=True)
    for part in ("train", "test"):
        cases = [case for case in dataset.cases if (case.id in scored) == (part == "test")]
        rows = [_write(case, dataset, data.side, aside / part) for case in cases]
        write_csv(aside / part / "cases.csv", rows, ["image", "mask", "group"])
    os.replace(aside, folder)
    return folder


def scored_ids(data: Data, cases: Sequence[Case]) -> set[str]:
    """Returns the ids of the scored cases; a group is never divided."""
    if isinstance(data.scored, int):
        return set(kfold(cases, data.scored)[0].validation)
    return set(data.scored)


def _write(case: Case, dataset: Dataset, side: int | None, folder: Path) -> dict[str, str]:
    image, label = load(case, dataset)
    pixels, mask = reduced(np.moveaxis(image, 0, -1), label, side)
    names = {}
    for kind, values in (("image", pixels), ("mask", mask)):
        path = folder / f"{kind}s" / f"{case.id}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(values).save(path)
        names[kind] = f"{kind}s/{path.name}"
    return names | {"group": case.group}


def reduced(
    image: NDArray[Any], label: NDArray[np.uint8], side: int | None
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Returns image `(H, W)` or `(H, W, 3)` and mask `(H, W)` of 0 and 1, reduced by area to this shorter side."""
    mask = (label > 0).astype(np.uint8)
    factor = 1.0 if side is None else min(1.0, side / min(mask.shape))
    if factor < 1:
        size = (round(mask.shape[1] * factor), round(mask.shape[0] * factor))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        mask = (cv2.resize(255 * mask, size, interpolation=cv2.INTER_AREA) >= 128).astype(np.uint8)
    grey = image.ndim == 3 and image.shape[-1] == 1
    return (image[..., 0] if grey else image), mask

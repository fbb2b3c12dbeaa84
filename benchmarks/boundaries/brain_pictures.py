"""A slice of each scored brain: both modalities, true and found regions."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.boundaries.pictures import grey, sheet
from benchmarks.boundaries.runs import PICTURES
from isthmus.data.cases import load
from isthmus.data.folder import open_dataset
from isthmus.inference.predictor import Predictor
from isthmus.report.figures import outline
from isthmus.runs.folder import RunFolder


def draw(root: Path, here: Path) -> dict[str, str]:
    """The slice with most tumour; of class numbers, as the masks are written."""
    predictor, dataset = Predictor.load(here, device="cpu"), open_dataset("brats", root)
    wanted = [row["case"] for row in RunFolder(here).read_rows(RunFolder(here).cases)]
    rows = []
    for case in dataset.cases:
        if case.id not in wanted:
            continue
        image, truth = load(case, dataset)
        found = predictor.labels(image)
        index = int(np.argmax((truth > 0).sum(axis=(1, 2))))
        planes = [grey(channel[index], *np.percentile(channel[index], (1, 99.5))) for channel in image]
        step = 2 if truth.shape[1] > 200 else 1
        pictures = [*planes, outline(planes[0], truth[index]), outline(planes[0], found[index])]
        rows.append((case.id, [picture[::step, ::step] for picture in pictures]))
    heads = ("FLAIR", "T1 with contrast", "true classes", "found")
    return {"brain": sheet(PICTURES / "brain.png", rows, heads, scale=1)}

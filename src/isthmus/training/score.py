"""How good a network is on cases: the loss and Dice of every epoch, and all metrics at the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from isthmus.data.cases import Case, Dataset
from isthmus.data.preprocess import Grid
from isthmus.data.samples import Samples
from isthmus.inference.predictor import Predictor, activate, decide
from isthmus.inference.tiles import Floats
from isthmus.metrics import dice, score_case
from isthmus.objectives.losses import Loss
from isthmus.runs.recipe import Recipe

METRICS = (
    "dice",
    "iou",
    "precision",
    "recall",
    "hausdorff_distance",
    "hausdorff_distance_95",
    "average_surface_distance",
)
CASE_COLUMNS = ("case", "group", "set", "fold", "grid", "class", *METRICS)


@dataclass(frozen=True)
class Scored:
    """Means over cases: of the loss, and of Dice over the foreground classes."""

    loss: float
    dice: float


class Scorer:
    """The held-out cases on the network's grid, read once and kept within the cache's budget."""

    def __init__(self, recipe: Recipe, dataset: Dataset, cases: Sequence[Case], loss: Loss) -> None:
        self.recipe, self.loss = recipe, loss
        self.cases = sorted(cases, key=lambda case: case.id)
        self.samples = Samples(
            dataset,
            self.cases,
            channels=recipe.data.channels or 1,
            batch=1,
            grid=Grid(recipe.input.resize),
            normalization=recipe.input.normalise,
            shuffle=False,
            workers=0,
            cache_bytes=recipe.hardware.cache_mb * 2**20,
        )

    def score(self, predictor: Predictor) -> Scored:
        """Loss and Dice, cheap enough for every epoch."""
        losses, dices = [], []
        for _, logits, label in self._logits(predictor):
            with torch.inference_mode():
                loss = self.loss(torch.from_numpy(logits[None]), torch.from_numpy(label[None]))
            losses.append(float(loss))
            predicted = decide(activate(logits))
            scores = dice(predicted, label, classes=dict(enumerate(self.recipe.data.classes[1:], start=1)))
            dices.append(float(np.mean(list(scores.values()))))
        return Scored(float(np.mean(losses)), float(np.mean(dices)))

    def rows(self, predictor: Predictor, which: str) -> Iterator[list[dict[str, Any]]]:
        """The rows of ``cases.csv`` of one case after another: a row for each foreground class, every metric."""
        names = dict(enumerate(self.recipe.data.classes[1:], start=1))
        fold = self.recipe.protocol.fold if self.recipe.protocol.kind == "kfold" else None
        for case, logits, label in self._logits(predictor):
            predicted = decide(activate(logits))
            scores = score_case(predicted, label, classes=names, spacing=case.spacing, objects=False)
            yield [
                {
                    "case": case.id,
                    "group": case.group,
                    "set": which,
                    "fold": fold,
                    "grid": "network",
                    "class": name,
                    **{metric: scores[name][metric] for metric in METRICS},
                }
                for name in names.values()
            ]

    def _logits(self, predictor: Predictor) -> Iterator[tuple[Case, Floats, NDArray[np.uint8]]]:
        for index, case in enumerate(self.cases):
            image, label = self.samples.sample(0, index)
            yield case, predictor.logits(image), label

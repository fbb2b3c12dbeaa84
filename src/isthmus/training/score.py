"""How good a network is on cases: the loss and Dice of every epoch, and all metrics at the end."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from isthmus.data.cases import IGNORED, Case
from isthmus.data.sampling.cache import ByteBudget
from isthmus.data.sampling.loading import Batch, CaseStore
from isthmus.inference.predictor import Predictor
from isthmus.inference.tiling.tiles import Floats
from isthmus.metrics import dice, iou, score_case, score_probabilities
from isthmus.metrics.rows import case_rows
from isthmus.training.prepared import Prepared


@dataclass(frozen=True)
class Scored:
    """Means over cases: of the loss, and of Dice and IoU over the foreground classes."""

    loss: float
    dice: float
    iou: float

    def goodness(self, by: str) -> float:
        """What is the larger the better."""
        return -self.loss if by == "loss" else self.iou if by == "iou" else self.dice


@dataclass(frozen=True)
class Rows:
    """One case: its rows of ``cases.csv``, the same before clean-up (none where nothing is cleaned), the mask as it is
    written, where the network's grid is the image's own, and lines to tell the user."""

    case: Case
    final: list[dict[str, Any]]
    before: list[dict[str, Any]]
    mask: NDArray[Any] | None
    notes: list[str]


class Scorer:
    """The held-out cases on the network's grid, read once and kept within the cache's budget."""

    def __init__(self, prepared: Prepared, cases: Sequence[Case], budget: ByteBudget) -> None:
        self.recipe = prepared.recipe
        self.objective = prepared.objective
        self.prepared = prepared
        self.store = CaseStore(prepared.data.dataset, cases, prepared.preprocessing, budget)

    def score(self, predictor: Predictor) -> Scored:
        """Loss, Dice and IoU."""
        classes = predictor.decision.classes
        losses, dices, ious = [], [], []
        for _, outputs, sample, _ in self._outputs(predictor):
            losses.append(self._loss(outputs, sample))
            decided, labels = classes.decide(classes.activate(outputs["logits"])), sample.labels
            outside = self._ignored(labels)
            predicted = classes.scored(decided if outside is None else np.where(outside, 0, decided))
            true = classes.scored(labels if outside is None else np.where(outside, 0, labels))
            dices.append(float(np.mean([dice(predicted[name], true[name]) for name in true])))
            ious.append(float(np.mean([iou(predicted[name], true[name]) for name in true])))
        return Scored(float(np.mean(losses)), float(np.mean(dices)), float(np.mean(ious)))

    def seconds_of_a_case(self, predictor: Predictor) -> float:
        """What the first case takes; where that is not long, once it is read and everything is warm."""
        seconds = math.inf
        for _ in range(2):
            start = time.perf_counter()
            next(self._outputs(predictor), None)
            seconds = min(seconds, time.perf_counter() - start)
            if seconds > 1:
                break
        return seconds

    def rows(self, predictor: Predictor, which: str) -> Iterator[Rows]:
        """Every metric of one case after another; a row for each foreground class or region."""
        fold = None if self.recipe.protocol.kind == "holdout" else self.recipe.protocol.fold
        decision, classes = predictor.decision, predictor.decision.classes
        native = self.recipe.input.resize is None
        for index, (case, outputs, sample, notes) in enumerate(self._outputs(predictor)):
            about: dict[str, Any] = {"case": case.id, "group": case.group, "set": which, "fold": fold}
            about["grid"] = "network"
            spacing = self.prepared.spacing(case, sample.labels.shape)
            maps = decision.probabilities(outputs)
            if decision.numbers_objects:
                numbers = decision.objects(maps, spacing)
                numbered = self.store[index].label
                found = score_case(numbers, numbered, spacing=spacing, instances=True)
                found |= score_probabilities(maps["logits"][0], numbered > 0, spacing=spacing)
                rows = case_rows({classes.names[1]: found}, **about)
                yield Rows(case, rows, [], numbers if native else None, notes)
                continue
            decided = classes.decide(maps["logits"])
            true = classes.scored(sample.labels)
            cleaned = decision.cleaned(decided)
            maps_of = classes.scored_probabilities(maps["logits"])
            outside = self._ignored(sample.labels)
            final = case_rows(_score(classes.scored(cleaned), true, maps_of, spacing, outside), **about)
            before: list[dict[str, Any]] = []
            if not decision.clean_up.is_nothing:
                before = case_rows(_score(classes.scored(decided), true, maps_of, spacing, outside), **about)
            yield Rows(case, final, before, decision.written(cleaned) if native else None, notes)

    def _ignored(self, labels: NDArray[np.uint8]) -> NDArray[np.bool_] | None:
        """The pixels that are not scored."""
        return None if self.recipe.data.ignore is None else labels == IGNORED

    def _loss(self, outputs: Mapping[str, Floats], sample: Batch) -> float:
        """That of a case; of a volume in slices, over its slices."""
        with torch.inference_mode():
            return float(self.objective(*self._for_the_loss(outputs, sample)))

    def _for_the_loss(
        self, outputs: Mapping[str, Floats], sample: Batch
    ) -> tuple[dict[str, Tensor], Tensor, dict[str, Tensor]]:
        heads = {name: torch.from_numpy(maps) for name, maps in outputs.items()}
        labels = torch.from_numpy(sample.labels)
        targets = {name: torch.from_numpy(map_) for name, map_ in sample.targets.items()}
        if self.recipe.input.slices is None:
            heads = {name: maps[None] for name, maps in heads.items()}
            labels, targets = labels[None], {name: map_[None] for name, map_ in targets.items()}
        else:
            heads = {name: maps.movedim(1, 0) for name, maps in heads.items()}
        return heads, self.prepared.truth(labels), targets

    def terms(self, predictor: Predictor) -> Iterator[tuple[Case, dict[str, Floats], dict[str, Tensor]]]:
        """Of every case the outputs of the network and the terms of the loss."""
        for case, outputs, sample, _ in self._outputs(predictor):
            yield case, outputs, self.objective.parts(*self._for_the_loss(outputs, sample))

    def _outputs(self, predictor: Predictor) -> Iterator[tuple[Case, dict[str, Floats], Batch, list[str]]]:
        """Of every case the outputs of the network, the sample, and lines to tell the user."""
        for index, case in enumerate(self.store.cases):
            sample = self.store.whole(index)
            outputs, notes = predictor.compute(sample.images)
            yield case, outputs, sample, notes


def _score(
    predicted: Mapping[str, NDArray[np.bool_]],
    true: Mapping[str, NDArray[np.bool_]],
    probabilities: Mapping[str, Floats],
    spacing: tuple[float, ...] | None,
    outside: NDArray[np.bool_] | None,
) -> dict[str, dict[str, float]]:
    """All metrics of every class; points `outside` count on neither side."""

    def score(name: str) -> dict[str, float]:
        truth: NDArray[Any] = true[name]
        ignore = None
        if outside is not None:
            truth, ignore = np.where(outside, IGNORED, truth).astype(np.uint8), IGNORED
        found: dict[str, float] = score_case(
            predicted[name], truth, spacing=spacing, objects=False, ignore=ignore
        )
        return found | score_probabilities(probabilities[name], truth, spacing=spacing, ignore=ignore)

    return {name: score(name) for name in true}

"""Scores a network on held-out cases: loss and Dice after every epoch, and all metrics at the end."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from isthmus.data.cases import IGNORED, Case
from isthmus.data.sampling.cache import ByteBudget
from isthmus.data.sampling.loading import Batch, CaseStore
from isthmus.data.sampling.spacing import stated_spacing
from isthmus.inference.predictor import Predictor
from isthmus.inference.tiled_network import Heads
from isthmus.inference.tiling.tiles import Floats
from isthmus.metrics import dice, iou, object_f1, score_case, score_probabilities
from isthmus.metrics.rows import case_rows
from isthmus.training.loop.best_epoch import Scored
from isthmus.training.pooled import PooledJaccard
from isthmus.training.preparation.prepared import Prepared


@dataclass(frozen=True)
class CaseResult:
    """The scores of one case.

    Attributes:
        case: the scored case.
        rows: of ``cases.csv``, one for each foreground class or region.
        rows_before_cleanup: the same before the masks are cleaned up; empty if nothing is cleaned up.
        mask: as it is written, on the image's own grid; None if the case was scored resized.
        notes: lines to tell the user.
    """

    case: Case
    rows: list[dict[str, Any]]
    rows_before_cleanup: list[dict[str, Any]]
    mask: NDArray[Any] | None
    notes: list[str]


class _Mean:
    """The mean over cases with foreground, or over all of them if none has any."""

    def __init__(self) -> None:
        self._of: dict[bool, list[float]] = {True: [], False: []}

    def add(self, of_classes: Sequence[float], has_foreground: bool) -> None:
        self._of[has_foreground].append(float(np.mean(of_classes)))

    def cases(self) -> tuple[float, ...]:
        return tuple(self._of[True] or self._of[False])

    def value(self) -> float:
        return float(np.mean(self.cases()))


class Scorer:
    """Scores held-out cases on the network's grid or, where that has a spacing, on their own; they are read once as far
    as the budget lasts.

    Args:
        prepared: the training.
        cases: those to score.
        budget: bytes for decoded cases, shared with the stream of samples.
    """

    def __init__(self, prepared: Prepared, cases: Sequence[Case], budget: ByteBudget) -> None:
        self.recipe = prepared.recipe
        self.objective = prepared.objective
        self.prepared = prepared
        self.store = CaseStore(prepared.data.dataset, cases, prepared.preprocessing, budget)

    def score(self, predictor: Predictor, most: int | None = None) -> Scored:
        """Returns the loss, Dice and IoU, averaged over the cases, and the soft IoU, pooled over batches of them; and
        object F1, if the best epoch is chosen by it.

        Dice, IoU and object F1 are means over the cases, and classes, whose truth has foreground, if any has: without
        it they are 0 or 1, and one stray pixel in a single case would choose the epoch.

        Args:
            predictor: predictor of the network to score.
            most: the number of cases; None: all.
        """
        classes, by_objects, objects = (
            predictor.decision.classes,
            self.recipe.training.select == "objects",
            _Mean(),
        )
        losses, dices, ious, pooled = [], _Mean(), _Mean(), PooledJaccard(self.recipe.training.batch)
        for index, (case, outputs, sample, _) in enumerate(islice(self._outputs(predictor), most)):
            losses.append(self._loss(outputs, sample))
            wanted = outputs if by_objects else {"logits": outputs["logits"]}
            heads, labels, _ = self._to_score(predictor, index, wanted, sample)
            maps = heads["logits"]
            decided = classes.decide(maps)
            outside = self._ignored(labels)
            predicted = classes.scored(decided if outside is None else np.where(outside, 0, decided))
            true = classes.scored(labels if outside is None else np.where(outside, 0, labels))
            shown = [name for name in true if true[name].any()]
            for mean, metric in ((dices, dice), (ious, iou)):
                mean.add([metric(predicted[name], true[name]) for name in shown or true], bool(shown))
            pooled.add(
                classes.scored_probabilities(maps if outside is None else np.where(outside, 0, maps)), true
            )
            if by_objects:
                spacing = self.prepared.spacing(case, labels.shape)
                numbers = predictor.decision.separate_objects(heads, spacing)
                f1 = object_f1(numbers, self.store[index].original, overlap=0.5, one_to_one=True)
                objects.add([f1], bool(shown))
        of_objects = objects.value() if by_objects else math.nan
        means = (float(np.mean(losses)), dices.value(), ious.value(), pooled.value(), of_objects)
        choosing = {
            "dice": dices.cases(),
            "iou": ious.cases(),
            "objects": objects.cases(),
            "loss": tuple(-loss for loss in losses),
        }
        return Scored(*means, cases=choosing.get(self.recipe.training.select, ()))

    def objects(self, predictor: Predictor) -> Iterator[tuple[Heads, NDArray[Any]]]:
        """Yields the maps of each head, and the numbered objects of the truth on the same grid."""
        for index, (_, outputs, sample, _) in enumerate(self._outputs(predictor)):
            yield self._to_score(predictor, index, outputs, sample)[0], self.store[index].original

    def seconds_of_a_case(self, predictor: Predictor) -> float:
        """Returns how long the first case takes: the shorter of two times, unless the first exceeds a second."""
        seconds = math.inf
        for _ in range(2):
            start = time.perf_counter()
            self.score(predictor, 1)
            seconds = min(seconds, time.perf_counter() - start)
            if seconds > 1:
                break
        return seconds

    def results(self, predictor: Predictor, which: str) -> Iterator[CaseResult]:
        """Yields every metric of one case after another.

        Args:
            predictor: predictor of the network to score.
            which: the name of the set that the cases belong to.
        """
        fold = None if self.recipe.protocol.kind == "holdout" else self.recipe.protocol.fold
        decision, classes = predictor.decision, predictor.decision.classes
        native = self.recipe.input.resize is None
        before: list[dict[str, Any]]
        for index, (case, outputs, sample, notes) in enumerate(self._outputs(predictor)):
            about: dict[str, Any] = {"case": case.id, "group": case.group, "set": which, "fold": fold}
            maps, labels, about["grid"] = self._to_score(predictor, index, outputs, sample)
            spacing = self.prepared.spacing(case, labels.shape)
            if decision.numbers_objects:
                numbers = decision.separate_objects(maps, spacing)
                numbered = self.store[index].original
                found = score_case(numbers, numbered, spacing=spacing, instances=True)
                found |= score_probabilities(maps["logits"][0], numbered > 0, spacing=spacing)
                rows = case_rows({classes.names[1]: found}, **about)
                before = []
                if not decision.clean_up.is_nothing:
                    raw = decision.separate_objects(maps, spacing, clean=False)
                    found |= score_case(raw, numbered, spacing=spacing, instances=True)
                    before = case_rows({classes.names[1]: found}, **about)
                yield CaseResult(case, rows, before, numbers if native else None, notes)
                continue
            decided = classes.decide(maps["logits"])
            true = classes.scored(labels)
            cleaned = decision.clean(decided)
            maps_of = classes.scored_probabilities(maps["logits"])
            outside = self._ignored(labels)
            final = case_rows(_score(classes.scored(cleaned), true, maps_of, spacing, outside), **about)
            before = []
            if not decision.clean_up.is_nothing:
                before = case_rows(_score(classes.scored(decided), true, maps_of, spacing, outside), **about)
            yield CaseResult(case, final, before, decision.in_mask_values(cleaned) if native else None, notes)

    def _to_score(
        self, predictor: Predictor, index: int, outputs: Heads, sample: Batch
    ) -> tuple[Heads, NDArray[np.uint8], str]:
        """Returns the probabilities of each head, the classes they are compared with, and the name of their grid.

        It is the network's or, where images are brought to a spacing, the image's own.
        """
        if predictor.grid.spacing is None:
            return predictor.decision.activate_heads(outputs), sample.labels, "network"
        original, spacing = self.store[index].original, stated_spacing(self.store.cases[index])
        maps = predictor.restore(outputs, original.shape, spacing)
        return maps, self.store.preprocessing.classes(original), "original"

    def _ignored(self, labels: NDArray[np.uint8]) -> NDArray[np.bool_] | None:
        """Returns where pixels are ignored; None if none are."""
        return None if self.recipe.data.ignore is None else labels == IGNORED

    def _loss(self, outputs: Mapping[str, Floats], sample: Batch) -> float:
        """Returns the loss of a case, over all slices if the network sees slices."""
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
        """Yields the outputs of the network and the terms of the loss for each case."""
        for case, outputs, sample, _ in self._outputs(predictor):
            yield case, outputs, self.objective.parts(*self._for_the_loss(outputs, sample))

    def _outputs(self, predictor: Predictor) -> Iterator[tuple[Case, dict[str, Floats], Batch, list[str]]]:
        """Yields the outputs of the network, the sample, and lines to tell the user, for each case."""
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
    """Returns all metrics of every class; pixels that are ``outside`` do not count."""

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

"""Writes the results of a trained network: scores, masks of the scored cases, and what the training cost."""

from __future__ import annotations

from typing import Any

from torch import nn

from isthmus.data.cases import load_image
from isthmus.data.sampling.cache import ByteBudget
from isthmus.inference.outputs.mask_files import write_case
from isthmus.inference.predictor import Predictor
from isthmus.machine import peak_memory
from isthmus.metrics.table import columns
from isthmus.networks import count_parameters
from isthmus.networks.kernels.bfloat16.choice import kernel_remarks
from isthmus.runs.files import write_csv
from isthmus.runs.folder import RunFolder
from isthmus.training.loop.best_epoch import Progress
from isthmus.training.preparation.prepared import Prepared
from isthmus.training.score import Scorer
from isthmus.watch import Watch


def write_scores(folder: RunFolder, prepared: Prepared, predictor: Predictor, watch: Watch) -> None:
    """Scores the held-out cases and the test cases, and writes every metric and all masks."""
    recipe, split = prepared.recipe, prepared.split
    sets = {"validation": prepared.cases(split.validation), "test": prepared.cases(split.test)}
    watch.stage("scoring", sum(map(len, sets.values())))
    rows: list[dict[str, Any]] = []
    rows_before_cleanup: list[dict[str, Any]] = []
    budget = ByteBudget(recipe.hardware.cache_mb * 2**20)
    for name, cases in sets.items():
        if not cases:
            continue
        for result in Scorer(prepared, cases, budget).results(predictor, name):
            rows += result.rows
            rows_before_cleanup += result.rows_before_cleanup
            mask, notes = result.mask, result.notes
            if mask is None:
                predicted = predictor.predict(load_image(result.case, recipe.data.channels))
                mask, notes = predicted.mask, notes + predicted.notes
            notes = notes + write_case(folder.predictions, result.case, mask, recipe.data.instances)
            for note in dict.fromkeys(notes):
                watch.say(f"{result.case.id}: {note}")
            for line in kernel_remarks():
                watch.say(line)
            watch.advance()
    names = columns(objects=recipe.data.instances, probabilities=True)
    write_csv(folder.cases, rows, names)
    if rows_before_cleanup:
        write_csv(folder.cases_before, rows_before_cleanup, names)


def costs(network: nn.Module, prepared: Prepared, progress: Progress) -> dict[str, Any]:
    """Returns the content of `cost.json`."""
    samples = (prepared.recipe.training.samples or 0) * progress.epoch
    return {
        "parameters": count_parameters(network),
        "epochs": progress.epoch,
        "best_epoch": progress.best_epoch,
        "best_validation_dice": progress.best_dice,
        "training_seconds": round(progress.seconds, 3),
        "images_per_second": round(samples / progress.seconds, 3) if progress.seconds else None,
        "peak_memory_bytes": peak_memory(),
    }

"""The training loop: epochs of steps, the best epoch kept, a checkpoint from which it goes on bit for bit."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from isthmus.data.augment import make_augmentation
from isthmus.data.kept import Room
from isthmus.data.preprocess import Grid
from isthmus.data.rng import stable_hash
from isthmus.data.samples import Samples, batch_sizes
from isthmus.errors import IsthmusError
from isthmus.inference.predictor import Predictor
from isthmus.inference.settings import normaliser
from isthmus.memory import give_back_freed_memory
from isthmus.runs import hardware as machine
from isthmus.runs.files import write_csv
from isthmus.runs.folder import HISTORY_COLUMNS, RunFolder
from isthmus.runs.recipe import Recipe, validate
from isthmus.training import checkpoint
from isthmus.training.average import Average
from isthmus.training.distributed import world
from isthmus.training.optimiser import make_optimiser
from isthmus.training.prepare import Prepared
from isthmus.training.rate import Rate
from isthmus.training.score import Scored, Scorer
from isthmus.watch import Watch

T = TypeVar("T")

SHARE_WRITING = 0.02  # of the time may go into checkpoints
JITTER = 0.125  # share of its sides by which the region of interest is moved in training


class Waited(Iterator[T]):
    """What another iterator gives, and the seconds spent waiting for it."""

    def __init__(self, items: Iterator[T]) -> None:
        self.items, self.seconds = items, 0.0

    def __next__(self) -> T:
        start = time.perf_counter()
        try:
            return next(self.items)
        finally:
            self.seconds += time.perf_counter() - start


@dataclass
class Progress:
    """What a run has reached; everything the checkpoint keeps besides tensors of the network and optimiser."""

    epoch: int = 0  # epochs done
    best_epoch: int = 0
    best: float = -math.inf  # what the best epoch is chosen by; see Scored.goodness
    best_dice: float = -1.0  # at the best epoch
    best_state: dict[str, Tensor] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0


def fit(
    network: nn.Module,
    prepared: Prepared,
    folder: RunFolder,
    watch: Watch,
    localiser: Predictor | None = None,
) -> Progress:
    """Train to the end of the recipe, from the run's checkpoint where there is one.

    Every random choice of epoch e depends on the seed and e alone, so a checkpoint needs no generator's state.
    """
    recipe, training = prepared.recipe, prepared.recipe.training
    layout = machine.memory_format(recipe.hardware, recipe.spatial_dims)
    device = torch.device(recipe.hardware.device)
    if device.type == "cuda":
        torch.backends.cudnn.deterministic = True
    predictor = Predictor.from_networks([network], recipe, recipe.hardware, localiser)
    average = (
        Average(network, training.average) if training.average else None
    )  # where and as the network now lies
    scored_network = average.network if average else network
    if average:
        predictor = Predictor.from_networks([scored_network], recipe, recipe.hardware, localiser)
    predictor.overlap = 0.0  # up to a quarter of the tiles; at the end they overlap
    processes = world()
    optimiser = make_optimiser(network, training, fused=device.type != "mps")
    room = Room(recipe.hardware.cache_mb * 2**20)
    samples = training_samples(prepared, room)
    scorer = Scorer(prepared, prepared.cases(prepared.split.validation), room)
    rate = Rate(training, training.epochs * len(samples))
    progress = Progress()
    if folder.checkpoint.is_file():
        progress = _restore(folder, recipe, network, average, optimiser, rate)
        watch.say(f"resumed after epoch {progress.epoch} of {training.epochs}")

    wrapped = processes.wrap(network)
    saving = device.type == "cpu" and getattr(network, "checkpoint", False)  # memory counts more than time
    sizes = batch_sizes(samples.samples_per_epoch, training.batch)
    watch.stage("training", training.epochs * len(samples), progress.epoch * len(samples))
    started, saved, write_seconds = time.perf_counter() - progress.seconds, -math.inf, 0.0
    for epoch in range(progress.epoch, training.epochs):
        if _stops(progress, training.early_stopping):
            break
        epoch_start = time.perf_counter()
        torch.manual_seed(stable_hash(training.seed, "epoch", epoch) % 2**63)
        network.train()
        total = torch.zeros((), device=device)
        part = (processes.rank, processes.size)
        batches = Waited(samples.batches(epoch, part))
        for step, (size, batch) in enumerate(zip(sizes, batches, strict=True)):
            for group in optimiser.param_groups:
                group["lr"] = rate.at(epoch * len(samples) + step)
            x = torch.from_numpy(batch.images).to(device, non_blocking=True).contiguous(memory_format=layout)
            y = prepared.truth(torch.from_numpy(batch.labels).to(device, non_blocking=True))
            targets = {
                name: torch.from_numpy(maps).to(device, non_blocking=True)
                for name, maps in batch.targets.items()
            }
            with machine.autocast(recipe.hardware):
                out = wrapped(x)
            value = prepared.objective(out, y, targets) * processes.weight(size)
            optimiser.zero_grad(set_to_none=True)
            if saving:
                give_back_freed_memory()
            value.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            if average:
                average.update(network, epoch * len(samples) + step)
            total += value.detach() * (size / samples.samples_per_epoch / processes.size)
            watch.advance(_standing(epoch, training.epochs, progress))
        processes.total(total)
        if not math.isfinite(float(total)):
            raise IsthmusError(
                f"the loss is {float(total)} in epoch {epoch + 1}: training has come apart; "
                "lower training.learning_rate (a tenth of it, say)"
            )
        network.eval()
        validation_start = time.perf_counter()
        scored = scorer.score(predictor) if processes.first else Scored(math.nan, math.nan, math.nan)
        scored = Scored(*processes.told([scored.loss, scored.dice, scored.iou], device))
        learning_rate = rate.at((epoch + 1) * len(samples) - 1)
        rate.see(scored.loss)
        progress.epoch = epoch + 1
        progress.history.append(
            {
                "epoch": epoch + 1,
                "train_loss": float(total),
                "validation_loss": scored.loss,
                "validation_dice": scored.dice,
                "validation_iou": scored.iou,
                "learning_rate": learning_rate,
                "seconds": time.perf_counter() - epoch_start,
                "seconds_waiting": batches.seconds,
                "seconds_validating": time.perf_counter() - validation_start,
            }
        )
        goodness = scored.goodness(training.select)
        if goodness > progress.best:
            progress.best, progress.best_dice, progress.best_epoch = goodness, scored.dice, epoch + 1
            progress.best_state = {
                k: v.detach().to("cpu", copy=True) for k, v in scored_network.state_dict().items()
            }
        now = time.perf_counter()
        if not processes.first:
            continue
        if epoch + 1 == training.epochs or (now - saved) * SHARE_WRITING >= write_seconds:
            progress.seconds = now - started
            _save(folder, recipe, network, average, optimiser, rate, progress)
            saved = time.perf_counter()
            write_seconds = saved - now
        write_csv(folder.history, progress.history, HISTORY_COLUMNS)
    if processes.first:  # a kill may have come before the last one was written
        write_csv(folder.history, progress.history, HISTORY_COLUMNS)
    progress.seconds = time.perf_counter() - started
    return progress


def training_samples(prepared: Prepared, room: Room) -> Samples:
    """The stream that a recipe trains on."""
    recipe, shape, training = prepared.recipe, prepared.recipe.input, prepared.recipe.training
    return Samples(
        prepared.data.dataset,
        prepared.cases(prepared.split.train),
        channels=recipe.data.channels or 1,
        batch=training.batch,
        seed=training.seed,
        grid=Grid(shape.resize),
        normalization=normaliser(shape),
        patch=recipe.roi.size if recipe.roi else shape.patch,
        foreground=shape.foreground,
        windows=shape.windows,
        slices=shape.slices,
        around=JITTER if recipe.roi else None,
        samples_per_epoch=training.samples,
        augment=make_augmentation(training.augment),
        instances=recipe.data.instances,
        targets=prepared.targets,
        workers=recipe.hardware.workers,
        room=room,
    )


def _stops(progress: Progress, patience: int | None) -> bool:
    return patience is not None and progress.epoch > 0 and progress.epoch - progress.best_epoch >= patience


def _standing(epoch: int, epochs: int, progress: Progress) -> str:
    best = (
        f", best Dice {progress.best_dice:.4f} (epoch {progress.best_epoch})" if progress.best_epoch else ""
    )
    return f"epoch {epoch + 1}/{epochs}{best}"


def _identity(recipe: Recipe) -> str:
    """All of a recipe that its weights depend on, as text."""
    fixed = recipe.to_dict()
    for key in ("device", "workers", "cache_mb"):
        fixed["hardware"].pop(key)
    fixed["data"].pop("root")
    fixed["data"].pop("source")
    return json.dumps(fixed, sort_keys=True)


def _same(kept: Any, recipe: Recipe) -> bool:
    """Whether a checkpoint's recipe is this one; keys that came later have their defaults."""
    try:
        return _identity(validate(json.loads(kept))) == _identity(recipe)
    except (TypeError, ValueError, IsthmusError):
        return False


def _save(
    folder: RunFolder,
    recipe: Recipe,
    network: nn.Module,
    average: Average | None,
    optimiser: torch.optim.Optimizer,
    rate: Rate,
    progress: Progress,
) -> None:
    state: dict[str, Any] = {
        "network": network.state_dict(),
        "average": average.network.state_dict() if average else {},
        "optimiser": optimiser.state_dict(),
        "rate": rate.state(),
        "progress": dict(vars(progress)),
        "recipe": _identity(recipe),
    }
    checkpoint.save(folder.checkpoint, state)


def _restore(
    folder: RunFolder,
    recipe: Recipe,
    network: nn.Module,
    average: Average | None,
    optimiser: torch.optim.Optimizer,
    rate: Rate,
) -> Progress:
    state = checkpoint.load(folder.checkpoint)
    if not _same(state.get("recipe"), recipe):
        raise IsthmusError(
            f"{folder.checkpoint} was written with another recipe than {folder.recipe_path}; restore the recipe, or "
            "delete the checkpoint to train from the start"
        )
    try:
        network.load_state_dict(state["network"])
        if average:
            average.network.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        rate.restore(state["rate"])
        return Progress(**state["progress"])
    except (KeyError, TypeError, RuntimeError, ValueError) as error:
        line = str(error).partition("\n")[0]
        raise IsthmusError(
            f"{folder.checkpoint} does not fit the run's recipe ({line}); delete it to train from the start"
        ) from error

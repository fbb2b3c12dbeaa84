"""The training loop: epochs of steps, the best epoch kept, a checkpoint from which it goes on bit for bit."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from isthmus.data.augment import make_augmentation
from isthmus.data.rng import stable_hash
from isthmus.data.sampling.cache import ByteBudget
from isthmus.data.sampling.loading import Batch
from isthmus.data.sampling.patches import CentredPatches, EvenPatches, Patches, RandomPatches
from isthmus.data.sampling.samples import Samples, Sampling, batch_sizes
from isthmus.data.sampling.slices import Slices
from isthmus.errors import IsthmusError
from isthmus.inference.predictor import Predictor
from isthmus.memory import give_back_freed_memory
from isthmus.networks.kernels.bfloat16.choice import kernel_remarks
from isthmus.runs import hardware as machine
from isthmus.runs.files import write_csv
from isthmus.runs.folder import HISTORY_COLUMNS, RunFolder
from isthmus.runs.recipe import Recipe
from isthmus.training import diagnosis
from isthmus.training.average import Average
from isthmus.training.distributed import World, world
from isthmus.training.forecast import Forecast
from isthmus.training.optimiser import make_optimiser
from isthmus.training.prepared import Prepared
from isthmus.training.rate import Rate
from isthmus.training.score import Scored, Scorer
from isthmus.training.state import Progress, State
from isthmus.training.stop import Stop, Stopped
from isthmus.watch import Silent, Watch

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
    recipe, epochs = prepared.recipe, prepared.recipe.training.epochs
    loop = begin(network, prepared, localiser)
    if folder.checkpoint.is_file():
        loop.state.restore(folder, recipe)
        watch.say(f"resumed after epoch {loop.state.progress.epoch} of {epochs}")
    if loop.world.first and not isinstance(watch, Silent):
        watch = Forecast(watch, loop)
    progress, steps = loop.state.progress, len(loop.samples)
    watch.stage("training", epochs * steps, progress.epoch * steps)
    saving = Saving(folder, time.perf_counter() - progress.seconds, progress.epoch)
    if loop.world.first and progress.best_state and not folder.weights.is_file():  # of an earlier version
        folder.save_network(recipe.network, progress.best_state, progress.which())
    with Stop() as stop:
        _epochs(loop, saving, stop, watch)
    if loop.world.first:  # a kill may have come before the last one was written
        write_csv(folder.history, progress.history, HISTORY_COLUMNS)
    progress.seconds = time.perf_counter() - saving.started
    return progress


def _epochs(loop: Loop, saving: Saving, stop: Stop, watch: Watch) -> None:
    """Those that are left.

    Raises:
        Stopped: it was asked for; all epochs that are done are saved.
    """
    training, progress, steps = loop.prepared.recipe.training, loop.state.progress, len(loop.samples)
    for epoch in range(progress.epoch, training.epochs):
        if progress.out_of_patience(training.early_stopping):
            break
        started = time.perf_counter()
        loss, waited = loop.steps(epoch, watch, lambda done: stop.between_steps(done, saving.epoch, watch))
        validating = time.perf_counter()
        scored = loop.score()
        learning_rate = loop.state.rate.at((epoch + 1) * steps - 1)
        loop.state.rate.see(scored.loss)
        progress.epoch = epoch + 1
        progress.history.append(
            {
                "epoch": epoch + 1,
                "train_loss": loss,
                "validation_loss": scored.loss,
                "validation_dice": scored.dice,
                "validation_iou": scored.iou,
                "learning_rate": learning_rate,
                "seconds": time.perf_counter() - started,
                "seconds_waiting": waited,
                "seconds_validating": time.perf_counter() - validating,
            }
        )
        is_best = progress.is_better(scored, training.select, loop.state.scored)
        stops = loop.world.any(stop.number is not None, loop.device)
        if loop.world.first:
            saving.after_epoch(loop, is_best, stops)
        if stops:
            raise Stopped(stop.number or signal.SIGTERM)


@dataclass
class Loop:
    """What the epochs of a training share."""

    prepared: Prepared
    state: State
    wrapped: nn.Module  # the network whose gradients are those of all processes
    samples: Samples
    scorer: Scorer
    predictor: Predictor
    world: World

    def steps(self, epoch: int, watch: Watch, between: Callable[[int], None]) -> tuple[float, float]:
        """One epoch of steps: the mean of its losses, and the seconds spent waiting for batches.

        Args:
            between: called with the epochs that are done before each step, where one process trains by itself.
        """
        training, state = self.prepared.recipe.training, self.state
        torch.manual_seed(stable_hash(training.seed, "epoch", epoch) % 2**63)
        state.network.train()
        total = torch.zeros((), device=self.device)
        batches = Waited(self.samples.batches(epoch, (self.world.rank, self.world.size)))
        sizes = batch_sizes(self.samples.per_epoch, training.batch)
        for step, (size, batch) in enumerate(zip(sizes, batches, strict=True), epoch * len(self.samples)):
            if self.world.size == 1:
                between(epoch)
            loss = self._step(step, size, batch)
            total += loss * (size / self.samples.per_epoch / self.world.size)
            for line in kernel_remarks():
                watch.say(line)
            watch.advance(_standing(epoch, training.epochs, state.progress))
        self.world.total(total)
        state.network.eval()
        return float(total), batches.seconds

    def _step(self, step: int, size: int, batch: Batch) -> Tensor:
        """Go one step, counted from the start of training, down the gradient of a batch; its loss."""
        recipe, state = self.prepared.recipe, self.state
        for group in state.optimiser.param_groups:
            group["lr"] = state.rate.at(step)
        layout = machine.memory_format(recipe.hardware, recipe.spatial_dims)
        x = torch.from_numpy(batch.images).to(self.device, non_blocking=True).contiguous(memory_format=layout)
        y = self.prepared.truth(torch.from_numpy(batch.labels).to(self.device, non_blocking=True))
        targets = {
            name: torch.from_numpy(maps).to(self.device, non_blocking=True)
            for name, maps in batch.targets.items()
        }
        with machine.autocast(recipe.hardware):
            out = self.wrapped(x)
        value: Tensor = self.prepared.objective(out, y, targets) * self.world.weight(size)
        state.optimiser.zero_grad(set_to_none=True)
        if self.device.type == "cpu" and getattr(state.network, "checkpoint", False):
            give_back_freed_memory()  # memory counts more than time
        value.backward()  # type: ignore[no-untyped-call]
        if not diagnosis.is_finite(value, state.network):
            raise self._diverged(step, x, lambda heads: self.prepared.objective.parts(heads, y, targets))
        state.optimiser.step()
        if state.average:
            state.average.update(state.network, step)
        return value.detach()

    def score(self) -> Scored:
        """The held-out cases, scored by the first process for all."""
        found = (
            self.scorer.score(self.predictor) if self.world.first else Scored(math.nan, math.nan, math.nan)
        )
        scored = Scored(*self.world.told([found.loss, found.dice, found.iou], self.device))
        if not math.isfinite(scored.loss):
            first = ""
            if self.world.first:
                first = diagnosis.of_validation(self.state.scored, self.scorer, self.predictor)
            when = f"at the validation of epoch {self.state.progress.epoch + 1}"
            raise diagnosis.diverged(when, first, self.prepared.recipe, self.state.progress.best_epoch)
        return scored

    def seconds_of_a_case(self) -> float:
        """What the validation of a held-out case takes now; nothing else is changed by it."""
        self.state.network.eval()
        seconds = self.scorer.seconds_of_a_case(self.predictor)
        self.state.network.train()
        return seconds

    def _diverged(self, step: int, image: Tensor, terms: Callable[[Any], dict[str, Tensor]]) -> IsthmusError:
        """What to say of a step (from the start of training) that is not finite; the network is as before it."""
        recipe, state = self.prepared.recipe, self.state

        def forward() -> Any:
            with machine.autocast(recipe.hardware):
                return state.network(image)

        first = diagnosis.of_step(state.network, image, forward, terms)
        epoch, place = divmod(step, len(self.samples))
        return diagnosis.diverged(
            f"in epoch {epoch + 1}, step {place + 1}", first, recipe, state.progress.best_epoch
        )

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return torch.device(self.prepared.recipe.hardware.device)


def begin(network: nn.Module, prepared: Prepared, localiser: Predictor | None) -> Loop:
    """Everything at its first step."""
    recipe, training = prepared.recipe, prepared.recipe.training
    device = torch.device(recipe.hardware.device)
    if device.type == "cuda":
        torch.backends.cudnn.deterministic = True
    predictor = Predictor.from_networks([network], recipe, recipe.hardware, localiser)
    average = None
    if training.average:  # where and as the network now lies
        average = Average(network, training.average)
        predictor = Predictor.from_networks([average.network], recipe, recipe.hardware, localiser)
    predictor.overlap = 0.0  # up to a quarter of the tiles; at the end they overlap
    optimiser = make_optimiser(network, training, fused=device.type != "mps")
    budget = ByteBudget(recipe.hardware.cache_mb * 2**20)
    samples = training_samples(prepared, budget)
    scorer = Scorer(prepared, prepared.cases(prepared.split.validation), budget)
    state = State(network, average, optimiser, Rate(training, training.epochs * len(samples)))
    processes = world()
    return Loop(prepared, state, processes.wrap(network), samples, scorer, predictor, processes)


@dataclass
class Saving:
    """What is written after an epoch: the best weights and the history at once, the checkpoint within its share of the
    time.

    The best weights may then be ahead of the checkpoint. Training that goes on from it comes to them again, and until
    then leaves the better ones in place.
    """

    folder: RunFolder
    started: float  # when training would have begun, had it not been stopped
    epoch: int  # of the checkpoint
    saved: float = -math.inf
    write_seconds: float = 0.0

    def __post_init__(self) -> None:
        self.ahead = None
        with suppress(IsthmusError):  # what cannot be read is written anew
            self.ahead = self.folder.best()

    def after_epoch(self, loop: Loop, is_best: bool, stops: bool) -> None:
        """Write what this epoch calls for."""
        recipe, progress = loop.prepared.recipe, loop.state.progress
        best = progress.which()
        write_csv(
            self.folder.history, progress.history, HISTORY_COLUMNS
        )  # first: whoever finds weights reads it
        if is_best and not (
            self.ahead and self.ahead.epoch > best.epoch and self.ahead.goodness >= best.goodness
        ):
            self.folder.save_network(recipe.network, progress.best_state, best)
        now = time.perf_counter()
        is_last = stops or progress.epoch == recipe.training.epochs
        if is_last or (now - self.saved) * SHARE_WRITING >= self.write_seconds:
            progress.seconds = now - self.started
            loop.state.save(self.folder, recipe)
            self.epoch, self.saved = progress.epoch, time.perf_counter()
            self.write_seconds = self.saved - now


def training_samples(prepared: Prepared, budget: ByteBudget) -> Samples:
    """Returns the stream of samples that a recipe trains on."""
    recipe, training = prepared.recipe, prepared.recipe.training
    slices, foreground = recipe.input.slices, recipe.input.foreground
    return Samples(
        prepared.data.dataset,
        prepared.cases(prepared.split.train),
        prepared.preprocessing,
        Sampling(
            slices=Slices(slices, foreground) if slices else None,
            patches=patches(recipe),
            per_epoch=training.samples,
            augment=make_augmentation(training.augment),
        ),
        batch=training.batch,
        seed=training.seed,
        workers=recipe.hardware.workers,
        budget=budget,
    )


def patches(recipe: Recipe) -> Patches | None:
    """Returns the way in which a recipe places patches; None if it trains on whole images."""
    shape = recipe.input
    if recipe.roi:
        return CentredPatches(recipe.roi.size, JITTER)
    if shape.patch is None:
        return None
    if shape.windows:
        return EvenPatches(shape.patch, shape.windows)
    return RandomPatches(shape.patch, shape.foreground)


def _standing(epoch: int, epochs: int, progress: Progress) -> str:
    best = (
        f", best Dice {progress.best_dice:.4f} (epoch {progress.best_epoch})" if progress.best_epoch else ""
    )
    return f"epoch {epoch + 1}/{epochs}{best}"

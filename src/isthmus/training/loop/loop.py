"""The training loop: epochs of steps, the best epoch kept, and checkpoints from which training resumes bit for bit."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import astuple, dataclass
from itertools import islice
from typing import Any, TypeVar

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from isthmus.data.rng import stable_hash
from isthmus.data.sampling.cache import ByteBudget
from isthmus.data.sampling.loading import Batch
from isthmus.data.sampling.samples import Samples, batch_sizes
from isthmus.errors import IsthmusError
from isthmus.inference.engines.engine import placed
from isthmus.inference.localiser import Localiser
from isthmus.inference.predictor import Predictor
from isthmus.memory import give_back_freed_memory
from isthmus.networks.kernels.bfloat16.choice import kernel_remarks
from isthmus.runs import hardware as machine
from isthmus.runs.folder import RunFolder
from isthmus.training.loop import diagnosis
from isthmus.training.loop.average import Average
from isthmus.training.loop.batch_statistics import SAMPLES, batch_norms, remark, sharing_weights, take_anew
from isthmus.training.loop.best_epoch import Progress, Scored
from isthmus.training.loop.distributed import World, world
from isthmus.training.loop.forecast import Forecast
from isthmus.training.loop.limit import Limit
from isthmus.training.loop.optimiser import make_optimiser
from isthmus.training.loop.rate import Rate
from isthmus.training.loop.saving import Saving
from isthmus.training.loop.state import State
from isthmus.training.loop.stop import Stop, Stopped
from isthmus.training.loop.stream import training_samples
from isthmus.training.preparation.prepared import Prepared
from isthmus.training.score import Scorer
from isthmus.watch import Silent, Watch

T = TypeVar("T")


def fit(
    network: nn.Module,
    prepared: Prepared,
    folder: RunFolder,
    watch: Watch,
    localiser: Localiser | None = None,
    limit: Limit | None = None,
) -> Progress:
    """Trains to the end of the recipe or of its time, from the run's checkpoint if there is one.

    Every random choice of an epoch depends only on the seed and the number of the epoch, so a checkpoint holds no
    state of a generator.

    Raises:
        Stopped: this was requested; all epochs that are done are saved.
        IsthmusError: training diverged, or the checkpoint cannot be used.
    """
    recipe, training = prepared.recipe, prepared.recipe.training
    loop = begin(network, prepared, localiser)
    steps = len(loop.samples)
    if line := remark(network, recipe.network.model, training.batch_statistics, training.epochs * steps):
        watch.say(line)
    if folder.checkpoint.is_file():
        loop.state.restore(folder, recipe)
        watch.say(f"resumed after epoch {loop.state.progress.epoch} of {training.epochs}")
    progress = loop.state.progress
    if loop.world.first and not isinstance(watch, Silent):
        watch = Forecast(
            watch, prepared, progress, steps, loop.seconds_of_a_case, limit.due if limit else math.inf
        )
    watch.stage("training", training.epochs * steps, progress.epoch * steps)
    saving = Saving(folder, recipe, loop.state, writes=loop.world.first)
    last = training.last_epoch or training.epochs
    with Stop() as stop:
        while progress.epoch < last and not progress.out_of_patience(training.early_stopping):
            if limit and limit.is_near(progress):
                break
            is_kept = loop.epoch(watch, lambda: stop.between_steps(progress.epoch, saving.epoch, watch))
            stops = loop.world.any(stop.number is not None, loop.device)
            saving.after_epoch(is_kept, stops)
            if stops:
                raise Stopped(stop.number or signal.SIGTERM)
    saving.finish()
    return progress


def begin(network: nn.Module, prepared: Prepared, localiser: Localiser | None) -> Loop:
    """Returns a training before its first step.

    Args:
        network: the network as it was initialised.
        prepared: the prepared training.
        localiser: the first network of a recipe with a region of interest.
    """
    recipe, training = prepared.recipe, prepared.recipe.training
    device = torch.device(recipe.hardware.device)
    if device.type == "cuda":
        torch.backends.cudnn.deterministic = True
    placed([network], recipe.hardware, recipe.spatial_dims)
    average = Average(network, training.average) if training.average else None
    precise = training.batch_statistics == "precise" and bool(batch_norms(network))
    scored = average.network if average else sharing_weights(network) if precise else network
    predictor = Predictor.from_networks(
        [scored],
        recipe,
        recipe.hardware,
        localiser,
        overlap=0.0,  # overlapping tiles would take up to four times as long; when training ends they do overlap
    )
    optimiser = make_optimiser(network, training, fused=device.type != "mps")
    budget = ByteBudget(recipe.hardware.cache_mb * 2**20)
    samples = training_samples(prepared, budget)
    scorer = Scorer(prepared, prepared.cases(prepared.split.validation), budget)
    state = State(network, scored, average, optimiser, Rate(training, training.epochs * len(samples)))
    processes = world()
    return Loop(prepared, state, processes.wrap(network), samples, scorer, predictor, processes, precise)


@dataclass
class Loop:
    """What the epochs of a training share.

    Attributes:
        prepared: the prepared training.
        state: everything that changes from step to step.
        wrapped: the network, whose gradients are averaged over all processes.
        samples: the stream of training batches.
        scorer: scorer of the held-out cases.
        predictor: predictor of the network that is scored.
        world: the processes that train together.
        precise: whether statistics of batches are taken anew before the network is scored.
    """

    prepared: Prepared
    state: State
    wrapped: nn.Module
    samples: Samples
    scorer: Scorer
    predictor: Predictor
    world: World
    precise: bool = False

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return torch.device(self.prepared.recipe.hardware.device)

    def epoch(self, watch: Watch, between: Callable[[], None]) -> bool:
        """Trains for the next epoch, scores it and adds it to the history; returns whether it is kept.

        Args:
            watch: receives every step.
            between: called before each step, if one process trains alone.
        """
        state, progress, started = self.state, self.state.progress, time.perf_counter()
        loss, waited = self.steps(progress.epoch, watch, between)
        validating = time.perf_counter()
        scored = self.score()
        learning_rate = state.rate.at((progress.epoch + 1) * len(self.samples) - 1)
        state.rate.see(scored.value(self.prepared.recipe.training.plateau_monitor))
        progress.epoch += 1
        of_objects = {} if math.isnan(scored.objects) else {"validation_objects": scored.objects}
        progress.history.append(
            {
                "epoch": progress.epoch,
                "train_loss": loss,
                "validation_loss": scored.loss,
                "validation_dice": scored.dice,
                "validation_iou": scored.iou,
                "validation_soft_iou": scored.soft_iou,
                **of_objects,
                "learning_rate": learning_rate,
                "seconds": time.perf_counter() - started,
                "seconds_waiting": waited,
                "seconds_validating": time.perf_counter() - validating,
            }
        )
        return progress.keep_if_better(scored, self.prepared.recipe.training, state.scored)

    def steps(self, epoch: int, watch: Watch, between: Callable[[], None]) -> tuple[float, float]:
        """Trains for one epoch.

        Returns:
            The mean of the losses, and the seconds spent waiting for batches.
        """
        training, state, samples = self.prepared.recipe.training, self.state, self.samples
        torch.manual_seed(stable_hash(training.seed, "epoch", epoch) % 2**63)
        state.network.train()
        total = torch.zeros((), device=self.device)
        batches = Timed(samples.batches(epoch, (self.world.rank, self.world.size)))
        sizes = batch_sizes(samples.per_epoch, training.batch)
        for step, (size, batch) in enumerate(zip(sizes, batches, strict=True), epoch * len(samples)):
            if self.world.size == 1:
                between()
            loss = self._step(step, size, batch)
            total += loss * (size / samples.per_epoch / self.world.size)
            for line in kernel_remarks():
                watch.say(line)
            watch.advance(_status(epoch, training.epochs, state.progress))
        self.world.sum(total)
        state.network.eval()
        return float(total), batches.seconds

    def _step(self, step: int, size: int, batch: Batch) -> Tensor:
        """Takes one step down the gradient of a batch, and returns the loss.

        Args:
            step: counted from the start of training.
            size: samples of the batch in all processes.
            batch: this process's part of it.
        """
        recipe, state = self.prepared.recipe, self.state
        for group in state.optimiser.param_groups:
            group["lr"] = state.rate.at(step)
        x = self._input(batch)  # (N, channels, *spatial)
        y = self.prepared.truth(self._on_device(batch.labels))  # (N, *spatial) or (N, regions, *spatial)
        targets = {name: self._on_device(maps) for name, maps in batch.targets.items()}  # (N, *spatial) each
        with machine.autocast(recipe.hardware):
            out = self.wrapped(x)  # (N, maps, *spatial), or a dictionary of such tensors by head
        loss: Tensor = self.prepared.objective(out, y, targets) * self.world.weight(size)
        state.optimiser.zero_grad(set_to_none=True)
        if self.device.type == "cpu" and getattr(state.network, "checkpoint", False):
            give_back_freed_memory()  # memory counts more than time
        loss.backward()  # type: ignore[no-untyped-call]
        if not diagnosis.is_finite(loss, state.network):
            raise self._diverged(step, x, lambda heads: self.prepared.objective.parts(heads, y, targets))
        state.optimiser.step()
        if state.average:
            state.average.update(state.network, step)
        return loss.detach()

    def _input(self, batch: Batch) -> Tensor:
        recipe = self.prepared.recipe
        layout = machine.memory_format(recipe.hardware, recipe.spatial_dims)
        return self._on_device(batch.images).contiguous(memory_format=layout)

    def _on_device(self, array: NDArray[Any]) -> Tensor:
        return torch.from_numpy(array).to(self.device, non_blocking=True)

    def score(self) -> Scored:
        """Scores the held-out cases; the first process does it for all.

        Raises:
            IsthmusError: the loss is not finite.
        """
        means, cases = [math.nan] * 5, [math.nan] * len(self.scorer.store.cases)
        if self.world.first:
            self._take_statistics_anew()
            *means, own = astuple(self.scorer.score(self.predictor))
            cases[: len(own)] = own
        cases = [value for value in self.world.broadcast(cases, self.device) if not math.isnan(value)]
        loss, dice, iou, soft_iou, objects = self.world.broadcast(means, self.device)
        scored = Scored(loss, dice, iou, soft_iou, objects, tuple(cases))
        if not math.isfinite(scored.loss):
            first = ""
            if self.world.first:
                first = diagnosis.first_in_validation(self.state.scored, self.scorer, self.predictor)
            when = f"at the validation of epoch {self.state.progress.epoch + 1}"
            raise diagnosis.diverged(when, first, self.prepared.recipe, self.state.progress.best_epoch)
        return scored

    def _take_statistics_anew(self, batches: int | None = None) -> int:
        """Gives the scored network precise statistics if the recipe wants them, and returns from how many batches.

        Its samples are the same in every epoch. In training on several devices they are this process's part of them, as
        each normalises its own part of a batch.

        Args:
            batches: take no more than these; None: all.
        """
        if not self.precise:
            return 0
        samples, part = self.samples.without_augmentation(SAMPLES), (self.world.rank, self.world.size)
        with machine.autocast(self.prepared.recipe.hardware), closing(samples.batches(0, part)) as stream:
            take_anew(self.state.scored, (self._input(batch) for batch in islice(stream, batches)))
        return len(samples)

    def seconds_of_a_case(self) -> float:
        """Returns how long the validation of a held-out case takes now, and changes nothing."""
        self.state.network.eval()
        seconds = self.scorer.seconds_of_a_case(self.predictor)
        started = time.perf_counter()
        batches = self._take_statistics_anew(1)
        seconds += (time.perf_counter() - started) * batches / max(1, len(self.scorer.store.cases))
        self.state.network.train()
        return seconds

    def _diverged(self, step: int, image: Tensor, terms: Callable[[Any], dict[str, Tensor]]) -> IsthmusError:
        """Returns the error for a step that is not finite; the network is as it was before that step."""
        recipe, state = self.prepared.recipe, self.state

        def forward() -> Any:
            with machine.autocast(recipe.hardware):
                return state.network(image)

        first = diagnosis.first_in_step(state.network, image, forward, terms)
        epoch, place = divmod(step, len(self.samples))
        return diagnosis.diverged(
            f"in epoch {epoch + 1}, step {place + 1}", first, recipe, state.progress.best_epoch
        )


class Timed(Iterator[T]):
    """Yields what another iterator yields, and counts the seconds spent waiting for it."""

    def __init__(self, items: Iterator[T]) -> None:
        self.items, self.seconds = items, 0.0

    def __next__(self) -> T:
        start = time.perf_counter()
        try:
            return next(self.items)
        finally:
            self.seconds += time.perf_counter() - start


def _status(epoch: int, epochs: int, progress: Progress) -> str:
    best = (
        f", kept: Dice {progress.best_dice:.4f} (epoch {progress.best_epoch})" if progress.best_epoch else ""
    )
    return f"epoch {epoch + 1}/{epochs}{best}"

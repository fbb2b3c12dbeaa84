"""Converts a training time into a number of epochs, by one measurement that the recipe stores."""

from __future__ import annotations

import copy
import math
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count

from torch import nn

from isthmus.errors import IsthmusError
from isthmus.memory import keep_freed_memory
from isthmus.runs import hardware as machine
from isthmus.runs.recipe import Training
from isthmus.training.loop.distributed import world
from isthmus.training.loop.forecast import FINAL
from isthmus.training.loop.loop import begin
from isthmus.training.preparation.prepared import Prepared
from isthmus.watch import Silent, Watch, duration

SHARE, SHORTEST, MOST = 0.05, 2.0, 30
"""How long steps are measured: a share of the training time, at least these seconds, and at most this many steps."""
EPOCHS = 10
"""If fewer epochs fit, they are made shorter, so that the best of several can be kept."""


@dataclass(frozen=True)
class Pace:
    """How long a step and a validation take on this machine, in seconds.

    Attributes:
        step: one step of training.
        case: the validation of one case.
    """

    step: float
    case: float


class _Enough(Exception):
    """Ends the measurement: enough steps were measured."""


def within_minutes(prepared: Prepared, network: nn.Module, watch: Watch) -> Prepared:
    """Sets the number of epochs to as many as fit into the recipe's minutes, unless that was done before.

    Raises:
        IsthmusError: the recipe has a region of interest, or several processes train together.
    """
    recipe = prepared.recipe
    if recipe.training.minutes is None or recipe.training.epoch_seconds is not None:
        return prepared
    if recipe.roi or world().size > 1:
        other = "a region of interest (roi)" if recipe.roi else "several processes"
        raise IsthmusError(f"training.minutes does not work with {other}; give training.epochs instead")
    watch.say("measuring how long a step takes on this machine")
    split = prepared.split
    pace = _measure(prepared, network, recipe.training.minutes * 60)
    scored = len(split.validation) + len(split.test)
    training = _fitted(recipe.training, pace, len(split.validation), scored)
    epochs = f"{training.epochs} epoch{'s' * (training.epochs > 1)}"
    watch.say(
        f"{duration(recipe.training.minutes * 60)} allow {epochs} of {training.samples} samples "
        f"({pace.step:.3g} s a step, {pace.case:.3g} s a validated case)"
    )
    return replace(prepared, recipe=recipe.model_copy(update={"training": training}))


def _measure(prepared: Prepared, network: nn.Module, seconds: float) -> Pace:
    """Times steps of a copy of the network; the first step does not count."""
    keep_freed_memory(not getattr(network, "checkpoint", False))  # as in training
    with machine.threads(prepared.recipe.hardware):
        loop = begin(copy.deepcopy(network), prepared, None)
        times = [time.perf_counter()]
        longest = max(SHORTEST, SHARE * seconds)

        def before_step() -> None:
            times.append(time.perf_counter())
            if len(times) > MOST or (len(times) > 4 and times[-1] - times[0] > longest):
                raise _Enough

        with suppress(_Enough):
            for epoch in count():
                loop.steps(epoch, Silent(), before_step)
        return Pace((times[-1] - times[2]) / (len(times) - 3), loop.seconds_of_a_case())


def _fitted(training: Training, pace: Pace, validated: int, scored: int) -> Training:
    """Returns as many epochs as fit; if these are few, more and shorter ones."""
    given = (training.minutes or 0.0) * 60
    room = max(given / 2, given - FINAL * pace.case * scored)
    validation, samples = pace.case * validated, training.samples or training.batch
    steps = math.ceil(samples / training.batch)
    epochs = int(room / (steps * pace.step + validation))
    several = min(EPOCHS, int(room / max(2 * validation, pace.step + validation)))
    if epochs < several or epochs < 1:
        epochs = max(1, several)
        steps = max(1, int((room / epochs - validation) / pace.step))
        samples = min(samples, steps * training.batch)
    took = round(math.ceil(samples / training.batch) * pace.step + validation, 4)
    return training.model_copy(update={"epochs": epochs, "samples": samples, "epoch_seconds": took})

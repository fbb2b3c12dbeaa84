"""Fits a recipe into a training time, by one measurement whose outcome the recipe stores."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from isthmus.errors import IsthmusError, counted
from isthmus.memory import keep_freed_memory
from isthmus.runs import hardware as machine
from isthmus.runs.recipe import Recipe, Training
from isthmus.training.loop.distributed import world
from isthmus.training.loop.expected import step_times
from isthmus.training.loop.forecast import scoring
from isthmus.training.loop.limit import Limit
from isthmus.training.loop.loop import begin
from isthmus.training.loop.rungs import open_to_minutes, rungs, size
from isthmus.training.object_thresholds import seconds_to_choose
from isthmus.training.preparation.network import make_network
from isthmus.training.preparation.prepared import Prepared
from isthmus.watch import Watch, duration

SHARE, SHORTEST, MOST = 0.03, 1.0, 30
"""How long steps are measured: a share of the training time, at least these seconds, and at most this many steps."""
EPOCHS = 10
"""If fewer epochs fit, they are made shorter, so that the best of several can be kept."""
VALIDATION = 0.2
"""Largest share of an epoch that its validation takes, where epochs can be made longer or fewer."""
ENOUGH = 300
"""Steps that a larger network needs to be worth its time."""
LEAP = 1.5
"""A larger network is tried only where the steps are this many times enough, as it is slower at least by that."""
TOLERANCE = 1.1
"""Times the minutes, a training ends in any case."""


@dataclass(frozen=True)
class Pace:
    """How long a step and a validation take on this machine, in seconds.

    Attributes:
        step: one step of training.
        case: the validation of one case.
    """

    step: float
    case: float


def within_minutes(
    given: Recipe, prepared: Prepared, began: float, watch: Watch
) -> tuple[Prepared, Limit | None]:
    """Fits the network, its batches and its epochs into the recipe's minutes, unless that was done before.

    Args:
        given: the recipe as the user gave it, whose values stay.
        prepared: the same, resolved.
        began: when the run began, by `time.perf_counter`.
        watch: is told what was chosen, and why.

    Returns:
        The training, and when it has to end; None if its length was fixed before.

    Raises:
        IsthmusError: the recipe has a region of interest, or several processes train together.
    """
    recipe = prepared.recipe
    if recipe.training.minutes is None or recipe.training.epoch_seconds is not None:
        return prepared, None
    if recipe.roi or world().size > 1:
        other = "a region of interest (roi)" if recipe.roi else "several processes"
        raise IsthmusError(f"training.minutes does not work with {other}; give training.epochs instead")
    watch.say("measuring how long a step takes on this machine")
    whole, cases = recipe.training.minutes * 60, (len(prepared.split.validation), scoring(prepared))
    choosing = min(seconds_to_choose(prepared), whole / 2)
    seconds = whole - choosing
    choices = [replace(prepared, recipe=rung) for rung in rungs(given, recipe)]
    chosen, pace, beyond = _climb(choices, seconds, cases[1])
    left = seconds - (time.perf_counter() - began)
    fitted = open_to_minutes(given)
    training = _fitted(chosen.recipe.training, pace, left, cases, "samples" in fitted)
    training = training.model_copy(update={"fitted": fitted})
    recipe = chosen.recipe.model_copy(update={"training": training})
    watch.say(f"in {duration(whole)} there is time for {_choice(recipe, pace)}{beyond}")
    return replace(prepared, recipe=recipe), _limit(prepared, began, choosing)


def what_is_left(prepared: Prepared, spent: float) -> Limit | None:
    """Returns when a resumed run has to end, whose epochs have taken these seconds; None if it has no minutes, or if
    they are over and its last epoch is known."""
    training = prepared.recipe.training
    if training.minutes is None or training.last_epoch is not None:
        return None
    return _limit(prepared, time.perf_counter() - spent, seconds_to_choose(prepared))


def _limit(prepared: Prepared, began: float, choosing: float) -> Limit:
    seconds = (prepared.recipe.training.minutes or 0.0) * 60
    return Limit(
        due=began + seconds,
        end=began + TOLERANCE * seconds - choosing,
        validated=len(prepared.split.validation),
        scoring=scoring(prepared),
    )


def _climb(choices: Sequence[Prepared], seconds: float, scored: float) -> tuple[Prepared, Pace, str]:
    """Times one choice after another, and returns the last that is fast enough, or else the first.

    Returns:
        The choice, its pace, and what to say about the first that is too slow, if it was timed.
    """
    chosen = choices[0]
    pace = _measure(chosen, seconds)
    for larger in choices[1:]:
        if _steps(pace, seconds, scored) < LEAP * ENOUGH:
            break
        slower = _measure(larger, seconds)
        steps = _steps(slower, seconds, scored)
        if steps < ENOUGH:
            return chosen, pace, f"; {size(larger.recipe)} would allow {steps} steps"
        chosen, pace = larger, slower
    return chosen, pace, ""


def _steps(pace: Pace, seconds: float, scored: float) -> int:
    """Returns how many steps fit, about."""
    return int(_room(pace, seconds, scored) * (1 - VALIDATION) / pace.step)


def _room(pace: Pace, seconds: float, scored: float) -> float:
    """Returns the seconds for training and its validations, without the scoring at the end."""
    return max(seconds / 2, seconds - pace.case * scored)


def _choice(recipe: Recipe, pace: Pace) -> str:
    training = recipe.training
    samples = training.samples or training.batch
    steps = training.epochs * math.ceil(samples / training.batch)
    return (
        f"about {counted(steps, 'step')}: {size(recipe)}, {counted(training.epochs, 'epoch')} of "
        f"{counted(samples, 'sample')} ({pace.step:.3g} s a step, {pace.case:.3g} s a validated case)"
    )


def _measure(prepared: Prepared, seconds: float) -> Pace:
    """Times steps of a network of its own; the first two do not count."""
    network = make_network(prepared.recipe)
    keep_freed_memory(not getattr(network, "checkpoint", False))  # as in training
    with machine.threads(prepared.recipe.hardware):
        loop = begin(network, prepared, None)
        began, longest = time.perf_counter(), max(SHORTEST, SHARE * seconds)

        def enough(times: list[float]) -> bool:
            return len(times) >= MOST or (len(times) > 3 and times[-1] - began > longest)

        times = step_times(loop, enough)
        return Pace((times[-1] - times[1]) / (len(times) - 2), loop.seconds_of_a_case())


def _fitted(
    training: Training, pace: Pace, seconds: float, cases: tuple[int, float], longer: bool
) -> Training:
    """Returns as many epochs as fit into these seconds; if these are few, more and shorter ones.

    Args:
        training: the section of the recipe.
        pace: as it was measured.
        seconds: that are left for training and scoring.
        cases: how many are validated after every epoch, and how many such validations the scoring at the end costs.
        longer: whether epochs may be made longer, so that they are not spent on validation.
    """
    validated, scored = cases
    room, validation = _room(pace, seconds, scored), pace.case * validated
    samples = training.samples or training.batch
    steps = math.ceil(samples / training.batch)
    fewest = math.ceil(validation * (1 / VALIDATION - 1) / pace.step)
    if longer and fewest > steps:
        steps, samples = fewest, fewest * training.batch
    epochs = int(room / (steps * pace.step + validation))
    several = min(EPOCHS, int(room / max(validation / VALIDATION, pace.step + validation)))
    if epochs < several or epochs < 1:
        epochs = max(1, several)
        steps = max(1, int((room / epochs - validation) / pace.step))
        samples = min(samples, steps * training.batch)
    took = round(math.ceil(samples / training.batch) * pace.step + validation, 4)
    return training.model_copy(update={"epochs": epochs, "samples": samples, "epoch_seconds": took})

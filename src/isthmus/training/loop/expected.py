"""How long a training will take on this machine, from one step of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from itertools import count

from isthmus.inference.localiser import Localiser
from isthmus.runs import hardware as machine
from isthmus.runs.recipe import Recipe
from isthmus.training.loop.forecast import scoring
from isthmus.training.loop.loop import Loop, begin
from isthmus.training.object_thresholds import seconds_to_choose
from isthmus.training.preparation.first_network import first_network
from isthmus.training.preparation.network import make_network
from isthmus.training.preparation.prepare import prepare
from isthmus.training.preparation.prepared import Prepared
from isthmus.watch import Silent


class _Enough(Exception):
    """Ends the measurement: enough steps were measured."""


def step_times(loop: Loop, enough: Callable[[list[float]], bool]) -> list[float]:
    """Trains until `enough`, given the times at which the steps began so far (in seconds), and returns these times."""
    times: list[float] = []

    def before_step() -> None:
        times.append(time.perf_counter())
        if enough(times):
            raise _Enough

    with suppress(_Enough):
        for epoch in count():
            loop.steps(epoch, Silent(), before_step)
    return times


def expected_seconds(recipe: Recipe) -> float:
    """Returns how long a run of a recipe takes: reading, training with validation to the last epoch, and scoring.

    The data is read, and one step of training and the validation of one case are timed; the step before that one, which
    reads images and chooses kernels, counts once. Nothing is written.

    Raises:
        IsthmusError: the data or the recipe is wrong.
    """
    if recipe.training.minutes is not None:
        return recipe.training.minutes * 60
    started = time.perf_counter()
    prepared = prepare(recipe, Silent())
    first = first_network(prepared)
    reading = time.perf_counter() - started
    if first is None:
        return reading + _expected(prepared, None)
    finder = Localiser.of([make_network(first.recipe).eval()], first.recipe, first.recipe.hardware)
    return reading + _expected(first, None) + _expected(prepared, finder)


def _expected(prepared: Prepared, localiser: Localiser | None) -> float:
    training, split, started = prepared.recipe.training, prepared.split, time.perf_counter()
    with machine.threads(prepared.recipe.hardware):
        loop = begin(make_network(prepared.recipe), prepared, localiser)
        times = step_times(loop, lambda times: len(times) > 2)
        warm_up, step = times[1] - started, times[2] - times[1]
        case = loop.seconds_of_a_case()
    epoch = len(loop.samples) * step + len(split.validation) * case
    return warm_up + training.epochs * epoch + case * scoring(prepared) + seconds_to_choose(prepared)

"""Computes the learning rate of each step of a run."""

from __future__ import annotations

import math
from typing import Any

from isthmus.runs.recipe import Training

LEAST = 1e-4
"""By how much a value must be better to count as such on a plateau."""


class Rate:
    """The learning rate by step, and by validation loss if the schedule depends on it.

    - ``"constant"``;
    - ``"cosine"``: from the full rate to zero over all steps, r = r0 (1 + cos(pi t / T)) / 2 (Loshchilov and Hutter
      2017, arXiv:1608.03983);
    - ``"plateau"``: multiplied by ``plateau_factor``, not below ``plateau_floor``, when the ``plateau_monitor`` has not
      become better for ``plateau_patience`` epochs in a row and, by PyTorch's rule, one more; better means by a share
      of 1e-4 there and by 1e-4 by Keras' rule (``ReduceLROnPlateau`` of both, with their defaults);
    - ``"step"``: multiplied by ``step_factor`` every ``step_epochs`` epochs;
    - ``"multistep"``: multiplied by ``step_factor`` at each of the ``milestones``;
    - ``"cyclic"``: up from a tenth to the full rate and back in a straight line, every ``cycle_epochs`` epochs (Smith
      2017, doi:10.1109/WACV.2017.58).

    Args:
        recipe: the rate, the schedule and its parameters.
        steps: number of steps in all epochs together.
    """

    def __init__(self, recipe: Training, steps: int) -> None:
        self.recipe, self.steps = recipe, steps
        self.reduced = 1.0
        self.best = math.inf if recipe.plateau_monitor == "loss" else -math.inf
        self.waited = 0

    def at(self, step: int) -> float:
        """Returns the rate of a step, which is counted from 0."""
        recipe, rate = self.recipe, self.recipe.learning_rate * self.reduced
        done = step / max(1, self.steps)  # share of the training
        epoch = done * recipe.epochs
        if recipe.schedule == "cosine":
            rate *= (1 + math.cos(math.pi * done)) / 2
        elif recipe.schedule == "step":
            rate *= recipe.step_factor ** int(epoch / recipe.step_epochs + 1e-9)
        elif recipe.schedule == "multistep":
            rate *= recipe.step_factor ** sum(done >= milestone - 1e-9 for milestone in recipe.milestones)
        elif recipe.schedule == "cyclic":
            half = recipe.cycle_epochs / 2
            up = 1 - abs(epoch % recipe.cycle_epochs - half) / half
            rate *= 0.1 + 0.9 * up
        return rate

    def see(self, monitored: float) -> None:
        """Takes note of the value of ``plateau_monitor`` after an epoch."""
        recipe = self.recipe
        if recipe.schedule != "plateau":
            return
        if self._is_better(monitored):
            self.best, self.waited = monitored, 0
            return
        self.waited += 1
        if self.waited >= recipe.plateau_patience + (recipe.plateau_rule == "pytorch"):
            floor = recipe.plateau_floor / recipe.learning_rate
            self.reduced = max(self.reduced * recipe.plateau_factor, min(self.reduced, floor))
            self.waited = 0

    def _is_better(self, monitored: float) -> bool:
        lower = self.recipe.plateau_monitor == "loss"
        least = -LEAST if lower else LEAST
        bound = self.best + least if self.recipe.plateau_rule == "keras" else self.best * (1 + least)
        return monitored < bound if lower else monitored > bound

    def state(self) -> dict[str, Any]:
        """Returns plain values for the checkpoint."""
        return {"reduced": self.reduced, "best": self.best, "waited": self.waited}

    def restore(self, state: dict[str, Any]) -> None:
        """Restores what `state` returned."""
        self.reduced, self.best, self.waited = state["reduced"], state["best"], state["waited"]

"""How long training will take on this machine, told once its first steps are done."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from isthmus.watch import Watch, about

if TYPE_CHECKING:
    from isthmus.training.loop import Loop

STEPS, SECONDS = 3, 5.0
"""A time is told after this many steps, and after this many seconds or ten steps."""
LATEST = 600.0
"""Seconds after which it is told in any case, at the end of the current step."""
FINAL = 2.0
"""What scoring a case at the end costs, in validations: tiles overlap, and all metrics are computed."""
WRONG = 1.25
"""The factor by which a time must be wrong to be told again after the first epoch."""


class Forecast:
    """A watch that forwards everything to another one, and says how long training takes."""

    def __init__(self, watch: Watch, loop: Loop) -> None:
        self.watch, self.loop = watch, loop
        self.total = self.done = self.steps = 0
        self.began = self.first = time.perf_counter()
        self.begun_at = loop.state.progress.epoch
        self.end: float | None = None  # of training, as it was told
        self.is_final = False

    def stage(self, label: str, total: int, done: int = 0) -> None:
        self.total, self.done = total, done
        self.watch.stage(label, total, done)

    def say(self, text: str) -> None:
        self.watch.say(text)

    def advance(self, text: str = "") -> None:
        self.watch.advance(text)
        now = time.perf_counter()
        self.done, self.steps = self.done + 1, self.steps + 1
        if self.steps == 1:
            self.first = now  # the first step is slower than the others
        if self.done >= self.total or self.is_final:
            return
        spent = now - self.began
        if self.loop.state.progress.epoch > self.begun_at:
            self.is_final = True
            self._tell(time.perf_counter() + self._left_after_an_epoch())
        elif self.end is None and (
            (self.steps >= STEPS and (spent >= SECONDS or self.steps >= 10)) or spent >= LATEST
        ):
            pace = (now - self.first) / (self.steps - 1) if self.steps > 1 else spent
            self._tell(time.perf_counter() + self._left(pace, self.loop.seconds_of_a_case()))

    def _left(self, step: float, case: float) -> float:
        """Seconds, by those of a step and of the validation of a case."""
        split, epochs = self.loop.prepared.split, self.loop.prepared.recipe.training.epochs
        validation = case * len(split.validation) * (epochs - self.loop.state.progress.epoch)
        scoring = FINAL * case * (len(split.validation) + len(split.test))
        return step * (self.total - self.done) + validation + scoring

    def _left_after_an_epoch(self) -> float:
        """Seconds, by those of the last epoch."""
        last, split = self.loop.state.progress.history[-1], self.loop.prepared.split
        case = last["seconds_validating"] / max(1, len(split.validation))
        step = (last["seconds"] - last["seconds_validating"]) / len(self.loop.samples)
        return self._left(step, case)

    def _tell(self, end: float) -> None:
        now = time.perf_counter()
        before, self.end = self.end, end
        if before is not None:
            then, this = max(before - now, 1.0), max(end - now, 1.0)
            if 1 / WRONG < then / this < WRONG:
                return
        span = about(end - now) if before or self.begun_at else about(end - self.began)
        most = "at most " if self.loop.prepared.recipe.training.early_stopping else ""
        what = (
            f"training takes {most}about {span}"
            if not (before or self.begun_at)
            else f"{most}about {span} left"
        )
        self.say(f"{what} on this machine, with validation and scoring")

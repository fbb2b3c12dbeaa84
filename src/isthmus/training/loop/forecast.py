"""Announces how long training will take on this machine, once its first steps are done."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

from isthmus.inference.tiling.tiles import starts
from isthmus.training.loop.best_epoch import Progress
from isthmus.training.object_thresholds import looked_at
from isthmus.training.preparation.prepared import Prepared
from isthmus.watch import Watch, duration

STEPS, SECONDS = 3, 5.0
"""A time is announced after this many steps, and after this many seconds or ten steps."""
LATEST = 600.0
"""Seconds after which it is announced in any case, at the end of the current step."""
FINAL, METRICS = 2.0, 0.25
"""What scoring a case at the end costs at least, in validations, and what it costs beside its tiles."""
WRONG = 1.25
"""The factor by which a time must be wrong to be announced again after the first epoch."""


def scoring(prepared: Prepared) -> float:
    """Returns what scoring all held-out cases at the end costs, in validations of a case, and the maps of those that
    choose thresholds of objects.

    Tiles overlap by half there, so that a large image has up to twice as many along each axis.
    """
    ids, tile = {*prepared.split.validation, *prepared.split.test}, prepared.recipe.input.patch
    shapes = {facts.id: facts.shape[1:] for facts in prepared.data.cases if facts.id in ids}
    tiles = {name: _times(shape[-len(tile) :], tile) if tile else 1.0 for name, shape in shapes.items()}
    maps = sum(tiles[name] for name in looked_at(prepared))
    return maps + sum(max(FINAL, METRICS + each) for each in tiles.values())


def _times(size: Sequence[int], tile: Sequence[int]) -> float:
    """Returns how many times as many tiles there are where they overlap by half."""
    pairs = [(max(side, part), part) for side, part in zip(size, tile, strict=True)]
    return math.prod(len(starts(*pair, 0.5)) / len(starts(*pair, 0.0)) for pair in pairs)


class Forecast:
    """A watch that forwards everything to another one, and announces how long training takes.

    Args:
        watch: the watch to which everything is forwarded.
        prepared: the prepared training.
        progress: the progress of the training.
        steps: per epoch.
        seconds_of_a_case: measures the validation of a case.
        due: when the time is over that the user gave, by `time.perf_counter`; nothing later is announced.
    """

    def __init__(
        self,
        watch: Watch,
        prepared: Prepared,
        progress: Progress,
        steps: int,
        seconds_of_a_case: Callable[[], float],
        due: float = math.inf,
    ) -> None:
        self.watch, self.progress, self.steps_per_epoch = watch, progress, steps
        self.training, self.split = prepared.recipe.training, prepared.split
        self.scoring = scoring(prepared)
        self.seconds_of_a_case, self.due = seconds_of_a_case, due
        self.total = self.done = self.steps = 0
        self.began = self.first = time.perf_counter()
        self.begun_at = progress.epoch
        self.end: float | None = None  # of training, as announced
        self.is_final = False

    def stage(self, label: str, total: int, done: int = 0) -> None:
        self.total, self.done = total, done
        self.watch.stage(label, total, done)

    def left(self, seconds: float) -> None:
        self.watch.left(seconds)

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
        if self.progress.epoch > self.begun_at:
            self.is_final = True
            self._announce(time.perf_counter() + self._left_after_an_epoch())
        elif self.end is None and (
            (self.steps >= STEPS and (spent >= SECONDS or self.steps >= 10)) or spent >= LATEST
        ):
            pace = (now - self.first) / (self.steps - 1) if self.steps > 1 else spent
            self._announce(time.perf_counter() + self._left(pace, self.seconds_of_a_case()))

    def _left(self, step: float, case: float) -> float:
        """Returns the seconds left, given those of a step and of the validation of a case."""
        validation = case * len(self.split.validation) * (self.training.epochs - self.progress.epoch)
        return step * (self.total - self.done) + validation + case * self.scoring

    def _left_after_an_epoch(self) -> float:
        """Returns the seconds left, given those of the last epoch."""
        last = self.progress.history[-1]
        case = last["seconds_validating"] / max(1, len(self.split.validation))
        step = (last["seconds"] - last["seconds_validating"]) / self.steps_per_epoch
        return self._left(step, case)

    def _announce(self, end: float) -> None:
        now = time.perf_counter()
        before, self.end = self.end, (end := min(end, self.due))
        if before is not None:
            then, this = max(before - now, 1.0), max(end - now, 1.0)
            if 1 / WRONG < then / this < WRONG:
                return
        span = duration(end - now) if before or self.begun_at else duration(end - self.began)
        most = "at most " if self.training.early_stopping else ""
        what = (
            f"training takes {most}about {span}"
            if not (before or self.begun_at)
            else f"{most}about {span} left"
        )
        self.say(f"{what} on this machine, with validation and scoring")

"""Ends a training whose time runs out, as on a machine that others use, while there is time to score it."""

from __future__ import annotations

import time
from dataclasses import dataclass

from isthmus.training.loop.best_epoch import Progress


@dataclass(frozen=True)
class Limit:
    """The moments at which a run should be, and has to be, trained and scored.

    Attributes:
        due: when its time is over, by the clock `time.perf_counter`.
        end: when it ends at the latest, less the time in which thresholds of objects are chosen.
        validated: cases that are scored after every epoch.
        scoring: what the scoring at the end costs, in validations of a case.
    """

    due: float
    end: float
    validated: int
    scoring: float

    def is_near(self, progress: Progress) -> bool:
        """Returns whether another epoch like the last and the scoring no longer fit; never before the first epoch."""
        if not progress.history:
            return False
        last = progress.history[-1]
        scoring = self.scoring * last["seconds_validating"] / max(1, self.validated)
        return time.perf_counter() + last["seconds"] + scoring > self.end

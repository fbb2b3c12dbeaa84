"""Which cells of a study have not learned: those that end below the study's floor, or find everything or nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass

from isthmus.errors import counted
from isthmus.studies.results import Result, Results
from isthmus.studies.study_folder import Planned

STRAY = 0.01
"""All background: a network's points are at most this share of the true ones; all foreground likewise."""
NAMED = 6
"""Cells that a caption names; of further ones it tells the number."""


@dataclass(frozen=True)
class Level:
    """How far a cell came.

    Attributes:
        cell: the cell.
        dice: the mean Dice over the scored cases, each the mean over classes; NaN if none is defined.
        floor: the study's floor for the cell's data set; None if it has none.
        blank: "all background" or "all foreground" if that is what the network predicts in every case; else empty.
    """

    cell: Planned
    dice: float
    floor: float | None
    blank: str

    @property
    def has_learned(self) -> bool:
        """Whether the cell has a Dice above its floor and predicts neither everything nor nothing."""
        return not self.blank and self.dice > (-math.inf if self.floor is None else self.floor)

    @property
    def margin(self) -> float:
        """How far the cell is above its floor; without a floor, its Dice; -inf without a Dice."""
        return -math.inf if math.isnan(self.dice) else self.dice - (self.floor or 0.0)

    def __str__(self) -> str:
        """Returns the cell with its Dice, and what speaks against it."""
        against = [self.blank] if self.blank else []
        against += [f"floor {self.floor:g}"] if self.floor is not None else []
        dice = "no Dice" if math.isnan(self.dice) else f"Dice {self.dice:.2f}"
        return f"{self.cell.label}: {dice}" + f" ({', '.join(against)})" * bool(against)


def levels(results: Results) -> list[Level]:
    """Returns how far each finished cell came, in the order of the plan."""
    return [_level(results, x) for x in results.found]


def warning(results: Results) -> str:
    """Returns the sentence that a caption begins with where cells have not learned; empty if all have."""
    found = [level for level in levels(results) if not level.has_learned]
    if not found:
        return ""
    named = "; ".join(map(str, found[:NAMED]))
    more = f"; and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return (
        f"No comparison: {len(found)} of {counted(len(results.found), 'cell')} did not learn, so nothing is printed in "
        f"bold ({named}{more}). "
    )


def _level(results: Results, x: Result) -> Level:
    by_case: dict[str, list[float]] = {}
    for score in x.scores(results.study.scored):
        if not math.isnan(dice := score.values.get("dice", math.nan)):
            by_case.setdefault(score.case, []).append(dice)
    means = [math.fsum(values) / len(values) for values in by_case.values()]
    dice = math.fsum(means) / len(means) if means else math.nan
    return Level(x.cell, dice, results.study.floor_on(x.cell.data), _blank(results, x))


def _blank(results: Results, x: Result) -> str:
    """Returns what a network predicts everywhere, except for a few points, although it is not so; else empty."""
    scores = x.scores(results.study.scored)
    if not scores or not all(score.has_counts for score in scores):
        return ""
    totals: dict[str, list[float]] = {}  # predicted, true and all points, by class
    for score in scores:
        total = totals.setdefault(score.label, [0.0, 0.0, 0.0])
        for i, name in enumerate(("prediction", "truth", "image")):
            total[i] += score.values[f"{name}_points"]
    predicted, true = (math.fsum(total[i] for total in totals.values()) for i in range(2))
    if true and predicted <= STRAY * true:
        return "all background"
    if any(n > t and n - p <= STRAY * (n - t) for p, t, n in totals.values()):
        return "all foreground"
    return ""

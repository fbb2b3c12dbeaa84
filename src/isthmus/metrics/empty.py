"""The rule for empty masks, which every metric and every aggregate of this package follows.

| empty mask      | overlap, surface Dice, object scores | distances                    | counted as      |
| --------------- | ------------------------------------ | ---------------------------- | --------------- |
| both            | 1                                    | 0                            | `n_both_empty`  |
| prediction only | 0                                    | image diagonal, or by choice | `n_missed`      |
| truth only      | 0                                    | image diagonal, or by choice | `n_false_alarm` |

A miss counts against the model. The image diagonal, sqrt(sum(((n - 1) * spacing)^2)), is the largest distance
between two points of the image, so a model never gains by predicting nothing. `missing="infinity"` gives inf and
`missing="exclude"` NaN. Aggregates leave NaN out of the mean and of `n`, and still count the case in `n_missed`.
"""

from __future__ import annotations

import math
from enum import Enum
from typing import Literal, TypeAlias, get_args

from isthmus.errors import IsthmusError, nearest

Missing: TypeAlias = Literal["diagonal", "infinity", "exclude"]
RULES: tuple[Missing, ...] = get_args(Missing)


class Presence(Enum):
    """Which of the two masks has any foreground."""

    BOTH = "both"
    MISSED = "missed"
    FALSE_ALARM = "false alarm"
    NEITHER = "both empty"


def presence(n_prediction: float, n_truth: float) -> Presence:
    """Returns the presence for numbers of foreground points (or objects) of prediction and truth.

    >>> presence(0, 12)
    <Presence.MISSED: 'missed'>
    """
    if n_truth:
        return Presence.BOTH if n_prediction else Presence.MISSED
    return Presence.FALSE_ALARM if n_prediction else Presence.NEITHER


def score_if_empty(state: Presence) -> float | None:
    """Returns the overlap, surface Dice or object score by the rule; None if both masks have foreground."""
    return {Presence.BOTH: None, Presence.NEITHER: 1.0}.get(state, 0.0)


def as_missing(name: str) -> Missing:
    """Returns the rule of this name for the distance of a missed case.

    Raises:
        IsthmusError: no such rule.
    """
    if name not in RULES:
        raise IsthmusError(f"missing={name!r} is not a rule; {nearest(str(name), RULES)}")
    return name


def distance_if_empty(state: Presence, diagonal: float, missing: Missing = "diagonal") -> float | None:
    """Returns the distance by the rule; None if both masks have foreground."""
    as_missing(missing)
    if state is Presence.BOTH:
        return None
    if state is Presence.NEITHER:
        return 0.0
    return {"diagonal": diagonal, "infinity": math.inf, "exclude": math.nan}[missing]

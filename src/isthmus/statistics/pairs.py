"""Scores of several networks on the same cases, paired case by case, which every test needs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isthmus.errors import IsthmusError

Floats: TypeAlias = NDArray[np.float64]
Scores: TypeAlias = Mapping[str, float]
"""One network's score of each case; average the scores of several repeats first."""

DIGITS = 12
"""Number of digits of the largest score to which differences are rounded, which removes rounding errors."""


@dataclass(frozen=True)
class Paired:
    """Scores of several networks on the same cases.

    Attributes:
        networks: names, in the given order.
        cases: ids, sorted.
        values: ``(networks, cases)`` float64, without NaN.
        undefined: cases that are left out because they are NaN for every network.
    """

    networks: tuple[str, ...]
    cases: tuple[str, ...]
    values: Floats
    undefined: tuple[str, ...] = ()


def pair(scores: Mapping[str, Scores]) -> Paired:
    """Pairs every network's scores on the same cases, in the order of the cases' names.

    Args:
        scores: score of each case, by network.

    Raises:
        IsthmusError: no network or no case; a case that not every network has scored, or that is NaN for some
            networks and not for others (the message names the cases).

    >>> pair({"a": {"x": 0.5, "y": 0.25}, "b": {"y": 0.75, "x": 1.0}}).values.tolist()
    [[0.5, 0.25], [1.0, 0.75]]
    """
    for name, each in scores.items() if isinstance(scores, Mapping) else [("scores", scores)]:
        if not isinstance(each, Mapping):
            raise IsthmusError(
                f"'{name}' is a {type(each).__name__}, not a mapping; give each network's score by case, "
                "{'unet': {'case 1': 0.9, …}, …}"
            )
    names = tuple(scores)
    if not names or not any(scores.values()):
        raise IsthmusError("there are no scores to compare; give each network's score of each case")
    every = sorted({case for each in scores.values() for case in each})
    for name in names:
        missing = [case for case in every if case not in scores[name]]
        if missing:
            raise IsthmusError(
                f"'{name}' has no score for {listed(missing)}, which others have: score all networks on the "
                "same cases"
            )
    values = np.array(
        [[number(scores[name][case], f"'{name}' of case {case}") for case in every] for name in names],
        np.float64,
    )
    gaps = np.isnan(values)
    uneven = gaps.any(axis=0) & ~gaps.all(axis=0)
    if uneven.any():
        cases = [every[i] for i in np.flatnonzero(uneven)]
        some = next(name for name, row in zip(names, gaps, strict=True) if row[uneven].any())
        raise IsthmusError(
            f"'{some}' is NaN for {listed(cases)}, where others are not: give missed cases a score, or leave "
            "them out of all networks"
        )
    empty = gaps.all(axis=0)
    if empty.all():
        raise IsthmusError("every score is NaN: there is nothing to compare")
    return Paired(
        names,
        tuple(every[i] for i in np.flatnonzero(~empty)),
        values[:, ~empty],
        tuple(every[i] for i in np.flatnonzero(empty)),
    )


def differences(first: ArrayLike, second: ArrayLike) -> Floats:
    """Computes ``first - second``, case by case, rounded to ``DIGITS`` digits of the largest score.

    0.9 - 0.8 and 0.7 - 0.6, which differ in floating point, are therefore a tie. Two infinite scores of the same sign
    differ by 0, an infinite and a finite score by infinity.

    Raises:
        IsthmusError: different numbers of scores, no scores, or NaN.

    >>> differences([0.9, 0.7, np.inf], [0.8, 0.6, np.inf])
    array([0.1, 0.1, 0. ])
    """
    a, b = _row(first, "first"), _row(second, "second")
    if len(a) != len(b):
        raise IsthmusError(
            f"{len(a)} scores for {len(b)}: a paired comparison needs both networks' scores of every case"
        )
    with np.errstate(invalid="ignore"):
        found = np.where(a == b, 0.0, a - b)
    known = np.abs(np.concatenate([a, b]))
    largest = float(known[np.isfinite(known)].max(initial=0.0))
    if largest == 0:
        return found
    return np.asarray(found.round(min(DIGITS - math.ceil(math.log10(largest)), 300)))


def values_of(values: ArrayLike, what: str = "the scores") -> Floats:
    """Returns one row of finite numbers as float64.

    Raises:
        IsthmusError: no numbers, more than one axis, NaN or infinity.
    """
    row = _row(values, what)
    if not np.isfinite(row).all():
        raise IsthmusError(
            f"{what} hold infinity, so they have no mean: score missed cases by the image diagonal, or take "
            "the Wilcoxon test"
        )
    return row


def labels_of(labels: Iterable[object], count: int, what: str) -> list[str]:
    """Returns one label (fold, repeat, group) for each value as text; refuses another number of labels."""
    found = [str(label) for label in (labels.tolist() if hasattr(labels, "tolist") else labels)]
    if len(found) != count:
        raise IsthmusError(f"{len(found)} {what} were given for {count} scores; give one for each")
    return found


def listed(names: Sequence[str], most: int = 5) -> str:
    """Lists a few names, and how many more there are.

    >>> listed(["a", "b", "c"], most=2)
    'a, b and 1 more'
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def number(value: Any, what: str) -> float:
    """Returns a number as a float, also from an array or tensor of one number.

    Raises:
        IsthmusError: it is not one number.
    """
    found = floats(value, what)
    if found.size != 1:
        raise IsthmusError(f"{what} must be one number, found shape {found.shape}")
    return float(found.item())


def floats(values: Any, what: str) -> Floats:
    """Copies arrays, nested lists, and tensors of any device and number type to float64.

    Raises:
        IsthmusError: the values are not numbers.
    """
    try:
        if hasattr(values, "detach"):
            values = values.detach().cpu().double().numpy()
        elif isinstance(values, list | tuple) and any(hasattr(value, "detach") for value in values):
            values = [floats(value, what) for value in values]
        return np.array(values, np.float64)
    except (TypeError, ValueError, RuntimeError, NotImplementedError) as error:
        line = str(error).partition("\n")[0]
        raise IsthmusError(f"{what} must be numbers ({line})") from error


def _row(values: ArrayLike, what: str) -> Floats:
    row = floats(values, what)
    if row.ndim != 1 or row.size == 0:
        raise IsthmusError(f"{what} must be a list of at least one number, found shape {row.shape}")
    if np.isnan(row).any():
        places = listed([str(i) for i in np.flatnonzero(np.isnan(row))])
        raise IsthmusError(
            f"{what} hold NaN (at {places}): give these cases a score, or leave them out of all"
        )
    return row

"""Which cases train and which are scored: always by group, seeded, and independent of the order of files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from isthmus.data.cases import Case
from isthmus.data.rng import stable_hash
from isthmus.errors import IsthmusError, nearest


@dataclass(frozen=True)
class Split:
    """Ids of the cases that train, that choose the best epoch, and that are scored at the end (sorted)."""

    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...] = ()


def holdout(
    cases: Sequence[Case], fraction: float = 0.2, seed: int = 0, validation: Iterable[str] | None = None
) -> Split:
    """One split: about `fraction` of the cases validate (whole groups, at least one), or exactly those named.

    Raises:
        IsthmusError: fewer than two groups; an id that does not exist; named ids that separate a group.
    """
    if validation is not None:
        return _named(cases, list(validation))
    if not 0 < fraction < 1:
        raise IsthmusError(f"the validation share is {fraction}; it lies between 0 and 1, such as 0.2")
    groups = _groups(cases, seed)
    missing = fraction * len(cases)
    chosen: list[str] = []
    for name, ids in groups.items():
        if abs(missing - len(ids)) < missing and len(chosen) + 1 < len(groups):  # brings the share closer
            chosen.append(name)
            missing -= len(ids)
    chosen = chosen or [min(groups, key=lambda name: len(groups[name]))]
    return _split(cases, {name for group in chosen for name in groups[group]})


def kfold(cases: Sequence[Case], k: int, seed: int = 0) -> list[Split]:
    """`k` splits: each case validates in exactly one, with its whole group; folds as equal as groups allow.

    Raises:
        IsthmusError: fewer than two folds, or fewer groups than folds.
    """
    groups = _groups(cases, seed)
    if not 2 <= k <= len(groups):
        raise IsthmusError(f"{k} folds of {len(groups)} groups; choose 2 to {len(groups)} folds")
    folds: list[list[str]] = [[] for _ in range(k)]
    for name in sorted(groups, key=lambda name: -len(groups[name])):  # stable: seeded order among equals
        min(folds, key=len).extend(groups[name])
    return [_split(cases, set(fold)) for fold in folds]


def _named(cases: Sequence[Case], ids: list[str]) -> Split:
    known = {case.id: case for case in cases}
    for name in ids:
        if name not in known:
            raise IsthmusError(f"no case '{name}' to set aside; {nearest(name, known)}")
    held = set(ids)
    if not held or len(held) == len(known):
        raise IsthmusError(
            f"{len(held)} of {len(known)} cases are set aside; name some, and leave some to train on"
        )
    aside = {known[name].group: name for name in ids}
    for case in cases:
        if case.id not in held and case.group in aside:
            raise IsthmusError(
                f"group '{case.group}' would stand on both sides, with {aside[case.group]} set aside and "
                f"{case.id} trained on; name all its cases or none"
            )
    return _split(cases, held)


def _groups(cases: Sequence[Case], seed: int) -> dict[str, list[str]]:
    """Case ids by group, the groups in a seeded order that depends on their names alone."""
    groups: dict[str, list[str]] = {}
    for case in cases:
        groups.setdefault(case.group, []).append(case.id)
    if len(groups) < 2:
        have = (
            "one case"
            if len(cases) == 1
            else f"{len(cases)} cases of one group ({next(iter(groups), 'none')})"
        )
        raise IsthmusError(
            f"{have} cannot be divided into training and validation; add another patient, slide or image"
        )
    return {name: groups[name] for name in sorted(groups, key=lambda name: (stable_hash(seed, name), name))}


def _split(cases: Sequence[Case], held: set[str]) -> Split:
    ids = sorted(case.id for case in cases)
    return Split(tuple(i for i in ids if i not in held), tuple(i for i in ids if i in held))

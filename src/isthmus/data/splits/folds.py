"""Splits cases into those that train and those that are scored: by group, seeded, whatever the order of files."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from isthmus.data.cases import Case
from isthmus.data.rng import stable_hash
from isthmus.errors import IsthmusError, nearest
from isthmus.io.volumes import in_space

STRATUM = 10
"""Number of groups with similar shares of foreground from which a stratified hold-out takes its part."""


@dataclass(frozen=True)
class Split:
    """Sorted ids of the cases that train, that choose the best epoch, and that are scored at the end.

    Attributes:
        train, validation, test: ids of cases.
        fold, repeat: which of a protocol's splits this is, both counted from 0.
        independent: whether the sides hold different groups; in `within-case` they do not, by design.
        notes: what a report must say about the scores.
    """

    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...] = ()
    fold: int = 0
    repeat: int = 0
    independent: bool = True
    notes: tuple[str, ...] = ()

    @property
    def scored(self) -> tuple[str, ...]:
        """The cases whose scores count: the test set, or the validation set if there is none."""
        return self.test or self.validation

    def sides(self) -> dict[str, tuple[str, ...]]:
        """Returns the sets that are not empty, by name."""
        named = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: ids for name, ids in named.items() if ids}


def holdout(
    cases: Sequence[Case],
    fraction: float = 0.2,
    seed: int = 0,
    validation: Iterable[str] | None = None,
    foreground: Mapping[str, float] | None = None,
) -> Split:
    """Returns one split, in which about `fraction` of the cases validate, or exactly those named.

    Args:
        cases: the cases to split; groups stay whole.
        fraction: between 0 and 1; at least one group validates.
        seed: seed of the choice.
        validation: ids of the cases that validate; None to choose them.
        foreground: share of foreground by case id, to stratify by: groups are sorted by their mean share, and every
            `STRATUM` of them give their part. None for no stratification.

    Raises:
        IsthmusError: fewer than two groups, an unknown id, or named ids that separate a group.
    """
    if validation is not None:
        return _named(cases, list(validation))
    if not 0 < fraction < 1:
        raise IsthmusError(f"the validation share is {fraction}; give one between 0 and 1, such as 0.2")
    groups = _groups(cases, seed)
    missing = 0.0
    chosen: list[str] = []
    for stratum in _strata(groups, STRATUM, foreground):
        missing += fraction * sum(len(groups[name]) for name in stratum)
        for name in stratum:
            size = len(groups[name])
            if abs(missing - size) < missing and len(chosen) + 1 < len(groups):  # brings the share closer
                chosen.append(name)
                missing -= size
    chosen = chosen or [min(groups, key=lambda name: len(groups[name]))]
    return _split(cases, {name for group in chosen for name in groups[group]})


def kfold(
    cases: Sequence[Case], k: int, seed: int = 0, foreground: Mapping[str, float] | None = None
) -> list[Split]:
    """Returns `k` splits; each case validates in exactly one of them, with its whole group.

    The sizes of the folds differ by at most the size of the largest group, so by at most one where groups are single
    cases. With `foreground` (share by case id) they are stratified as well: of every `k` groups with similar shares
    each fold gets one.

    Raises:
        IsthmusError: fewer than two folds, or fewer groups than folds.
    """
    groups = _groups(cases, seed)
    if not 2 <= k <= len(groups):
        raise IsthmusError(f"{k} folds of {len(groups)} groups; choose 2 to {len(groups)} folds")
    folds: list[list[str]] = [[] for _ in range(k)]
    for stratum in _strata(groups, k, foreground):
        open_folds = list(folds)
        # large groups first, those within a factor of two in seeded order, so that seeds matter there too
        for name in sorted(stratum, key=lambda name: -len(groups[name]).bit_length()):
            smallest = min(range(len(open_folds)), key=lambda i: len(open_folds[i]))
            open_folds[smallest].extend(groups[name])
            if foreground is not None:
                del open_folds[smallest]
    splits = [_split(cases, set(fold)) for fold in folds]
    return [Split(one.train, one.validation, fold=i) for i, one in enumerate(splits)]


def consecutive(cases: Sequence[Case], k: int) -> list[Split]:
    """Splits cases of one group into `k` runs of neighbours, sorted by id; each run validates once.

    This is for a stack of slices or the frames of one sequence: neighbours resemble each other, so there should be few
    borders between training and validation. Such splits are not independent, and their notes say so.

    Raises:
        IsthmusError: more than one group, fewer than two cases.
    """
    groups = {case.group for case in cases}
    if len(groups) > 1:
        raise IsthmusError(
            f"within-case is for data of one group, and this data has {len(groups)}; "
            "use holdout or kfold, which keep groups together"
        )
    if len(cases) < 2:
        raise IsthmusError("one case cannot be split; cut the volume into slices, or add another case")
    ids = sorted((case.id for case in cases), key=natural)
    k = min(k, len(ids))
    bounds = [round(i * len(ids) / k) for i in range(k + 1)]
    note = f"not independent: all cases belong to one group ({cases[0].group}), so scores say nothing about others"
    return [
        Split(
            tuple(sorted(ids[:start] + ids[end:])),
            tuple(sorted(ids[start:end])),
            fold=i,
            independent=False,
            notes=(note,),
        )
        for i, (start, end) in enumerate(pairwise(bounds))
    ]


def take_groups(cases: Sequence[Case], groups: int) -> list[Case]:
    """Returns the cases of some groups, chosen by their names only; a smaller choice is part of every larger one.

    >>> cases = [Case(f"{g}{i}", (), (), g) for g in "abcd" for i in range(2)]
    >>> [case.id for case in take_groups(cases, 2)], [case.id for case in take_groups(cases, 1)]
    (['b0', 'b1', 'c0', 'c1'], ['b0', 'b1'])
    """
    chosen = set(sorted({case.group for case in cases}, key=lambda g: (stable_hash("few", g), g))[:groups])
    return [case for case in cases if case.group in chosen]


def natural(name: str) -> tuple[tuple[str, int], ...]:
    """Returns a sort key that puts slice-2 before slice-10.

    >>> sorted(["s10", "s2", "t1"], key=natural)
    ['s2', 's10', 't1']
    """
    return tuple((text, int(digits or -1)) for text, digits in re.findall(r"(\D*)(\d*)", name))


def _named(cases: Sequence[Case], ids: list[str]) -> Split:
    known = {case.id: case for case in cases}
    for name in ids:
        if name not in known:
            raise IsthmusError(f"no case '{name}' to hold out; {nearest(name, known)}")
    held = set(ids)
    if not held or len(held) == len(known):
        raise IsthmusError(
            f"{len(held)} of {len(known)} cases are held out; hold out some, and leave some to train on"
        )
    held_groups = {known[name].group: name for name in ids}
    for case in cases:
        if case.id not in held and case.group in held_groups:
            raise IsthmusError(
                f"group '{case.group}' would be on both sides, with {held_groups[case.group]} held out and "
                f"{case.id} trained on; name all its cases or none"
            )
    return _split(cases, held)


def _groups(cases: Sequence[Case], seed: int) -> dict[str, list[str]]:
    """Returns case ids by group, the groups in a seeded order that depends only on their names."""
    groups: dict[str, list[str]] = {}
    for case in cases:
        groups.setdefault(case.group, []).append(case.id)
    if len(groups) < 2:
        have = (
            "one case"
            if len(cases) == 1
            else f"{len(cases)} cases of one group ({next(iter(groups), 'none')})"
        )
        volume = len(cases) == 1 and in_space(cases[0].images[0].path)
        within = "set protocol.kind=within-case, or " if len(cases) > 1 or volume else ""
        raise IsthmusError(
            f"{have} cannot be split into training and validation; {within}add another patient, slide or image"
        )
    return {name: groups[name] for name in sorted(groups, key=lambda name: (stable_hash(seed, name), name))}


def _strata(
    groups: Mapping[str, Sequence[str]], size: int, foreground: Mapping[str, float] | None
) -> list[list[str]]:
    """Returns all groups in their seeded order; with `foreground`, in runs of `size` similar groups."""
    if foreground is None:
        return [list(groups)]
    mean = {name: math.fsum(foreground[i] for i in ids) / len(ids) for name, ids in groups.items()}
    order = sorted(groups, key=lambda name: -mean[name])  # stable: seeded order among equals
    rank = {name: i for i, name in enumerate(groups)}
    return [sorted(order[i : i + size], key=rank.__getitem__) for i in range(0, len(order), size)]


def _split(cases: Sequence[Case], held: set[str]) -> Split:
    ids = sorted(case.id for case in cases)
    return Split(tuple(i for i in ids if i not in held), tuple(i for i in ids if i in held))

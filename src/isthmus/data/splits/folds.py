"""Which cases train and which are scored: always by group, seeded, and independent of the order of files."""

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
"""Groups of like foreground share that a stratified hold-out draws from in turn."""


@dataclass(frozen=True)
class Split:
    """Ids of the cases that train, that choose the best epoch, and that are scored at the end (sorted).

    Attributes:
        fold, repeat: which of a protocol's splits this is, both from 0.
        independent: whether the sides hold different groups; False: by design they do not (`within-case`).
        notes: what a report of the scores has to say about them.
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
        """The cases whose scores count: the test set, or the validation set where there is none."""
        return self.test or self.validation

    def sides(self) -> dict[str, tuple[str, ...]]:
        """The sets that are not empty, by name."""
        named = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: ids for name, ids in named.items() if ids}


def holdout(
    cases: Sequence[Case],
    fraction: float = 0.2,
    seed: int = 0,
    validation: Iterable[str] | None = None,
    foreground: Mapping[str, float] | None = None,
) -> Split:
    """One split: about `fraction` of the cases validate (whole groups, at least one), or exactly those named.

    Args:
        foreground: share of the foreground by case id; with it the split is stratified: the groups are put in
            the order of their mean share, and each `STRATUM` of them gives its part.

    Raises:
        IsthmusError: fewer than two groups; an id that does not exist; named ids that separate a group.
    """
    if validation is not None:
        return _named(cases, list(validation))
    if not 0 < fraction < 1:
        raise IsthmusError(f"the validation share is {fraction}; it lies between 0 and 1, such as 0.2")
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
    """`k` splits: each case validates in exactly one, with its whole group.

    Folds differ by no more cases than the largest group has, so by one at most where groups are single cases.
    With `foreground` (share by case id) they are stratified as well: of every `k` groups of like share each
    fold gets one.

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
    """Cases of one group in `k` runs of neighbours (by id, numbers in their order); each validates once.

    For a stack of slices or the frames of one sequence: neighbours are alike, so runs are cut at few places.
    No such split is independent, and it says so.

    Raises:
        IsthmusError: more than one group, fewer than two cases.
    """
    groups = {case.group for case in cases}
    if len(groups) > 1:
        raise IsthmusError(
            f"within-case is for data of one group, and these are {len(groups)}; "
            "take holdout or kfold, which keep groups apart"
        )
    if len(cases) < 2:
        raise IsthmusError("one case cannot be divided; cut the volume into slices, or add another case")
    ids = sorted((case.id for case in cases), key=natural)
    k = min(k, len(ids))
    bounds = [round(i * len(ids) / k) for i in range(k + 1)]
    note = (
        f"not independent: all cases belong to one group ({cases[0].group}), so scores say nothing of others"
    )
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


def few(cases: Sequence[Case], groups: int) -> list[Case]:
    """The cases of so many groups, chosen by their names alone: fewer are always among more.

    >>> cases = [Case(f"{g}{i}", (), (), g) for g in "abcd" for i in range(2)]
    >>> [case.id for case in few(cases, 2)], {c.id for c in few(cases, 1)} <= {c.id for c in few(cases, 3)}
    (['b0', 'b1', 'c0', 'c1'], True)
    """
    chosen = set(sorted({case.group for case in cases}, key=lambda g: (stable_hash("few", g), g))[:groups])
    return [case for case in cases if case.group in chosen]


def natural(name: str) -> tuple[tuple[str, int], ...]:
    """A sort key that puts slice-2 before slice-10.

    >>> sorted(["s10", "s2", "t1"], key=natural)
    ['s2', 's10', 't1']
    """
    return tuple((text, int(digits or -1)) for text, digits in re.findall(r"(\D*)(\d*)", name))


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
        volume = len(cases) == 1 and in_space(cases[0].images[0].path)
        within = "take protocol.kind=within-case, or " if len(cases) > 1 or volume else ""
        raise IsthmusError(
            f"{have} cannot be divided into training and validation; {within}add another patient, slide or image"
        )
    return {name: groups[name] for name in sorted(groups, key=lambda name: (stable_hash(seed, name), name))}


def _strata(
    groups: Mapping[str, Sequence[str]], size: int, foreground: Mapping[str, float] | None
) -> list[list[str]]:
    """All groups in their (seeded) order; with `foreground` in runs of `size` groups of like mean share."""
    if foreground is None:
        return [list(groups)]
    mean = {name: math.fsum(foreground[i] for i in ids) / len(ids) for name, ids in groups.items()}
    order = sorted(groups, key=lambda name: -mean[name])  # stable: seeded order among equals
    rank = {name: i for i, name in enumerate(groups)}
    return [sorted(order[i : i + size], key=rank.__getitem__) for i in range(0, len(order), size)]


def _split(cases: Sequence[Case], held: set[str]) -> Split:
    ids = sorted(case.id for case in cases)
    return Split(tuple(i for i in ids if i not in held), tuple(i for i in ids if i in held))

"""Looks for leaks: cases, groups and duplicates that are on two sides of a split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

from isthmus.data.cases import Case
from isthmus.data.checks.duplicates import NEAR, near_between
from isthmus.data.checks.problems import SHOWN
from isthmus.data.splits.folds import Split
from isthmus.errors import IsthmusError, few

Side = tuple[str, Sequence[str]]
"""The name of a set, and the ids of its cases."""


def check_split(
    split: Split,
    cases: Sequence[Case],
    hashes: Mapping[str, str] | None = None,
    perceptual: Mapping[str, int] | None = None,
    *,
    distance: int = NEAR,
    allow_leak: bool = False,
) -> tuple[str, ...]:
    """Refuses a split with the same images on two sides, and returns the notes that a report has to show.

    Args:
        split: the split to check.
        cases: cases of the data set.
        hashes: of the decoded pixels, by case id (`isthmus.data.checks.duplicates.pixel_hash`); None for no comparison.
        perceptual: hashes by case id (`perceptual_hash`); None for no search for near-duplicates.
        distance: the most bits in which near-duplicates differ; they are noted, never refused.
        allow_leak: whether what would be refused becomes a note instead; only if the recipe says so.

    Returns:
        The notes of the split, then those on allowed leaks, then those on near-duplicates.

    Raises:
        IsthmusError: a case, a group or an exact duplicate is on two sides; the message names the cases.
    """
    leaks: list[str] = []
    warnings: list[str] = []
    group = {case.id: case.group for case in cases}
    for (one, left), (other, right) in combinations(split.sides().items(), 2):
        both = sorted(set(left) & set(right))
        if both:
            leaks.append(f"{few(both)} in {one} and in {other}")
        if split.independent:
            leaks += _groups_on_both(group, (one, left), (other, right))
        if hashes is not None:
            leaks += _copies_on_both(hashes, (one, left), (other, right))
        if perceptual is not None and split.independent:
            near = near_between(left, right, perceptual, distance)
            pairs = [f"{a} and {b} ({bits})" for a, b, bits in near if not hashes or hashes[a] != hashes[b]]
            if pairs:
                warnings.append(
                    f"near-duplicates in {one} and {other} (bits of 64 that differ): {few(pairs)}"
                )
    if leaks and not allow_leak:
        listing = leaks[:SHOWN] + ([f"… and {len(leaks) - SHOWN} more"] if len(leaks) > SHOWN else [])
        raise IsthmusError(
            f"the split leaks: {'; '.join(listing)}; give copies one group, or leave them out "
            "(protocol.allow_leak=true trains anyway, and the report says so)"
        )
    return (*split.notes, *(f"leak, allowed by the recipe: {leak}" for leak in leaks), *warnings)


def _groups_on_both(group: Mapping[str, str], first: Side, second: Side) -> list[str]:
    (one, left), (other, right) = first, second
    held: dict[str, list[str]] = {}
    for name in left:
        held.setdefault(group[name], []).append(name)
    strays: dict[str, list[str]] = {}
    for name in right:
        if group[name] in held and name not in held[group[name]]:
            strays.setdefault(group[name], []).append(name)
    return [
        f"group '{name}' in {one} ({few(held[name])}) and in {other} ({few(ids)})"
        for name, ids in strays.items()
    ]


def _copies_on_both(hashes: Mapping[str, str], first: Side, second: Side) -> list[str]:
    (one, left), (other, right) = first, second
    held = {hashes[name]: name for name in reversed(left)}
    return [
        f"{held[hashes[name]]} in {one} and {name} in {other} are the same picture"
        for name in right
        if hashes[name] in held and held[hashes[name]] != name
    ]

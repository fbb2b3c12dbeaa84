"""Finds masks whose values do not agree with those of the other masks of a data set."""

from __future__ import annotations

from collections.abc import Collection, Mapping

Counts = Mapping[int, int]
"""The values in a mask and their numbers of pixels."""

Masks = Mapping[str, Counts]
"""The values in each mask, by its name."""


def union(masks: Masks) -> dict[int, int]:
    """Returns all values with their numbers of pixels in all masks together.

    >>> union({"a": {0: 5, 1: 2}, "b": {0: 7}})
    {0: 12, 1: 2}
    """
    total: dict[int, int] = {}
    for counts in masks.values():
        for value, pixels in counts.items():
            total[value] = total.get(value, 0) + pixels
    return total


def count_objects(masks: Collection[Counts]) -> bool:
    """Returns whether masks count their objects: 1, 2, 3, … without gaps, to ends that differ and exceed 8."""
    ends = set()
    for counts in masks:
        numbers = [value for value in counts if value != 0]
        if len(numbers) != max(numbers, default=0):
            return False
        ends.add(len(numbers))
    return len(ends - {0}) > 1 and max(ends) > 8


def negative(masks: Masks) -> dict[str, str]:
    """Returns the masks with values below 0, each with its problem in one line, as all functions here do."""
    lowest = {name: min(counts, default=0) for name, counts in masks.items()}
    return {
        name: f"{name}: mask value {value}; classes are 0, 1, 2, …: renumber them"
        for name, value in lowest.items()
        if value < 0
    }


def blurred(masks: Masks, lossy: Collection[str]) -> dict[str, str]:
    """Returns the JPEG masks among masks of more than two levels."""
    levels = len(union(masks))
    return {
        name: f"{name}: a JPEG mask among masks of {levels} values, which JPEG blurs beyond repair; save "
        "masks as PNG"
        for name in lossy
        if name in masks and levels > 2
    }


def mixed(masks: Masks) -> dict[str, str]:
    """Returns the minority where some masks hold 0 and 1, and all others 0 and 255."""
    if not all(set(counts) <= {0, 1} or set(counts) <= {0, 255} for counts in masks.values()):
        return {}
    sides = [(top, [name for name, counts in masks.items() if top in counts]) for top in (1, 255)]
    (top, few), (other, many) = sorted(sides, key=lambda side: len(side[1]))
    if not few:
        return {}
    return {
        name: f"{name}: a mask of 0 and {top} among masks of 0 and {other} (such as {many[0]}); save all with the same "
        "values"
        for name in few
    }


def strays(masks: Masks) -> dict[str, str]:
    """Returns masks with a value in hardly any mask (one, or a tenth of them), if all are plain without it.

    Plain masks hold 0 and one other value, or 0, 1, 2, …; a value that continues the count is a rare class.
    """
    total = union(masks)
    limit = max(1, len(masks) // 10)
    if set(total) == set(range(len(total))) or limit >= len(masks) / 2:
        return {}
    holders = {value: [name for name, counts in masks.items() if value in counts] for value in sorted(total)}
    rare = [value for value, names in holders.items() if value != 0 and len(names) <= limit]
    rest = [value for value in holders if value not in rare]
    plain = len(rest) == 2 or (len(rest) > 2 and rest == list(range(len(rest))))
    if not rare or not plain or rest[0] != 0:
        return {}
    usual = ", ".join(map(str, rest))
    first = {name: value for value in reversed(rare) for name in holders[value]}
    return {
        name: f"{name}: mask value {first[name]} ({masks[name][first[name]]} pixels) fits no class, as nearly all "
        f"masks hold only {usual}; repair the mask, or list all values (data.values) if it is a class"
        for name in masks
        if name in first
    }

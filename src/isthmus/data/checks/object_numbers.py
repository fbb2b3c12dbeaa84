"""Recognises masks whose values look like object numbers though they were read as classes."""

from __future__ import annotations

from collections.abc import Sequence

from isthmus.data.cases import Dataset
from isthmus.data.checks.facts import CaseFacts
from isthmus.data.masks.values import ValueMap
from isthmus.errors import few

NEARLY = 0.9
"""Share of the masks that have to look like object numbers before a remark is made."""

SEVERAL = 6
"""Values with gaps that may number objects; fewer are classes."""


def object_numbers(dataset: Dataset, facts: Sequence[CaseFacts]) -> str:
    """Returns the remark that masks read as classes may number objects; "" if nothing suggests it.

    They may number objects if nearly every value is one connected piece and either every mask counts 1, 2, … to an end
    of its own (at least 3 in one of them) or the values differ from mask to mask. Class names given by the user rule it
    out.
    """
    values = dataset.values
    if values is None or dataset.classes != values.names():
        return ""
    held = [[index for index, share in enumerate(one.shares) if share > 0] for one in facts]
    numbered = [one.numbered for one in facts]
    if ends := object_ends(values, held, numbered):
        found, classes = f"masks count to {min(ends)} … {max(ends)}, each value", max(ends)
    elif values.rule == "exact" and _differ(held) and _in_one_piece(held, numbered):
        listing = few([str(value) for value, index in values.pairs if index], 4)
        found, classes = f"the values {listing} differ from mask to mask, each", values.classes - 1
    else:
        return ""
    return f"{found} in one piece: read as {classes} classes; if they number objects, set data.value_rule=objects"


def object_ends(values: ValueMap, held: Sequence[Sequence[int]], numbered: Sequence[bool]) -> set[int]:
    """Returns the last number of each mask if the masks may number objects, and nothing otherwise.

    Args:
        held: the values in each mask.
        numbered: whether each of them is in one piece.
    """
    if values.rule != "exact" or values.classes < 4 or any(value != index for value, index in values.pairs):
        return set()
    found = [sorted(set(one) - {0}) for one in held]
    if any(one != list(range(1, len(one) + 1)) for one in found):
        return set()
    ends = {len(one) for one in found} - {0}
    return ends if len(ends) > 1 and _in_one_piece(held, numbered) else set()


def _in_one_piece(held: Sequence[Sequence[int]], numbered: Sequence[bool]) -> bool:
    """Returns whether nearly all masks of several values hold each in one piece."""
    several = [flag for flag, one in zip(numbered, held, strict=True) if len(set(one) - {0}) > 1]
    return sum(several) >= NEARLY * len(several)


def _differ(held: Sequence[Sequence[int]]) -> bool:
    """Returns whether the classes in the masks differ as object numbers do.

    Each mask holds the first numbers, to an end of its own, or at most half of the many that there are.
    """
    found = [one for each in held if (one := set(each) - {0})]
    every = set().union(*found)
    if len(every) < SEVERAL or len({frozenset(one) for one in found}) == 1:
        return False
    first = all(max(one) == len(one) for one in found)
    return first or 2 * sum(map(len, found)) <= len(every) * len(found)

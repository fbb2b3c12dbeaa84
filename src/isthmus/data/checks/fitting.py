"""Checks that cases can be trained on together: their names, axes and channels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from isthmus.data.case_paths import refuse_name, refuse_no_text
from isthmus.data.cases import Case
from isthmus.data.checks.facts import CaseFacts
from isthmus.errors import IsthmusError


def refuse_unwritable(name: str) -> None:
    """Refuses the name of a case that cannot name a file or stand in a table.

    Raises:
        IsthmusError: it is not a valid file name (`case_paths.refuse_name`), or not text in UTF-8.
    """
    refuse_name(name)
    refuse_no_text(name)


def refuse_mixed_axes(cases: Sequence[Case], facts: Mapping[str, CaseFacts]) -> None:
    """Refuses flat images among volumes.

    Raises:
        IsthmusError: names one of each.
    """
    first: dict[int, Case] = {}
    for case in cases:
        first.setdefault(len(facts[case.id].shape) - 1, case)
    if len(first) > 1:
        listing = ", ".join(f"{axes} in {case.images[0]}" for axes, case in sorted(first.items()))
        raise IsthmusError(
            f"images with different numbers of axes: {listing}; train on either flat images or volumes"
        )


def common_channels(cases: Sequence[Case], facts: Mapping[str, CaseFacts]) -> int:
    """Returns the number of channels of all images; 3 if grey and colour are mixed.

    Raises:
        IsthmusError: any other mixture; names one image of each number.
    """
    first: dict[int, Case] = {}
    for case in cases:
        first.setdefault(facts[case.id].shape[0], case)
    if set(first) == {1, 3}:
        return 3
    if len(first) > 1:
        listing = ", ".join(f"{number} in {case.images[0]}" for number, case in sorted(first.items()))
        raise IsthmusError(
            f"images with different numbers of channels: {listing}; convert them to the same number"
        )
    return next(iter(first))

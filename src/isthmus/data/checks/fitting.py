"""Whether cases can be trained on together: their names, their axes and their channels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from isthmus.data.case_paths import refuse_name, refuse_no_text
from isthmus.data.cases import Case
from isthmus.errors import IsthmusError

if TYPE_CHECKING:
    from isthmus.data.checks.facts import CaseFacts


def refuse_unwritable(name: str) -> None:
    """Refuse the name of a case of which no file and no row of a table can be made.

    Raises:
        IsthmusError: it is no name of a file (`case_paths.refuse_name`), or no text in UTF-8.
    """
    refuse_name(name)
    refuse_no_text(name)


def refuse_mixed_axes(cases: Sequence[Case], looks: Mapping[str, CaseFacts]) -> None:
    """Refuse flat images among volumes.

    Raises:
        IsthmusError: they are mixed; one of each is named.
    """
    first: dict[int, Case] = {}
    for case in cases:
        first.setdefault(len(looks[case.id].shape) - 1, case)
    if len(first) > 1:
        listing = ", ".join(f"{axes} in {case.images[0]}" for axes, case in sorted(first.items()))
        raise IsthmusError(
            f"images with different numbers of axes: {listing}; train on flat images or on volumes"
        )


def common_channels(cases: Sequence[Case], looks: Mapping[str, CaseFacts]) -> int:
    """The number of channels of all images; 3 where grey and colour are mixed.

    Raises:
        IsthmusError: any other mixture; one image of each number is named.
    """
    first: dict[int, Case] = {}
    for case in cases:
        first.setdefault(looks[case.id].shape[0], case)
    if set(first) == {1, 3}:
        return 3
    if len(first) > 1:
        listing = ", ".join(f"{number} in {case.images[0]}" for number, case in sorted(first.items()))
        raise IsthmusError(
            f"images with different numbers of channels: {listing}; convert them to one number"
        )
    return next(iter(first))

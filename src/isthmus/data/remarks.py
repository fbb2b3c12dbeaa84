"""What is worth saying about checked cases: how volumes lie, and masks that may number objects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from isthmus.data.cases import Case, Dataset
from isthmus.data.geometry import AXES
from isthmus.data.volume_files import unit

if TYPE_CHECKING:
    from isthmus.data.check import CaseFacts

TURNED = f"all are turned to {AXES}: z to the head, y to the back, x to the patient's left"

TILTED = 0.5
"""Degrees from right angles that headers do not come to by rounding."""

NEARLY = 0.9
"""Share of the masks that have to look like object numbers before anything is said."""


def orientations(facts: Iterable[CaseFacts]) -> list[str]:
    """How volumes lie in their files, and how many of each, the most frequent first; [] for pictures."""
    found = Counter(one.orientation for one in facts if one.volume)
    return [f"{name or 'not said'} ({n})" for name, n in found.most_common()]


def spacings(cases: Iterable[Case]) -> list[str]:
    """Distances between voxels, x first as sizes are printed, and how many cases have each; [] for pictures."""
    found = Counter((case.spacing, unit(case.first)) for case in cases if case.spacing is not None)
    return [
        f"{' x '.join(f'{side:g}' for side in sides[::-1])} {name or 'mm'} ({n})"
        for (sides, name), n in found.most_common()
    ]


@dataclass(frozen=True)
class Odd:
    """Something about how volumes lie, or were read, that a user should know.

    Attributes:
        name: in two words.
        cases: each with its number.
        detail: what it means.
    """

    name: str
    cases: tuple[str, ...]
    detail: str

    def said(self, most: int = 3) -> str:
        """One line about it."""
        more = ", …" * (len(self.cases) > most)
        return f"{self.name} ({len(self.cases)}) {self.detail}: {', '.join(self.cases[:most])}{more}"


def grids(facts: Iterable[CaseFacts]) -> list[Odd]:
    """Masks and channels that lie elsewhere than the image, grids that are not rectangular, rounded values."""
    facts = list(facts)
    found = [
        Odd(
            "masks elsewhere",
            tuple(f"{one.id} ({one.elsewhere})" for one in facts if one.elsewhere),
            "than their images, by the headers",
        ),
        Odd(
            "channels elsewhere",
            tuple(f"{one.id} ({one.channels_elsewhere})" for one in facts if one.channels_elsewhere),
            "than the first channel, by the headers",
        ),
        Odd(
            "tilted volumes",
            tuple(f"{one.id} ({one.shear:.3g} degrees)" for one in facts if one.shear > TILTED),
            "whose axes are not at right angles (a tilted gantry?), which is kept but not undone",
        ),
        Odd(
            "rounded masks",
            tuple(f"{one.id} ({one.rounded:.1g})" for one in facts if one.rounded),
            "whose values were nearly whole numbers, and how far they were off",
        ),
    ]
    return [one for one in found if one.cases]


def object_numbers(dataset: Dataset, facts: Sequence[CaseFacts]) -> str:
    """The remark that masks taken for classes may number objects; "" where nothing speaks for it.

    They may where every mask holds 1, 2, … to its own end, at least 3 in one, and nearly each value is one
    connected piece. Names of classes that somebody gave speak against it.
    """
    values = dataset.values
    if values is None or values.rule != "exact" or dataset.classes != values.names() or values.classes < 4:
        return ""
    if any(value != index for value, index in values.pairs):
        return ""
    ends = []
    for one in facts:
        held = [index for index, share in enumerate(one.shares) if index and share > 0]
        if held != list(range(1, len(held) + 1)):
            return ""
        ends.append(len(held))
    several = [one for one, end in zip(facts, ends, strict=True) if end > 1]
    if len(set(ends) - {0}) < 2 or sum(one.numbered for one in several) < NEARLY * len(several):
        return ""
    return (
        f"masks count to {min(end for end in ends if end)} … {max(ends)}, each value in one piece: taken for "
        f"{max(ends)} classes; if they number objects, say so with data.value_rule=objects"
    )

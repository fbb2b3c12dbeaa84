"""Remarks on checked cases: how volumes lie, tags that turn or invert, masks of doubtful meaning."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from isthmus.data.cases import Case, Dataset
from isthmus.data.masks.borders import FEWEST, lines, together
from isthmus.errors import IsthmusError, few
from isthmus.io.geometry import AXES
from isthmus.io.volumes import unit

if TYPE_CHECKING:
    from isthmus.data.checks.facts import CaseFacts
    from isthmus.data.masks.values import ValueMap

TURNED = f"all are turned to {AXES}: z to the head, y to the back, x to the patient's left"

TILTED = 0.5
"""Degrees from right angles that rounding in a header does not explain."""

NEARLY = 0.9
"""Share of the masks that have to look like object numbers before anything is said."""


SEVERAL = 6
"""Values with gaps that may number objects; fewer are classes."""

LITTLE = 0.25
"""Share of foreground beside which more than half of an image looks like a mask of the other polarity."""


@dataclass(frozen=True)
class Remark:
    """Something odd: in a word, how many, and the line that says it."""

    what: str
    count: int
    detail: str


def remarks(dataset: Dataset, facts: Sequence[CaseFacts]) -> list[Remark]:
    """Everything odd about pictures and masks that can be read and fit; none of it prevents training."""
    found: list[Remark] = []

    def add(what: str, ids: Sequence[str], line: str) -> None:
        if ids:
            found.append(Remark(what, len(ids), line.format(ids=few(ids), n=len(ids))))

    if numbers := object_numbers(dataset, facts):
        found.append(
            Remark("object numbers?", (dataset.values.classes if dataset.values else 1) - 1, numbers)
        )
    add(
        "orientation tags",
        [f"{one.id} ({one.tags[0]} and {one.tags[1]})" for one in facts if one.tags[0] != one.tags[1]],
        "images and masks were turned by their orientation tags, which differ ({ids}); see that "
        "each mask lies on its image",
    )
    of_images = [one.id for one in facts if one.inverted[0]]
    of_masks = [one.id for one in facts if one.inverted[1]]
    add(
        "inverting tags",
        of_masks,
        "masks whose tag (WhiteIsZero, or a palette) shows them inverted: {ids}; their stored "
        "values are taken, 0 is background",
    )
    if len(of_images) < len(facts):
        add(
            "inverting tags",
            of_images,
            "images whose tag (WhiteIsZero, or a palette) inverts them, and others have none: "
            "{ids}; they are read as viewers show them",
        )
    add(
        "polarity",
        _unlike(facts) if dataset.values is not None and dataset.values.classes == 2 else [],
        "masks that are mostly foreground where the others have little: {ids}; are they inverted?",
    )
    objects = dataset.values is not None and dataset.values.rule == "objects"
    add(
        "no background",
        [one.id for one in facts if objects and all(each.foreground == 1 for each in facts if each.shares)],
        "every pixel of all masks belongs to an object: data.instances=true tells them apart, and there is "
        "nothing else to learn",
    )
    add(
        "objects in pieces",
        [one.id for one in facts if objects and one.pieces > 1],
        "masks of one value in several pieces where numbers of objects are expected: {ids}; each piece is taken for an "
        "object, and those that touch are one",
    )
    found += _along_borders(dataset, facts)
    return found


def _unlike(facts: Sequence[CaseFacts]) -> list[str]:
    """Masks that are mostly foreground where the rest has little: the few, or all where no mask lies between."""
    full = [one for one in facts if one.shares and one.foreground > 0.5]
    rest = [one.foreground for one in facts if one.shares and one.foreground <= 0.5]
    few = 2 * len(full) < len(facts)
    apart = max(rest, default=1) <= LITTLE and all(one.foreground >= 1 - LITTLE for one in full)
    if not full or not rest or median(rest) > LITTLE or not (few or apart):
        return []
    return [one.id for one in full]


def _along_borders(dataset: Dataset, facts: Sequence[CaseFacts]) -> list[Remark]:
    values = dataset.values
    if values is None or values.rule == "threshold":
        return []
    per_mask = [(one.id, set(lines(one.borders)), len(one.borders)) for one in facts]
    thin = set(lines(together(one.borders for one in facts)))
    if values.rule == "objects":  # numbers of one mask are no other's
        odd = [name for name, few, of in per_mask if len(few) >= FEWEST and 5 * len(few) >= of]
        count = len(odd)
    else:
        odd = [name for name, few, _ in per_mask if few & thin]
        count = len(thin) if len(thin) >= FEWEST else 0
    if not count or not odd:
        return []
    ours = "objects" if values.rule == "objects" else "classes: the nearest is taken"
    line = (
        f"values that lie only along borders, as resampling leaves them, in the masks of {few(odd)}: they are not "
        f"{ours}; resample masks by the nearest neighbour"
    )
    return [Remark("resampled masks?", count, line)]


def refuse_resampled(dataset: Dataset, facts: Sequence[CaseFacts]) -> None:
    """Refuse numbers that resampling made, as they would be learned as objects, unless the user calls them objects.

    Raises:
        IsthmusError: masks with values that lie along borders alone.
    """
    for remark in _along_borders(dataset, facts):
        raise IsthmusError(
            f"{dataset.name}: {remark.detail}, or say that each value numbers an object (data.value_rule=objects)"
        )


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
        return f"{self.name} ({len(self.cases)}) {self.detail}: {few(self.cases, most)}"


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
            "channels turned",
            tuple(f"{one.id} ({one.channels_turned})" for one in facts if one.channels_turned),
            "whose axes run differently from those of the first channel, and which were turned to match it",
        ),
        Odd(
            "tilted volumes",
            tuple(f"{one.id} ({one.shear:.3g} degrees)" for one in facts if one.shear > TILTED),
            "whose axes are not at right angles (a tilted gantry?), which is kept but not undone",
        ),
        Odd(
            "singular headers",
            tuple(f"{one.id} ({'; '.join(one.mended)})" for one in facts if one.mended),
            "whose affine does not span space, and what was taken instead",
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

    They may where nearly each value is one connected piece, and every mask holds 1, 2, … to its own end, at least 3
    in one, or where the values differ from mask to mask. Names of classes that somebody gave speak against it.
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
    return (
        f"{found} in one piece: taken for {classes} classes; if they number objects, say so with "
        "data.value_rule=objects"
    )


def object_ends(values: ValueMap, held: Sequence[Sequence[int]], numbered: Sequence[bool]) -> set[int]:
    """The last number of each mask, if the masks may number objects; otherwise empty.

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
    """Whether nearly all masks of several values hold each in one piece."""
    several = [flag for flag, one in zip(numbered, held, strict=True) if len(set(one) - {0}) > 1]
    return sum(several) >= NEARLY * len(several)


def _differ(held: Sequence[Sequence[int]]) -> bool:
    """Whether the classes in the masks differ as object numbers do: each mask holds the first ones, to an end of its
    own, or it holds at most half of the many that there are."""
    found = [one for each in held if (one := set(each) - {0})]
    every = set().union(*found)
    if len(every) < SEVERAL or len({frozenset(one) for one in found}) == 1:
        return False
    first = all(max(one) == len(one) for one in found)
    return first or 2 * sum(map(len, found)) <= len(every) * len(found)

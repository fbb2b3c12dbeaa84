"""Oddities that do not prevent training: doubtful masks, tags that turn or invert, volumes that lie unexpectedly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from isthmus.data.cases import Case, Dataset
from isthmus.data.checks.facts import CaseFacts
from isthmus.data.checks.object_numbers import object_numbers
from isthmus.data.masks.borders import FEWEST, border_values, summed
from isthmus.errors import IsthmusError, few
from isthmus.io.geometry import AXES
from isthmus.io.volumes import unit

TURNED = f"all are turned to {AXES}: z to the head, y to the back, x to the patient's left"

TILTED = 0.5
"""Degrees from right angles that rounding in a header does not explain."""

LITTLE = 0.25
"""Share of foreground beside which more than half of an image looks like a mask of the other polarity."""

LISTED = 10
"""Cases that a remark names."""


@dataclass(frozen=True)
class Remark:
    """One oddity.

    Attributes:
        what: its name, in a few words.
        count: the number of cases (or classes) that have it.
        detail: one line that describes it and names the cases.
    """

    what: str
    count: int
    detail: str


def mask_remarks(dataset: Dataset, facts: Sequence[CaseFacts]) -> list[Remark]:
    """Returns all oddities of images and masks that can be read and fit each other."""
    classes = dataset.values.classes if dataset.values is not None else 1
    objects = dataset.values is not None and dataset.values.rule == "objects"
    found = []
    if numbers := object_numbers(dataset, facts):
        found.append(Remark("object numbers?", classes - 1, numbers))
    inverted_images = [one.id for one in facts if one.inverted[0]]
    found += _remarks(
        (
            "orientation tags",
            [f"{one.id} ({one.tags[0]} and {one.tags[1]})" for one in facts if one.tags[0] != one.tags[1]],
            "images and masks were turned by their orientation tags, which differ ({ids}); check that each mask lies "
            "on its image",
        ),
        (
            "inverting tags",
            [one.id for one in facts if one.inverted[1]],
            "masks whose tag (WhiteIsZero, or a palette) shows them inverted: {ids}; their stored values are used, "
            "0 is background",
        ),
        (
            "inverting tags",
            inverted_images if len(inverted_images) < len(facts) else [],
            "images whose tag (WhiteIsZero, or a palette) inverts them, while others have none: {ids}; they are read "
            "as viewers show them",
        ),
        (
            "polarity",
            _other_polarity(facts) if classes == 2 else [],
            "masks that are mostly foreground where the others have little: {ids}; are they inverted?",
        ),
        (
            "no background",
            [
                one.id
                for one in facts
                if objects and all(each.foreground == 1 for each in facts if each.shares)
            ],
            "every pixel of all masks belongs to an object: data.instances=true separates them, and there is nothing "
            "else to learn",
        ),
        (
            "objects in pieces",
            [one.id for one in facts if objects and one.pieces > 1],
            "masks of one value in several pieces where object numbers are expected: {ids}; each piece counts as an "
            "object, and pieces that touch count as one",
        ),
    )
    return found + _resampled(dataset, facts)


def grid_remarks(facts: Sequence[CaseFacts]) -> list[Remark]:
    """Returns oddities of how volumes lie in space and of how their values were read."""
    return _remarks(
        (
            "masks elsewhere",
            [f"{one.id} ({one.elsewhere})" for one in facts if one.elsewhere],
            "according to the headers, masks do not lie where their images are: {ids}",
        ),
        (
            "channels elsewhere",
            [f"{one.id} ({one.channels_elsewhere})" for one in facts if one.channels_elsewhere],
            "according to the headers, channels do not lie where the first one is: {ids}",
        ),
        (
            "channels turned",
            [f"{one.id} ({one.channels_turned})" for one in facts if one.channels_turned],
            "the axes of channels run differently from those of the first one, and were turned to match it: {ids}",
        ),
        (
            "tilted volumes",
            [f"{one.id} ({one.shear:.3g} degrees)" for one in facts if one.shear > TILTED],
            "the axes of volumes are not at right angles (a tilted gantry?), which is kept but not undone: {ids}",
        ),
        (
            "singular headers",
            [f"{one.id} ({'; '.join(one.mended)})" for one in facts if one.mended],
            "headers have an affine that does not span space, and another field was used instead: {ids}",
        ),
        (
            "rounded masks",
            [f"{one.id} ({one.rounded:.1g})" for one in facts if one.rounded],
            "mask values were nearly whole numbers and were rounded, by up to: {ids}",
        ),
    )


def refuse_resampled(dataset: Dataset, facts: Sequence[CaseFacts]) -> None:
    """Refuses mask values that resampling made, which would be learned as objects.

    Raises:
        IsthmusError: masks with values that lie only along borders.
    """
    for remark in _resampled(dataset, facts):
        raise IsthmusError(
            f"{dataset.name}: {remark.detail}, or say that each value numbers an object (data.value_rule=objects)"
        )


def orientations(facts: Iterable[CaseFacts]) -> list[str]:
    """Returns the orientations of the volumes in their files with their counts, the most frequent first."""
    found = Counter(one.orientation for one in facts if one.volume)
    return [f"{name or 'not stated'} ({n})" for name, n in found.most_common()]


def spacings(cases: Iterable[Case]) -> list[str]:
    """Returns the voxel spacings, x first, with the number of cases of each; none for pictures."""
    found = Counter((case.spacing, unit(case.first)) for case in cases if case.spacing is not None)
    return [
        f"{' x '.join(f'{side:g}' for side in sides[::-1])} {name or 'mm'} ({n})"
        for (sides, name), n in found.most_common()
    ]


def _remarks(*rows: tuple[str, Sequence[str], str]) -> list[Remark]:
    """Returns a remark for each row of name, cases and text that has a case."""
    return [
        Remark(what, len(cases), text.format(ids=few(cases, LISTED))) for what, cases, text in rows if cases
    ]


def _other_polarity(facts: Sequence[CaseFacts]) -> list[str]:
    """Returns the masks that are mostly foreground where the others have little.

    These must be the minority, unless no mask lies in between.
    """
    full = [one for one in facts if one.shares and one.foreground > 0.5]
    rest = [one.foreground for one in facts if one.shares and one.foreground <= 0.5]
    minority = 2 * len(full) < len(facts)
    none_between = max(rest, default=1) <= LITTLE and all(one.foreground >= 1 - LITTLE for one in full)
    if not full or not rest or median(rest) > LITTLE or not (minority or none_between):
        return []
    return [one.id for one in full]


def _resampled(dataset: Dataset, facts: Sequence[CaseFacts]) -> list[Remark]:
    """Returns a remark on masks with values that lie only along borders, if there are such masks."""
    values = dataset.values
    if values is None or values.rule == "threshold":
        return []
    per_mask = [(one.id, set(border_values(one.borders)), len(one.borders)) for one in facts]
    thin = set(border_values(summed(one.borders for one in facts)))
    if values.rule == "objects":  # the numbers of one mask mean nothing in another
        cases = [name for name, own, total in per_mask if len(own) >= FEWEST and 5 * len(own) >= total]
        count = len(cases)
    else:
        cases = [name for name, own, _ in per_mask if own & thin]
        count = len(thin) if len(thin) >= FEWEST else 0
    if not count or not cases:
        return []
    noun = "objects" if values.rule == "objects" else "classes, so the nearest class is used"
    return [
        Remark(
            "resampled masks?",
            count,
            f"the masks of {few(cases)} hold values that lie only along borders, as resampling leaves them; these are "
            f"not {noun}: resample masks by nearest neighbour",
        )
    ]

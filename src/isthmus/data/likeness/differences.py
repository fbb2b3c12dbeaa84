"""Finds in what way one image, or one mask, differs from all that a network was trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import permutations
from math import nan, prod
from typing import NamedTuple

from isthmus.data.likeness.appearance import Appearance
from isthmus.data.likeness.familiar import Familiar, image_numbers

OTHER_RANGE = 4.0
"""Numbers of another type have another range if their greatest is this many times higher or lower."""

SAME_STEP = 1.25
"""Pixels are of the same size if theirs is within this factor of the sizes in training."""

MOST_ORDERED = 4
"""With up to this many channels, all orders of the channels are tried."""


class Difference(NamedTuple):
    """One way in which an image or a mask differs.

    Attributes:
        kind: what differs, as "dimmer"; differences of one kind in several images are reported as one.
        name, value: the number that lies outside, of those in `Familiar.spreads`; "" if it is something else.
        detail: what the kind alone does not say.
    """

    kind: str
    name: str = ""
    value: float = 0.0
    detail: str = ""


def image_differences(
    known: Familiar, image: Appearance, spacing: Sequence[float] | None, resized: bool = False
) -> list[Difference]:
    """Returns how an image differs: in its tones or else in its detail, and in the size of its pixels if that is known.

    Args:
        known: the training images.
        image: what the image is like.
        spacing: size of a pixel along each axis, in the unit of the training images; None if unknown.
        resized: whether the network sees images resized, so that only images of like sizes are compared in detail.
    """
    numbers = image_numbers(image, known.scale)
    tones = _tones(known, image, numbers)
    if known.spacing is None or spacing is None or len(spacing) != len(known.spacing[0]):
        detail = None if tones else _detail(known, image, numbers, resized)
        return [found for found in (tones, detail) if found]
    return [found for found in (tones, _spacing(known.spacing, known.unit, spacing)) if found]


def mask_difference(known: Familiar, numbers: Mapping[str, float]) -> Difference | None:
    """Returns how a mask differs, given its numbers (`familiar.mask_numbers`)."""
    return _beyond(known, numbers, ("foreground",), ("less", "more")) or _beyond(
        known, numbers, ("thickness",), ("smaller", "larger")
    )


def _tones(known: Familiar, image: Appearance, numbers: Mapping[str, float]) -> Difference | None:
    """Returns the first difference in the levels and channels of an image; later ones would follow from it."""
    reach, usual = (max(abs(each.low), abs(each.high)) for each in (image, known))
    if image.dtype not in known.types and not usual / OTHER_RANGE <= reach <= usual * OTHER_RANGE:
        types = ", ".join(sorted(known.types))
        detail = f"have numbers up to {reach:g} ({image.dtype}) where training had up to {usual:g} ({types})"
        return Difference("range", value=reach, detail=detail)
    if image.colour and not known.colour and known.channels in (1, 3):
        return Difference("colour")
    if known.colour == known.images and image.shape[0] in (1, 3) and not image.colour:
        return Difference("grey")
    balance = numbers["balance"]
    if known.side("balance", balance) and not known.side("balance", -balance):
        return Difference("inverted", "balance", balance)
    return (
        _beyond(known, numbers, ("mean",), ("dimmer", "brighter"))
        or _beyond(known, numbers, ("contrast",), ("flatter", "starker"))
        or _beyond(known, numbers, ("highlights",), ("dimmer", "brighter"))
        or _channels(known, numbers)
    )


def _spacing(
    known: tuple[Sequence[float], Sequence[float]], unit: str, spacing: Sequence[float]
) -> Difference | None:
    """Returns how the size of a pixel along each axis differs from the least and the greatest in training."""
    if _within(spacing, *known):
        return None
    usual = " to ".join(dict.fromkeys(map(_steps, known)))
    noun = "voxels" if len(spacing) == 3 else "pixels"
    detail = f"have {noun} of {_steps(spacing)} {unit} where training had {usual} {unit}"
    return Difference("spacing", value=prod(spacing), detail=detail)


def _detail(
    known: Familiar, image: Appearance, numbers: Mapping[str, float], resized: bool
) -> Difference | None:
    """Returns how the differences between neighbouring pixels differ, as they do at another scale."""
    if resized and not _within(image.shape[1:], known.smallest, known.largest):
        return None
    names = [name for name in numbers if name.startswith("grain")]
    return _beyond(known, numbers, names, ("finer", "coarser"))


def _beyond(
    known: Familiar, numbers: Mapping[str, float], names: Sequence[str], kinds: tuple[str, str]
) -> Difference | None:
    """Returns the first of these numbers that lies outside, with the kind for below or that for above."""
    for name in names:
        value = numbers.get(name, nan)
        side = known.side(name, value)
        if side:
            return Difference(kinds[side > 0], name, value)
    return None


def _channels(known: Familiar, numbers: Mapping[str, float]) -> Difference | None:
    """Returns whether the proportions of channels differ, and whether another order of the channels would fit."""
    names = [name for name in numbers if name.startswith("channel")]
    tinted = _beyond(known, numbers, names, ("tinted", "tinted"))
    levels = [0.0, *(numbers[name] for name in names)]  # of each channel, compared with the first
    if tinted is None or len(levels) > MOST_ORDERED:
        return tinted
    for first, *others in permutations(levels):
        if not any(known.side(name, level - first) for name, level in zip(names, others, strict=True)):
            return tinted._replace(kind="exchanged")
    return tinted


def _within(steps: Sequence[float], least: Sequence[float], most: Sequence[float]) -> bool:
    return all(
        low / SAME_STEP <= step <= high * SAME_STEP
        for step, low, high in zip(steps, least, most, strict=False)
    )


def _steps(spacing: Sequence[float]) -> str:
    """Returns the size of a pixel as people write it, the width first.

    >>> _steps((1.0, 1.0)), _steps((5.0, 1.0, 1.0))
    ('1', '1 x 1 x 5')
    """
    written = [f"{step:.3g}" for step in reversed(spacing)]
    return written[0] if len(set(written)) == 1 else " x ".join(written)

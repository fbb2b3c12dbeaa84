"""In what way one image, or one mask, is unlike all that a network was trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import permutations
from math import nan, prod
from typing import NamedTuple

from isthmus.data.likeness.appearance import Appearance
from isthmus.data.likeness.familiar import Familiar, numbers

OTHER_RANGE = 4.0
"""Numbers of another type that reach so many times higher, or less high, are of another range."""

SAME_STEP = 1.25
"""Up to this factor beyond those of training, pixels are of one size."""

MOST_ORDERED = 4
"""Orders of so many channels are tried."""


class Remark(NamedTuple):
    """One way in which an image or a mask differs.

    Attributes:
        kind: by which remarks on several images are one.
        name, value: the number that lies outside, of those in `Familiar.spreads`; "" where it is something else.
        detail: what the kind alone does not say.
    """

    kind: str
    name: str = ""
    value: float = 0.0
    detail: str = ""


def of_image(
    known: Familiar, look: Appearance, spacing: Sequence[float] | None, resized: bool = False
) -> list[Remark]:
    """What differs in an image: its tones, or else its detail; and the size of its pixels, where that is known.

    Args:
        resized: whether the network sees images resized, so that detail is compared between like sizes alone.
    """
    found = numbers(look, known.scale)
    tones = of_tones(known, look, found)
    if known.spacing is None or spacing is None or len(spacing) != len(known.spacing[0]):
        detail = None if tones else of_detail(known, look, found, resized)
        return [remark for remark in (tones, detail) if remark]
    return [remark for remark in (tones, of_spacing(known.spacing, known.unit, spacing)) if remark]


def of_tones(known: Familiar, look: Appearance, found: Mapping[str, float]) -> Remark | None:
    """The first thing that differs in levels and channels of an image; what would come later follows from it.

    Args:
        look: what the image is like, and `found` its numbers (`familiar.numbers`).
    """
    reach, usual = (max(abs(each.low), abs(each.high)) for each in (look, known))
    if look.dtype not in known.types and not usual / OTHER_RANGE <= reach <= usual * OTHER_RANGE:
        types = ", ".join(sorted(known.types))
        detail = f"have numbers up to {reach:g} ({look.dtype}) where training had up to {usual:g} ({types})"
        return Remark("range", value=reach, detail=detail)
    if look.colour and not known.colour and known.channels in (1, 3):
        return Remark("colour")
    if known.colour == known.images and look.shape[0] in (1, 3) and not look.colour:
        return Remark("grey")
    balance = found["balance"]
    if known.side("balance", balance) and not known.side("balance", -balance):
        return Remark("inverted", "balance", balance)
    return (
        _beyond(known, found, ("mean",), ("dimmer", "brighter"))
        or _beyond(known, found, ("contrast",), ("flatter", "starker"))
        or _beyond(known, found, ("highlights",), ("dimmer", "brighter"))
        or _of_channels(known, found)
    )


def of_spacing(
    known: tuple[Sequence[float], Sequence[float]], unit: str, spacing: Sequence[float]
) -> Remark | None:
    """How the size of a pixel along each axis differs from the least and the greatest of training."""
    if _within(spacing, *known):
        return None
    usual = " to ".join(dict.fromkeys(map(_steps, known)))
    noun = "voxels" if len(spacing) == 3 else "pixels"
    detail = f"have {noun} of {_steps(spacing)} {unit} where training had {usual} {unit}"
    return Remark("spacing", value=prod(spacing), detail=detail)


def of_detail(
    known: Familiar, look: Appearance, found: Mapping[str, float], resized: bool = False
) -> Remark | None:
    """How differences between neighbours differ, as they do at another scale."""
    if resized and not _within(look.shape[1:], known.smallest, known.largest):
        return None
    return _beyond(known, found, [name for name in found if name.startswith("grain")], ("finer", "coarser"))


def of_mask(known: Familiar, found: Mapping[str, float]) -> Remark | None:
    """How a mask differs, by its numbers (`familiar.mask_numbers`)."""
    return _beyond(known, found, ("foreground",), ("less", "more")) or _beyond(
        known, found, ("thickness",), ("smaller", "larger")
    )


def _beyond(
    known: Familiar, found: Mapping[str, float], names: Sequence[str], ways: tuple[str, str]
) -> Remark | None:
    """The first of these numbers that lies outside, below or above."""
    for name in names:
        value = found.get(name, nan)
        side = known.side(name, value)
        if side:
            return Remark(ways[side > 0], name, value)
    return None


def _of_channels(known: Familiar, found: Mapping[str, float]) -> Remark | None:
    """Channels whose proportions differ, or would not in another order."""
    names = [name for name in found if name.startswith("channel")]
    tinted = _beyond(known, found, names, ("tinted", "tinted"))
    levels = [0.0, *(found[name] for name in names)]  # of each channel, compared with the first
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
    """Sizes of a pixel as people write them, across first.

    >>> _steps((1.0, 1.0)), _steps((5.0, 1.0, 1.0))
    ('1', '1 x 1 x 5')
    """
    written = [f"{step:.3g}" for step in reversed(spacing)]
    return written[0] if len(set(written)) == 1 else " x ".join(written)

"""Describes all images and masks of a training together, and how far others may differ from them.

A number of a new image lies outside if it exceeds those of all training images by a quarter of their range, and also
leaves the interval in which another image of their kind is expected (Student's t, one in a thousand outside). The
degrees of freedom are those of the patients, not of their images.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from math import asinh, inf, isfinite, log, log2, nan, sqrt
from typing import Any

import numpy as np
from scipy.special import stdtrit

from isthmus.data.likeness.appearance import Appearance

OUTSIDE = 0.001
"""Share of images of the same kind as the training images that lie outside, if a number is normally distributed."""

MARGIN = 0.25
"""How far beyond the range of the training images a number must lie, as a share of that range."""

TOLERANCES = {
    "mean": (0.2, 4.0),
    "highlights": (0.2, 4.0),
    "contrast": (0.2, 4.0),
    "balance": (0.1, 1.0),
    "channel": (0.1, 2.0),
    "grain": (0.05, 0.8),
    "foreground": (1.5, 9.0),
    "thickness": (0.5, 3.0),
}
"""For each kind of number, the least distance from all training images that counts, and one that always counts."""

MANY = 10**6
"""More patients than this change nothing."""

RARE = 1e-4
"""Shares of foreground below this count as no foreground."""


@dataclass(frozen=True)
class Spread:
    """How one number is distributed over the training images.

    Attributes:
        count: number of the images that have this number.
        low, high, mean, deviation: extremes, mean and standard deviation of the number.
    """

    count: int
    low: float
    high: float
    mean: float
    deviation: float

    @classmethod
    def of(cls, values: Collection[float]) -> Spread | None:
        """Returns the spread of finite values; None if there are none."""
        found = np.array([value for value in values if isfinite(value)])
        if not found.size:
            return None
        deviation = float(found.std(ddof=1)) if found.size > 1 else 0.0
        return cls(found.size, float(found.min()), float(found.max()), float(found.mean()), deviation)

    def limits(self, groups: int, tolerance: tuple[float, float]) -> tuple[float, float]:
        """Returns the range in which a new image counts as familiar.

        Args:
            groups: how many patients the training images come from.
            tolerance: see `TOLERANCES`.
        """
        known = min(groups, self.count, MANY)
        reach = inf
        if known > 2:
            reach = float(stdtrit(known - 1, 1 - OUTSIDE / 2)) * sqrt(1 + 1 / known) * self.deviation
        least, far = tolerance
        width = MARGIN * (self.high - self.low)
        below, above = (
            min(least + max(width, reach - inside), max(far, width))
            for inside in (self.mean - self.low, self.high - self.mean)
        )
        return self.low - below, self.high + above


@dataclass(frozen=True)
class Familiar:
    """What training images were like.

    Attributes:
        images, groups: how many images there were, and from how many patients or slides.
        types: number types, with how many images have each.
        colour: how many are in colour.
        low, high: least and greatest number in any.
        scale: the unit in which levels are compared: a hundredth of the brightest 99th percentile.
        smallest, largest: number of pixels along each axis.
        spacing: least and greatest size of a pixel along each axis, in `unit`; None if unknown.
        middle: median size of a pixel along each axis, in `unit`; None if unknown.
        levels: the least, the median and the greatest of the 1st, 50th and 99th percentile of each channel.
        spreads: spreads of everything that is compared, by name (`image_numbers`).
    """

    images: int
    groups: int
    types: Mapping[str, int]
    channels: int
    colour: int
    low: float
    high: float
    scale: float
    smallest: tuple[int, ...]
    largest: tuple[int, ...]
    spacing: tuple[tuple[float, ...], tuple[float, ...]] | None
    unit: str
    levels: Sequence[Sequence[Sequence[float]]]
    spreads: Mapping[str, Spread]
    middle: tuple[float, ...] | None = None

    @classmethod
    def of(
        cls,
        images: Sequence[Appearance],
        *,
        groups: int,
        spacings: Collection[Sequence[float]] = (),
        unit: str = "mm",
        shares: Collection[float] = (),
        thicknesses: Collection[float] = (),
    ) -> Familiar | None:
        """Returns what the images of a training are like; None if there are no images.

        Args:
            images: what each is like; those with another number of axes than the first are left out.
            groups: number of patients or slides.
            spacings: sizes of a pixel along each axis, in `unit`.
            unit: unit of the spacings.
            shares: share of foreground in each mask.
            thicknesses: mean thickness of the foreground in each mask, in pixels.
        """
        channels = max((image.shape[0] for image in images), default=0)
        images = [image for image in images if len(image.shape) == len(images[0].shape)]
        if not images:
            return None
        scale = max(abs(level[2]) for image in images for level in image.levels) / 100 or 1.0
        rows = [image_numbers(image, scale) for image in images]
        masks = {
            "foreground": [_share(share) for share in shares],
            "thickness": [_length(length) for length in thicknesses if length],
        }
        columns = {name: [row.get(name, nan) for row in rows] for row in rows for name in row} | masks
        spreads = {name: spread for name, values in columns.items() if (spread := Spread.of(values))}
        wide = np.array([image.levels for image in images if len(image.levels) == channels])
        sizes = [image.shape[1:] for image in images]
        steps = np.array([step for step in spacings if len(step) == len(sizes[0])])
        return cls(
            images=len(images),
            groups=groups,
            types=dict(Counter(image.dtype for image in images)),
            channels=channels,
            colour=sum(image.colour for image in images),
            low=min(image.low for image in images),
            high=max(image.high for image in images),
            scale=scale,
            smallest=tuple(map(min, zip(*sizes, strict=True))),
            largest=tuple(map(max, zip(*sizes, strict=True))),
            spacing=(tuple(steps.min(axis=0).tolist()), tuple(steps.max(axis=0).tolist()))
            if steps.size
            else None,
            unit=unit if steps.size else "",
            levels=np.stack([wide.min(axis=0), np.median(wide, axis=0), wide.max(axis=0)], -1).tolist(),
            spreads=spreads,
            middle=tuple(np.median(steps, axis=0).tolist()) if steps.size else None,
        )

    def __post_init__(self) -> None:
        if not (isfinite(self.scale) and self.scale > 0):
            raise ValueError("scale must be a positive number")

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values for JSON, rounded to six digits."""
        shortened: dict[str, Any] = _shortened(asdict(self))
        return shortened

    def union(self, other: Familiar) -> Familiar:
        """Returns the union with another: only what is unfamiliar to both is unfamiliar to it."""
        spreads = {
            name: _wider(ours, other.spreads[name])
            for name, ours in self.spreads.items()
            if name in other.spreads
        }
        spacing = None
        if self.spacing and other.spacing:
            spacing = (
                _each(min, self.spacing[0], other.spacing[0]),
                _each(max, self.spacing[1], other.spacing[1]),
            )
        return replace(
            self,
            images=max(self.images, other.images),
            types={**other.types, **self.types},
            colour=max(self.colour, other.colour),
            low=min(self.low, other.low),
            high=max(self.high, other.high),
            smallest=_each(min, self.smallest, other.smallest),
            largest=_each(max, self.largest, other.largest),
            spacing=spacing,
            spreads=spreads,
        )

    @cached_property
    def limits(self) -> dict[str, tuple[float, float]]:
        """The range in which each number of a new image counts as familiar, by name."""
        return {
            name: spread.limits(self.groups, TOLERANCES.get(name.split()[0], (inf, inf)))
            for name, spread in self.spreads.items()
        }

    def side(self, name: str, value: float) -> int:
        """Returns -1 for a number below its limits, 1 for one above, and 0 within them or if they are unknown."""
        if name not in self.limits or not isfinite(value):
            return 0
        low, high = self.limits[name]
        return int(value > high) - int(value < low)


def image_numbers(image: Appearance, scale: float) -> dict[str, float]:
    """Returns the numbers by which an image is compared, by name.

    Levels are on a scale that is linear below `scale` and logarithmic (log2) above. `balance` is -1 where most pixels
    are bright, 0 where the median lies in the middle, and 1 where most are dark.
    """
    dark, middle, bright = (sum(level) / len(image.levels) for level in zip(*image.levels, strict=True))
    means = [_level(mean, scale) for mean in image.means]
    found = {
        "mean": _level(sum(image.means) / len(image.means), scale),
        "highlights": _level(bright, scale),
        "contrast": log2((bright - dark) / scale + 1),
        "balance": (bright + dark - 2 * middle) / (bright - dark) if bright > dark else nan,
    }
    if image.colour or len(means) not in (1, 3):
        found |= {f"channel {index}": mean - means[0] for index, mean in enumerate(means[1:8], start=2)}
    return found | {f"grain {2**index}": ratio for index, ratio in enumerate(image.grain)}


def mask_numbers(share: float, thickness: float) -> dict[str, float]:
    """Returns the numbers by which a mask is compared, by name.

    Args:
        share: share of its pixels that are foreground (0..1).
        thickness: of the foreground in pixels; 0 if there is none.
    """
    return {"foreground": _share(share)} | ({"thickness": _length(thickness)} if thickness else {})


def readable(name: str, number: float, scale: float) -> float:
    """Returns one of the numbers compared in a unit that people know: a grey level, a ratio, a share, or pixels."""
    kind = name.split()[0]
    with np.errstate(over="ignore"):
        if kind in ("mean", "highlights"):
            return float(np.sinh(number * log(2)) * scale)
        power = float(np.exp2(number))
    if kind == "contrast":
        return (power - 1) * scale
    if kind == "foreground":
        return max(0.0, (power * (1 + RARE) - RARE) / (1 + power))
    if kind == "grain":
        return 1 / power
    return {"balance": number, "thickness": power - 0.5}.get(kind, power)


def _shortened(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _shortened(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_shortened(one) for one in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def _level(value: float, scale: float) -> float:
    return asinh(value / scale) / log(2)


def _share(share: float) -> float:
    return log2((share + RARE) / (1 - share + RARE))


def _length(pixels: float) -> float:
    return log2(pixels + 0.5)


def _each(choose: Callable[[Any, Any], Any], ours: Sequence[Any], theirs: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(choose(one, other) for one, other in zip(ours, theirs, strict=True))


def _wider(one: Spread, other: Spread) -> Spread:
    return Spread(
        min(one.count, other.count),
        min(one.low, other.low),
        max(one.high, other.high),
        (one.mean + other.mean) / 2,
        max(one.deviation, other.deviation),
    )

"""Describes all images and masks of a training together, and how far others may differ from them.

A number of a new image lies outside if it exceeds all training images by a quarter of their range and also leaves the
interval in which another image of their kind is expected (Student's t, one in a thousand outside). The number of
patients counts, not that of their images.
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
"""Share of images of the training's kind that a normally distributed number puts outside."""

MARGIN = 0.25
"""The part of the training images' range by which a number must exceed it to lie outside."""

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
"""For each kind of number, the least distance from all training images that counts, and the one that always counts."""

MANY = 10**6
"""More patients than this make no difference."""

RARE = 1e-4
"""Shares of foreground below this count as none."""


@dataclass(frozen=True)
class Spread:
    """How one number is spread over the training images."""

    count: int
    low: float
    high: float
    mean: float
    deviation: float

    @classmethod
    def of(cls, values: Collection[float]) -> Spread | None:
        """None where no value is a number."""
        found = np.array([value for value in values if isfinite(value)])
        if not found.size:
            return None
        deviation = float(found.std(ddof=1)) if found.size > 1 else 0.0
        return cls(found.size, float(found.min()), float(found.max()), float(found.mean()), deviation)

    def limits(self, groups: int, tolerance: tuple[float, float]) -> tuple[float, float]:
        """The range in which a new image is like these, which come from this many patients."""
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
        images, groups: how many there were, and of how many patients or slides.
        types: number types, with how many images have each.
        colour: how many are of colour.
        low, high: least and greatest number in any.
        scale: in which levels are compared: a hundredth of the brightest 99th percentile.
        smallest, largest: number of pixels along each axis.
        spacing: least and greatest size of a pixel along each axis, where it is known; `unit` of it.
        levels: of each channel the least, the median and the greatest of 1st, 50th and 99th percentile.
        spreads: of everything that is compared, by name (`numbers`).
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

    @classmethod
    def of(
        cls,
        looks: Sequence[Appearance],
        *,
        groups: int,
        spacings: Collection[Sequence[float]] = (),
        unit: str = "mm",
        shares: Collection[float] = (),
        thicknesses: Collection[float] = (),
    ) -> Familiar | None:
        """Of the images of a training, and the masks' shares and thicknesses of foreground; None without an image."""
        channels = max((look.shape[0] for look in looks), default=0)
        looks = [look for look in looks if len(look.shape) == len(looks[0].shape)]
        if not looks:
            return None
        scale = max(abs(level[2]) for look in looks for level in look.levels) / 100 or 1.0
        rows = [numbers(look, scale) for look in looks]
        masks = {
            "foreground": [_share(share) for share in shares],
            "thickness": [_length(length) for length in thicknesses if length],
        }
        columns = {name: [row.get(name, nan) for row in rows] for row in rows for name in row} | masks
        spreads = {name: spread for name, values in columns.items() if (spread := Spread.of(values))}
        wide = np.array([look.levels for look in looks if len(look.levels) == channels])
        sizes = [look.shape[1:] for look in looks]
        steps = np.array([step for step in spacings if len(step) == len(sizes[0])])
        return cls(
            images=len(looks),
            groups=groups,
            types=dict(Counter(look.dtype for look in looks)),
            channels=channels,
            colour=sum(look.colour for look in looks),
            low=min(look.low for look in looks),
            high=max(look.high for look in looks),
            scale=scale,
            smallest=tuple(map(min, zip(*sizes, strict=True))),
            largest=tuple(map(max, zip(*sizes, strict=True))),
            spacing=(tuple(steps.min(axis=0).tolist()), tuple(steps.max(axis=0).tolist()))
            if steps.size
            else None,
            unit=unit if steps.size else "",
            levels=np.stack([wide.min(axis=0), np.median(wide, axis=0), wide.max(axis=0)], -1).tolist(),
            spreads=spreads,
        )

    def __post_init__(self) -> None:
        if not (isfinite(self.scale) and self.scale > 0):
            raise ValueError("a scale that is no positive number")

    def to_dict(self) -> dict[str, Any]:
        """For JSON, to six digits."""
        shortened: dict[str, Any] = _shortened(asdict(self))
        return shortened

    def together(self, other: Familiar) -> Familiar:
        """The union of both: only what is unfamiliar to both stays unfamiliar."""
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
        """The range in which each number of a new image is like those of training, by name."""
        return {
            name: spread.limits(self.groups, TOLERANCES.get(name.split()[0], (inf, inf)))
            for name, spread in self.spreads.items()
        }

    def side(self, name: str, value: float) -> int:
        """-1 for a number below the training's limits, 1 above, 0 within them or where they are unknown."""
        if name not in self.limits or not isfinite(value):
            return 0
        low, high = self.limits[name]
        return int(value > high) - int(value < low)


def numbers(look: Appearance, scale: float) -> dict[str, float]:
    """What is compared of one image, by name; levels are on a scale that is linear below `scale` and log2 above.

    `balance` is -1 where most pixels are bright, 0 where the median lies in the middle and 1 where most are dark.
    """
    dark, middle, bright = (sum(level) / len(look.levels) for level in zip(*look.levels, strict=True))
    means = [_level(mean, scale) for mean in look.means]
    found = {
        "mean": _level(sum(look.means) / len(look.means), scale),
        "highlights": _level(bright, scale),
        "contrast": log2((bright - dark) / scale + 1),
        "balance": (bright + dark - 2 * middle) / (bright - dark) if bright > dark else nan,
    }
    if look.colour or len(means) not in (1, 3):
        found |= {f"channel {index}": mean - means[0] for index, mean in enumerate(means[1:8], start=2)}
    return found | {f"grain {2**index}": ratio for index, ratio in enumerate(look.grain)}


def mask_numbers(share: float, thickness: float) -> dict[str, float]:
    """What is compared of one mask: the share of its pixels that are foreground, and `thickness` in pixels."""
    return {"foreground": _share(share)} | ({"thickness": _length(thickness)} if thickness else {})


def plain(name: str, number: float, scale: float) -> float:
    """One of the `numbers` in the terms of the image: a grey level, a ratio, a share, or pixels."""
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

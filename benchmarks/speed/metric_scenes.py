"""Masks that surfaces and objects are measured on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Scene:
    """Predictions and truths of some cases, with classes from 1 on."""

    name: str
    predictions: list[np.ndarray]
    truths: list[np.ndarray]
    classes: int = 1


def ball(shape: tuple[int, ...], centre: Any, radii: Any) -> np.ndarray:
    """Returns an ellipsoid in an image of this shape."""
    axes = np.ogrid[tuple(slice(0, n) for n in shape)]
    return np.asarray(sum(((x - c) / r) ** 2 for x, c, r in zip(axes, centre, radii, strict=True)) <= 1)


def organs(shape: tuple[int, ...], classes: int, shift: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns ellipsoids as the truth, and the same ones moved and stretched as the prediction."""
    rng = np.random.default_rng(seed)
    prediction, truth = np.zeros((2, *shape), np.uint8)
    for label in range(1, classes + 1):
        centre = rng.uniform(0.25, 0.75, len(shape)) * shape
        radii = rng.uniform(0.08, 0.22, len(shape)) * min(shape)
        truth[ball(shape, centre, radii)] = label
        moved = centre + rng.normal(0, shift, len(shape))
        prediction[ball(shape, moved, radii * rng.uniform(0.9, 1.1, len(shape)))] = label
    return prediction, truth


def several(name: str, shape: tuple[int, ...], classes: int, cases: int, shift: float) -> Scene:
    """Returns organs in several cases."""
    pairs = [organs(shape, classes, shift, seed) for seed in range(cases)]
    return Scene(name, [p for p, _ in pairs], [t for _, t in pairs], classes)


def scenes(toy: bool) -> Iterator[Scene]:
    """Yields organs by size and number, and extremes: far apart, tiny, noise."""
    flat, side, large = (32, 24, 32) if toy else (256, 128, 256)
    cases = 2 if toy else 16
    for classes, word in ((1, "class"), (5, "classes")):
        yield several(
            f"{cases} masks of {flat} x {flat}, {classes} {word}", (flat, flat), classes, cases, 2.0
        )
    yield several(f"{side}^3, 5 classes", (side,) * 3, 5, 1, 2.0)
    yield several(f"{large}^3, 5 classes", (large,) * 3, 5, 1, 4.0)
    shape, rng = (side,) * 3, np.random.default_rng(0)

    def middle(share: float, radius: float) -> np.ndarray:
        return ball(shape, (side * share,) * 3, (radius,) * 3)

    small = ball(shape, (side // 8,) * 3, (2, 2, 2))
    for name, prediction, truth in (
        ("far apart", middle(0.2, side / 6), middle(0.8, side / 6)),
        ("tiny objects", small, np.roll(small, 1, axis=(0, 1))),
        ("tiny objects far apart", small, ball(shape, (side - 5,) * 3, (2, 2, 2))),
        ("tiny object and large one", small, middle(0.5, side / 2.5)),
        ("noise", rng.random(shape) < 0.5, rng.random(shape) < 0.5),
        ("sparse noise", rng.random(shape) < 0.01, rng.random(shape) < 0.01),
    ):
        yield Scene(f"{side}^3, {name}", [prediction.astype(np.uint8)], [truth.astype(np.uint8)])


def nuclei(n: int, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns masks of `n` ellipses on a jittered grid; a tenth of the predicted ones lie anywhere."""
    rng = np.random.default_rng(0)
    across = int(np.ceil(np.sqrt(n)))
    step = side / across
    prediction, truth = np.zeros((2, side, side), np.int32)
    for number in range(1, n + 1):
        grid = np.array([(number - 1) // across, (number - 1) % across])
        centre, radii = (grid + 0.5 + rng.uniform(-0.2, 0.2, 2)) * step, rng.uniform(0.2, 0.5, 2) * step
        moved = rng.uniform(0, side, 2) if number % 10 == 0 else centre + rng.normal(0, 0.06 * step, 2)
        for image, middle, size in (
            (truth, centre, radii),
            (prediction, moved, radii * rng.uniform(0.8, 1.2, 2)),
        ):
            low = np.maximum(0, (middle - size).astype(int))
            high = np.minimum(side, (middle + size).astype(int) + 2)
            box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
            image[box][ball(tuple(high - low), middle - low, size)] = number
    return prediction, truth

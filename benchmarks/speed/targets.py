"""Targets of the objectives, of a mask of 256 x 256 and of a volume of 128 x 128 x 128.

Three adjacent organs (a sphere cut in three, classes 1 to 3), 40 touching nuclei as instances. Processor time of one
call on one thread. Beside them what one would write with scikit-image and scipy: `canny(mask, sigma=1)` of every class
and slice, `gaussian_filter`; left out where scikit-image is not installed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial

import cv2
import numpy as np
from scipy import ndimage

from benchmarks.frame.benchmark import ONE_THREAD, Benchmark, Row, Settings
from benchmarks.frame.markdown import compared, milliseconds
from isthmus.objectives import (
    border_map,
    contour_map,
    difficulty_map,
    distance_map,
    interior_map,
    proximity_map,
)

CLASSES = (1, 2, 3)
SIZES, TOY = ((256, 256), (128, 128, 128)), ((64, 64), (16, 16, 16))

Make = Callable[[np.ndarray], np.ndarray]


def organs(shape: tuple[int, ...]) -> np.ndarray:
    """Returns a ball of 0.6 of the image in three thirds along the last axis."""
    axes = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    thirds = np.clip(np.floor((axes[-1] + 0.6) / 0.4) + 1, 1, 3)
    return np.where(sum(axis**2 for axis in axes) < 0.36, thirds, 0).astype(np.uint8)


def nuclei(shape: tuple[int, ...], count: int = 40) -> np.ndarray:
    """Returns balls at random places, numbered, the later over the earlier."""
    random = np.random.default_rng(0)
    axes = np.indices(shape, dtype=np.float32)
    label = np.zeros(shape, np.int32)
    for number in range(1, count + 1):
        middle, radius = random.uniform(0, shape), random.uniform(0.04, 0.08) * shape[-1]
        label[sum((axis - m) ** 2 for axis, m in zip(axes, middle, strict=True)) < radius**2] = number
    return label


TARGETS: dict[str, tuple[Callable[[tuple[int, ...]], np.ndarray], Make]] = {
    "contour": (organs, contour_map),
    "difficulty": (organs, difficulty_map),
    "difficulty, sum": (organs, partial(difficulty_map, normalise="sum")),
    "difficulty of instances": (nuclei, partial(difficulty_map, objects=True)),
    "contour of instances": (nuclei, contour_map),
    "border of instances": (nuclei, border_map),
    "interior of instances": (nuclei, interior_map),
    "distance": (organs, distance_map),
    "proximity": (organs, proximity_map),
}


def edges(mask: np.ndarray) -> np.ndarray:
    """Returns Canny's edges of every slice."""
    from skimage.feature import canny

    planes = mask[None] if mask.ndim == 2 else mask
    return np.stack([canny(plane, sigma=1) for plane in planes]).reshape(mask.shape)


def peer_contour(label: np.ndarray) -> np.ndarray:
    """Returns the contour map with scikit-image and scipy."""
    union = np.any([edges(label == k) for k in CLASSES], axis=0)
    blurred = ndimage.gaussian_filter(union.astype(np.float32), 2)
    return np.asarray(blurred / blurred.max())


def peer_difficulty(label: np.ndarray) -> np.ndarray:
    """Returns the difficulty map with scikit-image and scipy."""
    each = [ndimage.gaussian_filter(edges(label == k).astype(np.float32), 8) for k in CLASSES]
    return np.asarray(1 + 25 * sum(blurred / blurred.max() for blurred in each))


PEERS: dict[str, Make] = {"contour": peer_contour, "difficulty": peer_difficulty}


def rows(settings: Settings) -> Iterator[Row]:
    """Yields every target at both sizes."""
    cv2.setNumThreads(1)
    for name, (draw, make) in TARGETS.items():
        contenders = {}
        for shape in TOY if settings.toy else SIZES:
            title = " x ".join(map(str, shape))
            contenders[title] = lambda shape=shape, make=make, draw=draw: partial(make, draw(shape))
            if name in PEERS:
                peer = PEERS[name]
                contenders[f"{title}, scikit-image"] = lambda s=shape, peer=peer, draw=draw: partial(
                    peer, draw(s)
                )
        yield Row(name, contenders, rounds=1 if settings.toy else 51, limit=10, clock=time.process_time)


BENCHMARK = Benchmark(
    rows,
    {"table": compared("target", milliseconds)},
    packages=("numpy", "scipy", "opencv-python-headless", "scikit-image"),
    environment=ONE_THREAD,
)

"""Targets of the objectives, per mask of 256 x 256 and per volume of 128 x 128 x 128.

    python -m benchmarks.targets          measures and writes benchmarks/results/targets.json
    python -m benchmarks.targets --toy    small masks, one round; prints, writes nothing
    python -m benchmarks.targets --page   writes the table of the results into docs/objectives.md

Three adjacent organs (a sphere cut in three, classes 1 to 3), 40 touching nuclei as instances. CPU time of one call,
one thread, the median of the rounds. Beside them what one would write with scikit-image and scipy: `canny(mask,
sigma=1)` of every class and slice, `gaussian_filter`; left out where scikit-image is not installed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from scipy import ndimage

from benchmarks.between import write_between
from benchmarks.frame.machine import describe
from isthmus.objectives import (
    border_map,
    contour_map,
    difficulty_map,
    distance_map,
    interior_map,
    proximity_map,
)

RESULTS = Path(__file__).parent / "results" / "targets.json"
PAGE = Path(__file__).parents[1] / "docs" / "objectives.md"
PACKAGES = ("numpy", "scipy", "opencv-python-headless", "scikit-image")
CLASSES = (1, 2, 3)

Make = Callable[[np.ndarray], np.ndarray]


def organs(shape: tuple[int, ...]) -> np.ndarray:
    """A ball of 0.6 of the image in three thirds along the last axis."""
    axes = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    thirds = np.clip(np.floor((axes[-1] + 0.6) / 0.4) + 1, 1, 3)
    return np.where(sum(axis**2 for axis in axes) < 0.36, thirds, 0).astype(np.uint8)


def nuclei(shape: tuple[int, ...], count: int = 40) -> np.ndarray:
    """Balls at random places, numbered, the later over the earlier."""
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


def peers() -> dict[str, Make]:
    """The same with scikit-image and scipy, where that is installed."""
    try:
        from skimage.feature import canny
    except ImportError:
        print("scikit-image is not installed, left out")
        return {}

    def edge(mask: np.ndarray) -> np.ndarray:
        planes = mask[None] if mask.ndim == 2 else mask
        return np.stack([canny(plane, sigma=1) for plane in planes]).reshape(mask.shape)

    def contour(label: np.ndarray) -> np.ndarray:
        union = np.any([edge(label == k) for k in CLASSES], axis=0)
        blurred = ndimage.gaussian_filter(union.astype(np.float32), 2)
        return blurred / blurred.max()

    def difficulty(label: np.ndarray) -> np.ndarray:
        each = [ndimage.gaussian_filter(edge(label == k).astype(np.float32), 8) for k in CLASSES]
        return 1 + 25 * sum(blurred / blurred.max() for blurred in each)

    return {"contour": contour, "difficulty": difficulty}


def measure(make: Make, label: np.ndarray, rounds: int) -> float:
    """Milliseconds of CPU time, after one call to warm up."""
    make(label)
    times = []
    for _ in range(rounds):
        start = time.process_time()
        make(label)
        times.append(time.process_time() - start)
    return round(1e3 * statistics.median(times), 3)


def run(toy: bool) -> dict[str, Any]:
    """All targets at both sizes."""
    cv2.setNumThreads(1)
    sizes = (
        {"2d": ((64, 64), 1), "3d": ((16, 16, 16), 1)}
        if toy
        else {"2d": ((256, 256), 51), "3d": ((128,) * 3, 7)}
    )
    theirs, rows = peers(), []
    for name, (draw, make) in TARGETS.items():
        row: dict[str, Any] = {"target": name}
        for size, (shape, rounds) in sizes.items():
            label = draw(shape)
            row[size] = {"isthmus": measure(make, label, rounds)}
            if name in theirs:
                row[size]["scikit-image"] = measure(theirs[name], label, min(rounds, 5))
        rows.append(row)
        print(row, flush=True)
    shapes = {size: list(shape) for size, (shape, _) in sizes.items()}
    return {"shapes": shapes, "threads": 1, "rows": rows, "machine": describe(PACKAGES)}


def table(results: dict[str, Any]) -> str:
    """The results as a Markdown table, with the machine below it."""
    lines = [
        "| target | 256 x 256, ms | with scikit-image | 128 x 128 x 128, ms | with scikit-image |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for row in results["rows"]:
        cells = [row["target"]]
        for size in ("2d", "3d"):
            peer = row[size].get("scikit-image")
            cells += [f"{row[size]['isthmus']:.2f}", "" if peer is None else f"{peer:.1f}"]
        lines.append("| " + " | ".join(cells) + " |")
    machine = results["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return "\n".join(
        [*lines, "", f"{machine['processor']}, one thread; Python {machine['python']}, {versions}."]
    )


def write_page() -> None:
    """The table between its marks in the page."""
    write_between(PAGE, table(json.loads(RESULTS.read_text(encoding="utf-8"))))


def main() -> None:
    """See the top of this file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--toy", action="store_true")
    parser.add_argument("--page", action="store_true")
    asked = parser.parse_args()
    if asked.page:
        write_page()
        return
    results = run(asked.toy)
    if not asked.toy:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""Augmentation beside Albumentations 2.0.8, the last release under MIT: the same pipelines, image and mask.

    python -m benchmarks.augmentation          measures and writes benchmarks/results/augmentation.json
    python -m benchmarks.augmentation --toy    a few rounds; prints, writes nothing
    python -m benchmarks.augmentation --page   writes the table of the results into docs/augmentation.md

256 x 256 RGB uint8 with a mask, one thread, one process, the two in turn: CPU time for one sample, the median
of the rounds. Without Albumentations (`pip install albumentations==2.0.8`) ours is measured alone.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.between import write_between
from benchmarks.frame.machine import describe
from isthmus.data.augment import HMEDN, MILDNET, Elastic, Pipeline
from isthmus.data.rng import rng

RESULTS = Path(__file__).parent / "results" / "augmentation.json"
PAGE = Path(__file__).parents[1] / "docs" / "augmentation.md"
PACKAGES = ("numpy", "opencv-python-headless", "scipy", "albumentations", "albucore")
SIDE = 256
SIGMA, ALPHA = 20, 300  # of the elastic deformation, in pixels
NOISE = (10**0.5 / 255, 50**0.5 / 255)  # standard deviations; Albumentations 2 counts them in 0..1

Work = Callable[[], object]


def sample() -> tuple[np.ndarray, np.ndarray]:
    """An image with structure at several scales, `(height, width, 3)`, and a mask of it."""
    noise = rng(0, "augmentation benchmark").standard_normal((SIDE, SIDE, 3), np.float32)
    image = sum(cv2.GaussianBlur(noise, (0, 0), s) * s for s in (1.0, 4.0, 16.0))
    image = cv2.normalize(image, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
    return image, (image[..., 0] > 127).astype(np.uint8)


def certain(pipeline: Pipeline, without: tuple[type, ...] = ()) -> Pipeline:
    """The pipeline with every transform on."""
    kept = [t for t in pipeline.transforms if not isinstance(t, without)]
    return Pipeline(tuple(replace(transform, p=1.0) for transform in kept))  # type: ignore[type-var]


def theirs() -> dict[str, Any]:
    """The pipelines in Albumentations, by the name of the row, with its own probabilities or all at one."""
    import albumentations as peer

    def colours(p: float) -> list[Any]:
        span = (0.8, 1.2)
        return [
            peer.ColorJitter(span, span, span, (-0.2, 0.2), p=p),
            peer.GaussianBlur((3, 7), 0, p=p),
            peer.GaussNoise(NOISE, p=p),
        ]

    def listed(p: float) -> list[Any]:
        turns = [peer.Rotate((angle, angle), p=1) for angle in (0, 60, 120, 180, 270)]
        return [
            peer.OneOf(turns, p=1),
            peer.HorizontalFlip(p=p),
            peer.VerticalFlip(p=p),
            peer.Affine(scale=(0.9, 1.1), p=p),
            peer.Affine(shear=(-45, 45), p=p),
        ]

    def merged(p: float) -> list[Any]:
        """Turn, zoom and shear in one resampling, as a careful user would write it."""
        return [
            peer.Affine(rotate=(-180, 180), scale=(0.9, 1.1), shear=(-45, 45), p=1),
            peer.HorizontalFlip(p=p),
            peer.VerticalFlip(p=p),
        ]

    def elastic(p: float, approximate: bool = False) -> list[Any]:
        return [peer.ElasticTransform(alpha=ALPHA, sigma=SIGMA, approximate=approximate, p=p)]

    def nuclei(p: float) -> list[Any]:
        return [
            peer.Affine(scale=(0.5, 1.5), p=p),
            peer.RandomResizedCrop((SIDE, SIDE), scale=(0.5, 1.0), p=p),
            peer.Rotate((-180, 180), p=p),
            peer.HorizontalFlip(p=p),
            peer.VerticalFlip(p=p),
            *elastic(p),
            peer.RGBShift(25, 25, 25, p=p),
            peer.GaussNoise(NOISE, p=p),
        ]

    return {
        "MILDNet": peer.Compose(listed(0.5) + elastic(0.5) + colours(0.5)),
        "MILDNet, every transform on": peer.Compose(listed(1) + elastic(1) + colours(1)),
        "MILDNet, every transform on, affine ones merged by hand": peer.Compose(
            merged(1) + elastic(1) + colours(1)
        ),
        "MILDNet, every transform on, affine ones merged, its approximate elastic": peer.Compose(
            merged(1) + elastic(1, approximate=True) + colours(1)
        ),
        "MILDNet, every transform on, no elastic": peer.Compose(listed(1) + colours(1)),
        "MILDNet, every transform on, affine ones merged by hand, no elastic": peer.Compose(
            merged(1) + colours(1)
        ),
        "HMEDN": peer.Compose(nuclei(0.5)),
        "HMEDN, every transform on": peer.Compose(nuclei(1)),
    }


def ours(name: str) -> Pipeline:
    """Our side of a row."""
    pipeline = HMEDN if name.startswith("HMEDN") else MILDNET
    without: tuple[type, ...] = (Elastic,) if "no elastic" in name else ()
    return certain(pipeline, without) if "every" in name else pipeline


ROWS = (
    "MILDNet",
    "MILDNet, every transform on",
    "MILDNet, every transform on, affine ones merged by hand",
    "MILDNet, every transform on, affine ones merged, its approximate elastic",
    "MILDNet, every transform on, no elastic",
    "MILDNet, every transform on, affine ones merged by hand, no elastic",
    "HMEDN",
    "HMEDN, every transform on",
)


def measure(works: dict[str, Work], rounds: int, calls: int) -> dict[str, float]:
    """Milliseconds of CPU time for one call: the median of the rounds, the contestants in turn."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for work in works.values():
        work()
    for _ in range(rounds):
        for name, work in works.items():
            start = time.process_time()
            for _ in range(calls):
                work()
            times[name].append((time.process_time() - start) / calls)
    return {name: round(1e3 * statistics.median(each), 3) for name, each in times.items()}


def run(rounds: int, calls: int) -> dict[str, Any]:
    """All rows."""
    warnings.filterwarnings("ignore", category=UserWarning)  # Albumentations: that a newer one exists
    cv2.setNumThreads(1)
    image, mask = sample()
    planes = np.ascontiguousarray(image.transpose(2, 0, 1))
    scaled = planes.astype(np.float32) / 255
    try:
        peers = theirs()
    except ImportError:
        print("albumentations is not installed, left out")
        peers = {}
    rows = []
    for name in ROWS:
        pipeline, random = ours(name), rng(0, name)
        works: dict[str, Work] = {
            "isthmus": lambda p=pipeline, r=random: p(planes, mask, r),
            "isthmus_float32": lambda p=pipeline, r=random: p(scaled, mask, r),
        }
        if name in peers:
            peers[name].set_random_seed(0)
            works["albumentations"] = lambda p=peers[name]: p(image=image, mask=mask)
        found = measure(works, rounds, calls)
        row: dict[str, Any] = {"pipeline": name, "milliseconds": found}
        if name in peers:
            row["times_ours"] = round(found["albumentations"] / found["isthmus"], 2)
        rows.append(row)
        print(row, flush=True)
    return {
        "image": [SIDE, SIDE, 3],
        "rounds": rounds,
        "calls": calls,
        "threads": 1,
        "rows": rows,
        "machine": describe(PACKAGES),
    }


def table(results: dict[str, Any]) -> str:
    """The results as a Markdown table, with the machine below it."""
    machine = results["machine"]
    lines = [
        "| pipeline | Albumentations, ms | isthmus, ms | | isthmus, float32, ms |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for row in results["rows"]:
        found = row["milliseconds"]
        peer, ratio = found.get("albumentations"), row.get("times_ours")
        lines.append(
            f"| {row['pipeline']} | {'' if peer is None else f'{peer:.2f}'} | {found['isthmus']:.2f} "
            f"| {'' if ratio is None else f'**{ratio:.1f} x**'} | {found['isthmus_float32']:.2f} |"
        )
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return "\n".join(
        [
            *lines,
            "",
            "CPU time for one 256 x 256 RGB sample (uint8 unless said otherwise) with its mask, one thread,",
            f"the median of {results['rounds']} rounds of {results['calls']} samples, both in turn;",
            f"`x` is their time over ours. {machine['processor']}, {machine['cores']} cores; "
            f"Python {machine['python']}, {versions}.",
        ]
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
    results = run(*((3, 2) if asked.toy else (15, 20)))
    if not asked.toy:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

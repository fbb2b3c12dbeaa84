"""Cost by size over a hundredfold range: it must grow no faster than images and pixels do.

    python -m benchmarks.growth         writes benchmarks/results/growth-<name>.json
    python -m benchmarks.growth --toy   small sizes, prints and writes nothing

An epoch of training and prediction by the number of images, prediction and every metric by the pixels of one image:
seconds, and seconds by image or megapixel beside those of the smallest. Random data, small networks, medians.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.ndimage import gaussian_filter

from benchmarks.epoch import write_random
from benchmarks.frame.machine import describe
from isthmus import training
from isthmus.inference import Predictor
from isthmus.metrics import score_case
from isthmus.networks import create_model
from isthmus.runs.hardware import resolve
from isthmus.runs.recipe import Hardware, make_recipe

RESULTS = Path(__file__).parent / "results"
WIDTHS = (8, 16, 32)


def epoch(images: int) -> float:
    """Seconds of an epoch over images of 128x128 that are in the cache: the quicker of the second and third."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        write_random(data, [(128, 128)] * round(images * 1.25))
        recipe = make_recipe(
            "default",
            {
                "data": {"source": str(data)},
                "training": {"epochs": 3, "samples": images},
                "network": {"options": {"widths": list(WIDTHS)}},
            },
        )
        run = training.train(recipe, Path(folder) / "run")
        return min(float(row["seconds"]) for row in run.read_rows(run.history)[1:])


def predictor() -> Predictor:
    """A small network for grey images at native scale."""
    torch.manual_seed(0)
    data = {"channels": 1, "values": {0: 0, 255: 1}, "classes": ["background", "foreground"]}
    recipe = make_recipe("default", {"data": data}, {"input": {"patch": [256, 256]}})
    return Predictor.from_networks(
        [create_model("unet", widths=WIDTHS).eval()], recipe, resolve(Hardware(device="cpu"))
    )


def image(side: int) -> np.ndarray:
    """A random grey image."""
    return np.random.default_rng(0).integers(0, 256, (1, side, side), dtype=np.uint8)


def blobs(side: int, seed: int, above: float) -> np.ndarray:
    """A random mask of smooth regions: above one standard deviation islands, above the mean a sponge in one piece."""
    noise = np.random.default_rng(seed).normal(size=(side, side)).astype(np.float32)
    smooth = gaussian_filter(noise, 6)
    return smooth > above * smooth.std()


def timed(work: Callable[[], object], times: int) -> float:
    """Median seconds of a call, the first left out."""
    work()
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def predict_many(count: int, side: int) -> float:
    """Seconds for so many images, one after the other."""
    ready, one = predictor(), image(side)
    return timed(lambda: [ready.labels(one) for _ in range(count)], 3)


def predict_one(side: int) -> float:
    """Seconds for one image."""
    ready, one = predictor(), image(side)
    return timed(lambda: ready.labels(one), 5)


def score(side: int, above: float) -> float:
    """Seconds for every metric of one pair of masks."""
    one, other = blobs(side, 0, above), blobs(side, 1, above)
    return timed(lambda: score_case(one, other), 5)


def rows(toy: bool) -> list[dict[str, Any]]:
    """Each cost at three sizes, the last a hundred times the first."""
    counts = [2, 6, 20] if toy else [8, 80, 800]
    sides = [32, 96, 320] if toy else [256, 810, 2560]
    studies: dict[str, tuple[str, list[int], Callable[[int], float], Callable[[int], float]]] = {
        "an epoch of training": ("images of 128x128", counts, epoch, lambda n: n),
        "prediction": (
            "images of 128x128",
            counts,
            lambda n: predict_many(n, 32 if toy else 128),
            lambda n: n,
        ),
        "prediction of one image": ("side in pixels", sides, predict_one, lambda n: n * n / 1e6),
        "all metrics, masks of islands": (
            "side in pixels",
            sides,
            lambda n: score(n, 1.0),
            lambda n: n * n / 1e6,
        ),
        "all metrics, a sponge as large as the image": (
            "side in pixels",
            sides,
            lambda n: score(n, 0.0),
            lambda n: n * n / 1e6,
        ),
    }
    made = []
    for name, (unit, sizes, work, amount) in studies.items():
        seconds = [work(size) for size in sizes]
        each = [value / amount(size) for value, size in zip(seconds, sizes, strict=True)]
        made.append(
            {
                "what": name,
                "unit": unit,
                "sizes": sizes,
                "seconds": seconds,
                "ratio": [e / each[0] for e in each],
            }
        )
    return made


def main() -> None:
    """Parse, run, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--toy", action="store_true")
    parser.add_argument("--name", default="cpu")
    asked = parser.parse_args()
    found = rows(asked.toy)
    for row in found:
        cells = ", ".join(
            f"{size}: {seconds:.3g} s ({ratio:.2f})"
            for size, seconds, ratio in zip(row["sizes"], row["seconds"], row["ratio"], strict=True)
        )
        print(f"{row['what']}, by {row['unit']}: {cells}")
    if not asked.toy:
        path = RESULTS / f"growth-{asked.name}.json"
        machine = describe() | {"threads": torch.get_num_threads()}
        path.write_text(json.dumps({"machine": machine, "rows": found}, indent=1) + "\n", encoding="utf-8")
        print(path)


if __name__ == "__main__":
    main()

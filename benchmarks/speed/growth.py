"""Cost by size over a hundredfold range: it must grow no faster than images and pixels do.

An epoch of training and prediction by the number of images, prediction and every metric by the pixels of one image.
Random data, small networks.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.ndimage import gaussian_filter

from benchmarks.frame.benchmark import SECONDS, Benchmark, Result, Row, Settings
from benchmarks.frame.markdown import table
from benchmarks.speed.epoch import write_random
from isthmus import training
from isthmus.inference import Predictor
from isthmus.metrics import score_case
from isthmus.networks import create_model
from isthmus.runs.hardware import resolve
from isthmus.runs.recipe import Hardware, make_recipe

WIDTHS = (8, 16, 32)
COUNT, SIDE = "images of 128x128", "side in pixels"


def epoch(images: int) -> float:
    """Returns the seconds of an epoch over cached images of 128x128: the faster of the second and third."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        write_random(data, [(128, 128)] * round(images * 1.25))
        sections = {
            "data": {"source": str(data)},
            "training": {"epochs": 3, "samples": images},
            "network": {"options": {"widths": list(WIDTHS)}},
        }
        run = training.train(make_recipe("default", sections), Path(folder) / "run")
        return min(float(row["seconds"]) for row in run.read_rows(run.history)[1:])


def prediction(side: int, count: int = 1) -> Callable[[], Any]:
    """Returns what runs a small network at native scale on so many grey images one after the other."""
    torch.manual_seed(0)
    data = {"channels": 1, "values": {0: 0, 255: 1}, "classes": ["background", "foreground"]}
    recipe = make_recipe("default", {"data": data}, {"input": {"patch": [256, 256]}})
    network, hardware = create_model("unet", widths=WIDTHS).eval(), resolve(Hardware(device="cpu"))
    predictor = Predictor.from_networks([network], recipe, hardware)
    image = np.random.default_rng(0).integers(0, 256, (1, side, side), dtype=np.uint8)
    return lambda: [predictor.labels(image) for _ in range(count)]


def blobs(side: int, seed: int, above: float) -> np.ndarray:
    """Returns a random mask of smooth regions: islands above one standard deviation, a sponge above the mean."""
    noise = np.random.default_rng(seed).normal(size=(side, side)).astype(np.float32)
    smooth = gaussian_filter(noise, 6)
    return np.asarray(smooth > above * smooth.std())


def scoring(side: int, above: float) -> Callable[[], Any]:
    """Returns what computes every metric of one pair of masks."""
    one, other = blobs(side, 0, above), blobs(side, 1, above)
    return lambda: score_case(one, other)


def rows(settings: Settings) -> Iterator[Row]:
    """Yields each cost at three sizes, the last a hundred times the first."""
    counts = (2, 4, 8) if settings.toy else (8, 80, 800)
    sides = (32, 48, 64) if settings.toy else (256, 810, 2560)

    def row(
        name: str, by: str, prepare: Callable[[int], Callable[[], Any]], rounds: int, unit: str = SECONDS
    ) -> Row:
        sizes = counts if by == COUNT else sides
        contenders = {str(size): partial(prepare, size) for size in sizes}
        turns = 1 if settings.toy else rounds
        return Row(name, contenders, unit, turns, clock=settings.clock, facts=lambda _: {"by": by})

    side = 32 if settings.toy else 128
    yield row("an epoch of training", COUNT, lambda n: partial(epoch, n), 1, "seconds of an epoch")
    yield row("prediction", COUNT, lambda n: prediction(side, n), 3)
    yield row("prediction of one image", SIDE, prediction, 5)
    yield row("all metrics, masks of islands", SIDE, lambda n: scoring(n, 1.0), 5)
    yield row("all metrics, a sponge as large as the image", SIDE, lambda n: scoring(n, 0.0), 5)


def page(found: Sequence[Result]) -> list[str]:
    """Shows seconds, and in brackets the seconds of an image or pixel beside those of the smallest size."""
    lines = []
    for row in found[0]["rows"]:
        by = row["facts"]["by"]
        each = {size: t / int(size) ** (1 if by == COUNT else 2) for size, t in row["values"].items()}
        first = next(iter(each.values()))
        cells = [f"{size}: {t:.3g} s ({each[size] / first:.2f})" for size, t in row["values"].items()]
        lines.append([row["name"], by, *cells])
    return table(["", "by", "smallest", "tenfold", "hundredfold"], lines)


BENCHMARK = Benchmark(rows, {"table": page})

"""How much an image that is cut into tiles differs from the image in one piece.

The default network, whose instance normalisation takes its statistics from what it sees, is trained on patches of
slices of 512x512 (ISBI-2012). The slices that were held out are segmented in one piece and in tiles of two sizes, with
the statistics of each tile and with those of the image (docs/large-images.md), as if memory had no room for larger
tiles. Then a slice lies on an empty canvas, where the statistics of the image do harm. Networks without such statistics
give the same answer in tiles and in one piece, as a test checks.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.frame.benchmark import Benchmark, Result, Row, Settings, ready
from benchmarks.frame.markdown import table, text
from isthmus import training
from isthmus.data.cases import load
from isthmus.inference import Predictor
from isthmus.inference.tiling import cutter
from isthmus.metrics import dice
from isthmus.runs.folder import RunFolder
from isthmus.runs.hardware import resolve
from isthmus.runs.recipe import make_recipe
from isthmus.training.preparation.prepare import prepare
from isthmus.watch import Silent

Case = tuple[NDArray[Any], NDArray[Any]]
PATCH, TILES, STATISTICS = 256, (128, 256), ("tile", "image")
CANVAS = "empty canvas"
VALIDATION = [f"slice-{index:02d}" for index in (0, 3, 12, 15, 21, 25)]


def train(root: Path, out: Path, toy: bool) -> RunFolder:
    """Trains a run on patches at native scale."""
    sections: dict[str, Any] = {
        "data": {"source": "isbi-2012", "root": str(root)},
        "input": {"patch": [32 if toy else PATCH] * 2, "resize": None, "normalise": "scale"},
        "training": {
            "epochs": 1 if toy else 20,
            "samples": 4 if toy else 48,
            "batch": 4,
            "learning_rate": 0.001,
        },
        "protocol": {"validation": VALIDATION[:1] if toy else VALIDATION},
        "network": {"options": {"widths": [2, 4]}} if toy else {},
    }
    return training.train(make_recipe("default", sections), out)


def predictor(folder: RunFolder, side: int, statistics: Any = "tile") -> Predictor:
    """Returns the predictor of a run, in float32, for tiles of a side."""
    recipe = folder.recipe()
    tiled = recipe.model_copy(update={"input": recipe.input.model_copy(update={"patch": [side] * 2})})
    hardware = resolve(recipe.hardware.model_copy(update={"precision": "float32", "threads": None}))
    return Predictor.from_networks([folder.load_network()], tiled, hardware, statistics=statistics)


@contextmanager
def largest(side: int) -> Iterator[None]:
    """Allows no tile larger than this."""
    before = cutter.WHOLE[2]
    cutter.WHOLE[2] = side
    try:
        yield
    finally:
        cutter.WHOLE[2] = before


def held_out(folder: RunFolder) -> list[Case]:
    """Returns images and their true masks."""
    prepared = prepare(folder.recipe(), Silent())
    cases = prepared.cases(prepared.split.validation)
    return [load(case, prepared.data.dataset) for case in cases]


def compare(folder: RunFolder, cases: list[Case], side: int, statistics: str) -> dict[str, list[float]]:
    """Returns Dice of tiles to one piece, and of both to the truth, by case."""
    cut, whole = predictor(folder, side, statistics), predictor(folder, cases[0][0].shape[-1])
    found: dict[str, list[float]] = {"dice": [], "truth": [], "whole_truth": []}
    for image, truth in cases:
        entire = whole.labels(image)
        with largest(side):
            mask = cut.labels(image)
        pairs = {"dice": (mask, entire), "truth": (mask, truth), "whole_truth": (entire, truth)}
        for name, pair in pairs.items():
            found[name].append(float(dice(*(one > 0 for one in pair))))
    return found


def on_canvas(folder: RunFolder, case: Case, side: int, statistics: str) -> dict[str, list[float]]:
    """Returns Dice to the truth of an image on an empty canvas of three times its side, beside the tiles' grid."""
    image, truth = case
    n = image.shape[-1]
    canvas = np.full((1, 3 * n, 3 * n), 128, np.uint8)
    middle = (slice(n + n // 5, 2 * n + n // 5),) * 2
    canvas[(slice(None), *middle)] = image
    with largest(side):
        mask = predictor(folder, side, statistics).labels(canvas)[middle]
    return {"truth": [float(dice(mask > 0, truth > 0))]}


def rows(settings: Settings) -> Iterator[Row]:
    """Yields tiles of each size and the canvas, each with both kinds of statistics."""
    with tempfile.TemporaryDirectory() as scratch:

        @cache
        def trained() -> tuple[RunFolder, list[Case]]:
            folder = train(settings.data / "isbi-2012", Path(scratch) / "run", settings.toy)
            return folder, held_out(folder)

        for side in (32,) if settings.toy else TILES:
            for kind in STATISTICS:
                work = partial(lambda side, kind: compare(*trained(), side, kind), side, kind)
                yield Row(f"{side}x{side}, statistics of the {kind}", {"isthmus": ready(work)}, "Dice")
        for kind in () if settings.toy else STATISTICS:
            work = partial(lambda kind: on_canvas(trained()[0], trained()[1][0], TILES[-1], kind), kind)
            yield Row(f"{CANVAS}, statistics of the {kind}", {"isthmus": ready(work)}, "Dice")


def page(found: Sequence[Result]) -> list[str]:
    """Shows Dice of tiles to one piece, and of both to the truth."""
    lines, canvas = [], {}
    for row in found[0]["rows"]:
        tiles, kind = row["name"].split(", statistics of the ")
        scores = row["values"]["isthmus"]
        means = {name: f"{np.mean(values):.4f}" for name, values in scores.items()}
        if tiles == CANVAS:
            canvas[kind] = means["truth"]
        else:
            least = f"{min(scores['dice']):.4f}"
            lines.append([tiles, kind, f"**{means['dice']}**", least, means["truth"], means["whole_truth"]])
    heads = [
        "tiles",
        "statistics of the",
        "Dice to one piece",
        "lowest",
        "to the truth",
        "in one piece to the truth",
    ]
    return [
        *table(heads, lines),
        *text(
            "One slice on an empty canvas of three times its side: Dice to the truth is",
            f"{canvas['tile']} with the statistics of the tile and {canvas['image']} with those of the image.",
        ),
    ]


BENCHMARK = Benchmark(rows, {"table": page})

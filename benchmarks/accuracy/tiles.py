"""How much an image cut into tiles differs from the image in one piece.

    python -m benchmarks.seams ROOT            writes benchmarks/results/seams.json; ROOT holds ISBI-2012's two files
    python -m benchmarks.seams ROOT --toy      few steps of small networks, prints and writes nothing

The default network, whose normalisation takes statistics of what it sees (instance normalisation), is trained on
patches of slices 512x512. The slices that were held out are segmented in one piece and in tiles of two sizes, by the
statistics of each tile and by those of the image (docs/large-images.md), as if memory had no room for larger tiles.
Stated are the Dice between the masks and the one to the truth. Then a slice lies on an empty canvas, where those of
the image do harm. Networks without such statistics give the same answer in tiles and in one piece, which a test holds.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.frame.machine import describe
from isthmus import training
from isthmus.data.cases import load
from isthmus.inference import Predictor
from isthmus.inference.tiling import cutter
from isthmus.metrics import dice
from isthmus.runs.folder import RunFolder
from isthmus.runs.hardware import resolve
from isthmus.runs.recipe import make_recipe
from isthmus.training.prepare import prepare
from isthmus.watch import Silent

Floats = NDArray[Any]
RESULTS = Path(__file__).parent / "results"
PATCH, TILES = 256, (128, 256)
VALIDATION = [f"slice-{index:02d}" for index in (0, 3, 12, 15, 21, 25)]


def train(root: Path, out: Path, toy: bool) -> RunFolder:
    """A run on patches at native scale."""
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
    """Of the run, in float32, for tiles of a side."""
    recipe = folder.recipe()
    tiled = recipe.model_copy(update={"input": recipe.input.model_copy(update={"patch": [side] * 2})})
    hardware = resolve(recipe.hardware.model_copy(update={"precision": "float32", "threads": None}))
    return Predictor.from_networks([folder.load_network()], tiled, hardware, statistics=statistics)


@contextmanager
def largest(side: int) -> Iterator[None]:
    """Within it no tile is larger."""
    before = cutter.WHOLE[2]
    cutter.WHOLE[2] = side
    try:
        yield
    finally:
        cutter.WHOLE[2] = before


def held_out(folder: RunFolder) -> list[tuple[Floats, Floats]]:
    """Images and their true masks."""
    prepared = prepare(folder.recipe(), Silent())
    cases = prepared.cases(prepared.split.validation)
    return [load(case, prepared.data.dataset) for case in cases]


def compare(
    folder: RunFolder, cases: list[tuple[Floats, Floats]], side: int, statistics: str
) -> dict[str, Any]:
    """Tiles of a side beside one piece, and both beside the truth."""
    cut, whole = predictor(folder, side, statistics), predictor(folder, cases[0][0].shape[-1])
    row: dict[str, Any] = {"tile": side, "statistics": statistics, "dice": [], "truth": [], "whole_truth": []}
    for image, truth in cases:
        entire = whole.labels(image)
        with largest(side):
            mask = cut.labels(image)
        for name, pair in (
            ("dice", (mask, entire)),
            ("truth", (mask, truth)),
            ("whole_truth", (entire, truth)),
        ):
            row[name].append(float(dice(*(one > 0 for one in pair))))
    return row


def on_canvas(folder: RunFolder, case: tuple[Floats, Floats], side: int, statistics: str) -> dict[str, Any]:
    """Dice to the truth of an image on an empty canvas of three times its side, beside the tiles' grid."""
    image, truth = case
    n = image.shape[-1]
    canvas = np.full((1, 3 * n, 3 * n), 128, np.uint8)
    middle = (slice(n + n // 5, 2 * n + n // 5),) * 2
    canvas[(slice(None), *middle)] = image
    with largest(side):
        mask = predictor(folder, side, statistics).labels(canvas)[middle]
    return {"tile": side, "statistics": statistics, "truth": float(dice(mask > 0, truth > 0))}


def main() -> None:
    """Parse, train, compare, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("root", type=Path)
    parser.add_argument("--toy", action="store_true")
    asked = parser.parse_args()
    rows, canvas = [], []
    with tempfile.TemporaryDirectory() as scratch:
        folder = train(asked.root, Path(scratch) / "run", asked.toy)
        cases = held_out(folder)
        tiles = (32,) if asked.toy else TILES
        for tile in tiles:
            for statistics in ("tile", "image"):
                rows.append(row := compare(folder, cases, tile, statistics))
                same, truth, whole = (float(np.mean(row[key])) for key in ("dice", "truth", "whole_truth"))
                print(
                    f"tiles of {tile}, statistics of the {statistics}: Dice to one piece {same:.5f}, at least "
                    f"{min(row['dice']):.5f}; to the truth {truth:.5f}, in one piece {whole:.5f}",
                    flush=True,
                )
        for statistics in () if asked.toy else ("tile", "image"):
            canvas.append(row := on_canvas(folder, cases[0], tiles[-1], statistics))
            print(f"on an empty canvas, statistics of the {statistics}: Dice to the truth {row['truth']:.5f}")
    if not asked.toy:
        path = RESULTS / "seams.json"
        found = {"machine": describe(), "patch": PATCH, "rows": rows, "canvas": canvas}
        path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        print(path)


if __name__ == "__main__":
    main()

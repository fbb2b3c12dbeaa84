"""How much an image cut into tiles differs from the image in one piece.

    python -m benchmarks.seams ROOT            writes benchmarks/results/seams.json; ROOT holds ISBI-2012's two files
    python -m benchmarks.seams ROOT --toy      few steps of small networks, prints and writes nothing

The default network, whose normalisation takes statistics of what it sees (instance normalisation), is trained on
patches of slices 512x512. The slices that were held out are segmented in tiles as `isthmus predict` cuts them, of two
sizes, and in one piece. Stated are the Dice between the two masks and the largest difference of probabilities. Networks
without such statistics give the same answer in tiles and in one piece, which a test holds.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import describe
from isthmus import training
from isthmus.data.cases import load_image
from isthmus.inference import Predictor
from isthmus.metrics import dice
from isthmus.runs.folder import RunFolder
from isthmus.runs.recipe import make_recipe
from isthmus.training.prepare import prepare
from isthmus.watch import Silent

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


def differences(folder: RunFolder, tile: int, whole: int) -> tuple[list[float], float]:
    """Dice of each held-out slice between tiles of a side and one tile of another; the largest difference."""
    recipe = folder.recipe()
    scores, largest = [], 0.0
    prepared = prepare(recipe, Silent())
    cut, entire = (Predictor.load(folder.path) for _ in range(2))
    for predictor, side in ((cut, tile), (entire, whole)):
        inside = recipe.input.model_copy(update={"patch": [side] * 2})
        predictor.recipe = recipe.model_copy(update={"input": inside})
        predictor.hardware = predictor.hardware.model_copy(update={"precision": "float32"})
        predictor.engine = None
    for case in prepared.cases(prepared.split.validation):
        image = load_image(case)
        probabilities = [predictor.maps(image)["logits"] for predictor in (cut, entire)]
        largest = max(largest, float(np.abs(probabilities[0] - probabilities[1]).max()))
        scores.append(float(dice(*(maps[0] > 0.5 for maps in probabilities))))
    return scores, largest


def main() -> None:
    """Parse, train, compare, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("root", type=Path)
    parser.add_argument("--toy", action="store_true")
    asked = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = train(asked.root, Path(scratch) / "run", asked.toy)
        for tile in (32,) if asked.toy else TILES:
            scores, largest = differences(folder, tile, 512)
            rows.append({"tile": tile, "dice": scores, "largest": largest})
            print(
                f"tiles of {tile}: Dice {np.mean(scores):.5f}, at least {min(scores):.5f}; "
                f"probabilities differ by up to {largest:.2g}",
                flush=True,
            )
    if not asked.toy:
        path = RESULTS / "seams.json"
        path.write_text(
            json.dumps({"machine": describe(), "patch": PATCH, "rows": rows}, indent=1) + "\n",
            encoding="utf-8",
        )
        print(path)


if __name__ == "__main__":
    main()

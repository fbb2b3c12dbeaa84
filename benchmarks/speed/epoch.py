"""Where the time of `isthmus train` goes: steps, waiting for data, validation; and how long until the first step.

    python -m benchmarks.epoch                    writes benchmarks/results/epoch-<name>.json
    python -m benchmarks.epoch --only ISBI-2012   images like those of one data set; the others stay in the file
    python -m benchmarks.epoch --toy              the same at toy size, prints and writes nothing

Random images with the number, the sizes and the type of two data sets, trained on by the command's own defaults, with
two augmentations; the parts are those that a run writes into its history. The first epoch, which reads the files and
warms up, is left out. `isthmus --help` is the processor time of a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from isthmus import training
from isthmus.io.writing import write_image, write_mask
from isthmus.runs.environment import describe_environment
from isthmus.runs.recipe import make_recipe
from isthmus.watch import Silent

RESULTS = Path(__file__).parent / "results"
AUGMENTATIONS = ("flips", "mildnet")
SHAPES: dict[str, list[tuple[int, int]]] = {
    "ISBI-2012": [(512, 512)] * 30,
    "DSB-2018": [(256, 256)] * 80 + [(256, 320)] * 26 + [(520, 696)] * 14,
}


class FirstStep(Silent):
    """Notes when the first step of training is done."""

    def __init__(self) -> None:
        self.training, self.done = False, 0.0

    def stage(self, label: str, total: int, done: int = 0) -> None:  # noqa: ARG002
        self.training = label == "training"

    def advance(self, text: str = "") -> None:  # noqa: ARG002
        if self.training and not self.done:
            self.done = time.perf_counter()


def write_random(folder: Path, shapes: list[tuple[int, int]]) -> None:
    """Grey images of noise and masks of squares."""
    rng = np.random.default_rng(0)
    for index, shape in enumerate(shapes):
        side = max(shape) // 8 + 1
        mask = np.kron(rng.integers(0, 2, (8, 8)), np.ones((side, side))).astype(np.uint8)
        mask = mask[: shape[0], : shape[1]]
        image = (mask * 100 + rng.integers(0, 100, mask.shape)).astype(np.uint8)
        write_image(folder / "images" / f"{index:03d}.png", image[None])
        write_mask(folder / "masks" / f"{index:03d}.png", mask * 255)


def measure(
    folder: Path, augmentation: str, out: Path, epochs: int, options: dict[str, Any]
) -> dict[str, Any]:
    """A short training, and where its time went."""
    layer = {
        "data": {"source": str(folder)},
        "training": {"epochs": epochs, "augment": augmentation},
        "network": {"options": options},
    }
    watch, start = FirstStep(), time.perf_counter()
    run = training.train(make_recipe("default", layer), out, watch=watch)
    rows = run.read_rows(run.history)[1:]
    total, waiting, validating = (
        sum(float(row[key]) for row in rows) for key in ("seconds", "seconds_waiting", "seconds_validating")
    )
    return {
        "augmentation": augmentation,
        "seconds_an_epoch": total / len(rows),
        "share_steps": 1 - (waiting + validating) / total,
        "share_waiting": waiting / total,
        "share_validating": validating / total,
        "seconds_to_first_step": watch.done - start,
    }


def help_seconds() -> float:
    """Processor time of `isthmus --help`, the median of five."""
    times = []
    for _ in range(5):
        before = os.times()
        command = [sys.executable, "-c", "from isthmus.cli.main import main; main()", "--help"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        after = os.times()
        times.append(
            after.children_user + after.children_system - before.children_user - before.children_system
        )
    return statistics.median(times)


def main() -> None:
    """Parse, run, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--toy", action="store_true")
    parser.add_argument("--name", default="gpu" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--only", nargs="+", default=list(SHAPES), choices=list(SHAPES))
    asked = parser.parse_args()
    rows = []
    for name in asked.only:
        shapes = [(h // 8, w // 8) for h, w in SHAPES[name][:5]] if asked.toy else SHAPES[name]
        options = {"widths": [4, 8]} if asked.toy else {}
        with tempfile.TemporaryDirectory() as folder:
            data = Path(folder) / "data"
            write_random(data, shapes)
            for augmentation in AUGMENTATIONS:
                out = Path(folder) / augmentation
                row = {"data": name} | measure(
                    data, augmentation, out, 2 if asked.toy else asked.epochs, options
                )
                rows.append(row)
                print(
                    f"{name}, {augmentation}: steps {row['share_steps']:.1%}, waiting {row['share_waiting']:.1%}, "
                    f"validation {row['share_validating']:.1%}; {row['seconds_to_first_step']:.1f} s to the first step",
                    flush=True,
                )
    if asked.toy:
        return
    path = RESULTS / f"epoch-{asked.name}.json"
    kept = json.loads(path.read_text(encoding="utf-8"))["rows"] if path.is_file() else []
    result = {
        "machine": describe_environment() | {"threads": torch.get_num_threads()},
        "help_seconds": help_seconds(),
        "rows": [row for row in kept if row["data"] not in asked.only] + rows,
    }
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(f"isthmus --help: {result['help_seconds']:.2f} s; {path}")


if __name__ == "__main__":
    main()

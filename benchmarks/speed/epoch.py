"""Where the time of `isthmus train` goes: steps, waiting for data, validation; and how long until the first step.

Random images with the number, the sizes and the type of two data sets, trained on by the command's own defaults, with
two augmentations; the parts are those that a run writes into its history. The first epoch, which reads the files and
warms up, is left out. `isthmus --help` is the processor time of a process of its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.frame.benchmark import Benchmark, Result, Row, Settings, ready
from benchmarks.frame.markdown import machine_line, table
from benchmarks.frame.results import rows_of
from isthmus import training
from isthmus.io.writing import write_image, write_mask
from isthmus.runs.recipe import make_recipe
from isthmus.watch import Silent

SHARES, PROCESSOR = "shares and seconds of an epoch", "processor seconds"
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
    """Writes grey images of noise and masks of squares."""
    rng = np.random.default_rng(0)
    for index, shape in enumerate(shapes):
        side = max(shape) // 8 + 1
        mask = np.kron(rng.integers(0, 2, (8, 8)), np.ones((side, side))).astype(np.uint8)
        mask = mask[: shape[0], : shape[1]]
        image = (mask * 100 + rng.integers(0, 100, mask.shape)).astype(np.uint8)
        write_image(folder / "images" / f"{index:03d}.png", image[None])
        write_mask(folder / "masks" / f"{index:03d}.png", mask * 255)


def measure(data: str, augmentation: str, toy: bool) -> dict[str, float]:
    """Trains briefly, and returns where the time went."""
    shapes = [(h // 8, w // 8) for h, w in SHAPES[data][:5]] if toy else SHAPES[data]
    with tempfile.TemporaryDirectory() as folder:
        write_random(Path(folder) / "data", shapes)
        sections = {
            "data": {"source": str(Path(folder) / "data")},
            "training": {"epochs": 2 if toy else 3, "augment": augmentation},
            "network": {"options": {"widths": [4, 8]} if toy else {}},
        }
        watch, start = FirstStep(), time.perf_counter()
        run = training.train(make_recipe("default", sections), Path(folder) / "run", watch=watch)
        rows = run.read_rows(run.history)[1:]
    total, waiting, validating = (
        sum(float(row[key]) for row in rows) for key in ("seconds", "seconds_waiting", "seconds_validating")
    )
    return {
        "seconds_an_epoch": total / len(rows),
        "share_steps": 1 - (waiting + validating) / total,
        "share_waiting": waiting / total,
        "share_validating": validating / total,
        "seconds_to_first_step": watch.done - start,
    }


def help_seconds() -> float:
    """Returns the processor time of `isthmus --help`."""
    before = os.times()
    subprocess.run([sys.executable, "-m", "isthmus", "--help"], check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def rows(settings: Settings) -> Iterator[Row]:
    """Yields two data sets with two augmentations, and the command's help."""
    for data in SHAPES:
        for augmentation in AUGMENTATIONS:
            work = partial(measure, data, augmentation, settings.toy)
            yield Row(f"{data}, {augmentation}", {"isthmus": ready(work)}, SHARES)
    yield Row("isthmus --help", {"isthmus": ready(help_seconds)}, PROCESSOR, rounds=1 if settings.toy else 5)


def page(found: Sequence[Result]) -> list[str]:
    """Shows shares of an epoch by machine, and the time of the help."""
    lines = []
    for result in found:
        cells: list[list[Any]] = []
        for row in rows_of(result, SHARES):
            each = row["values"]["isthmus"]
            shares = [f"{each[f'share_{part}']:.1%}" for part in ("steps", "waiting", "validating")]
            times = [f"{each['seconds_an_epoch']:.1f}", f"{each['seconds_to_first_step']:.1f} s"]
            cells.append([*row["name"].split(", "), *shares, *times])
        heads = ["images like", "augmentation", "steps", "waiting", "validation", "seconds an epoch"]
        (helped,) = rows_of(result, PROCESSOR)
        lines += [
            *table([*heads, "to the first step"], cells),
            f"`isthmus --help` takes {helped['values']['isthmus']:.2f} s of processor time. "
            + machine_line(helped["machine"]),
            "",
        ]
    return lines


BENCHMARK = Benchmark(rows, {"table": page})

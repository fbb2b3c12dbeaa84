"""What `--minutes` reaches: Dice on inner folds after so many processor minutes of one thread.

Runs are folders below OUT, so a stopped benchmark goes on with `--missing`.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.accuracy.own_data import NAMES, inner_test, own_folder
from benchmarks.frame.benchmark import ONE_THREAD, Benchmark, Result, Row, Settings, ready
from benchmarks.frame.markdown import machine_lines
from benchmarks.frame.runs import HARDWARE
from isthmus import training
from isthmus.data.cases import Source
from isthmus.io.images import read_mask
from isthmus.metrics import dice
from isthmus.runs.files import read_json, write_json
from isthmus.runs.folder import RunFolder
from isthmus.runs.recipe import make_recipe
from isthmus.runs.recipe.overrides import parse_overrides
from isthmus.training.loop.rungs import size

MINUTES = (0.5, 1.0, 2.0, 5.0, 10.0)
WIDTHS = "network.options={{widths: [{}, {}, {}, {}, {}]}}"
CANDIDATES: dict[str, tuple[str, ...]] = {
    "fitted": (),
    "width 8": (WIDTHS.format(8, 16, 32, 64, 128), "training.batch=2"),
    "width 16": (WIDTHS.format(16, 32, 64, 128, 256), "training.batch=2"),
    "default": (WIDTHS.format(32, 64, 128, 256, 512), "training.batch=4"),
}
"""What is changed: nothing, or what the minutes would choose."""


def dice_after(name: str, minutes: float, candidate: str, settings: Settings) -> dict[str, Any]:
    """Trains on the rest of a sample and returns the Dice of its inner fold, and what was trained."""
    time.perf_counter = time.process_time  # the minutes of this process are the processor's
    table = own_folder(name, settings.data, settings.out / "own-data")
    folder = RunFolder(settings.out / "minutes" / name / f"{minutes:g}" / candidate)
    if not folder.finished():
        about: dict[str, Any] = {
            "data": {"source": str(table)},
            "protocol": {"test": inner_test(table)},
            "training": {"minutes": minutes},
            "hardware": HARDWARE,
        }
        began = time.process_time()
        given = make_recipe("default", about, parse_overrides(CANDIDATES[candidate]))
        training.train(given, folder.path)
        write_json(folder.path / "whole.json", round(time.process_time() - began, 1))
    recipe, cost = folder.recipe(), read_json(folder.cost)
    tested = [_dice(case, folder.predictions, table.parent / "masks") for case in inner_test(table)]
    epoch = math.ceil((recipe.training.samples or 1) / recipe.training.batch)
    return {
        "dice": round(statistics.fmean(tested), 4),
        "epochs": cost["epochs"],
        "best_epoch": cost["best_epoch"],
        "steps": cost["epochs"] * epoch,
        "size": size(recipe),
        "seconds": read_json(folder.path / "whole.json"),
    }


def _dice(case: str, *folders: Path) -> float:
    """Returns the Dice of a case's masks in two folders, on the image's own grid."""
    predicted, true = (read_mask(Source(folder / f"{case}.png")) > 0 for folder in folders)
    return float(dice(predicted, true))


def rows(settings: Settings) -> Iterator[Row]:
    """Yields a row for each time, sample and candidate."""
    for minutes in MINUTES:
        for name in NAMES:
            for candidate in CANDIDATES:
                work = partial(dice_after, name, minutes, candidate, settings)
                yield Row(f"{name}, {minutes:g} min, {candidate}", {"isthmus": ready(work)}, "Dice")


def lines(found: Sequence[Result]) -> list[str]:
    """Returns the table: Dice and steps by sample and time, a column for each candidate."""
    cells: dict[tuple[str, str], dict[str, str]] = {}
    for row in found[0]["rows"]:
        name, minutes, candidate = row["name"].split(", ")
        value = row["values"]["isthmus"]
        of = f" of {value['size'].partition(' and')[0]}" if candidate == "fitted" else ""
        cells.setdefault((name, minutes), {})[candidate] = f"{value['dice']:.4f} ({value['steps']} steps{of})"
    head = ["sample", "time", *CANDIDATES]
    body = [[*key, *(by.get(candidate, "") for candidate in CANDIDATES)] for key, by in sorted(cells.items())]
    table = [head, ["---"] * 2 + ["---:"] * len(CANDIDATES), *body]
    return [*(f"| {' | '.join(line)} |" for line in table), "", *machine_lines(found[0]["rows"])]


BENCHMARK = Benchmark(rows, {"table": lines}, environment=ONE_THREAD)

"""nnU-Net v2, MONAI's BasicUNet and `isthmus train` with no option, trained for equal processor time on one thread.

Every program gets the same training cases and divides an inner validation from them as it likes; the scored cases it
sees as images only, when it is trained. ``NNUNET_PYTHON`` names the Python of an environment that has `nnunetv2`,
``PEERS_DEVICE`` another device than the processor. Each run is a folder below OUT; what is finished there is not done
again, and what was stopped begins again. ``peers.yaml`` is the study: seconds, seeds, and the points of the curve.
"""

from __future__ import annotations

import math
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from benchmarks.accuracy.contenders import page
from benchmarks.accuracy.contenders.measured_run import Job, Program, measured
from benchmarks.accuracy.contenders.sets import SETS, exported
from benchmarks.frame.benchmark import Benchmark, Row, Settings, ready
from isthmus import compare
from isthmus.errors import IsthmusError
from isthmus.runs.files import read_yaml

HERE = Path(__file__).parent
PROGRAMS = {
    "basic-unet": Program("MONAI BasicUNet", HERE / "contenders" / "basic_unet_program.py", needs=("monai",)),
    "nnunet": Program(
        "nnU-Net v2",
        HERE / "contenders" / "nnunet_program.py",
        os.environ.get("NNUNET_PYTHON", sys.executable),
        ("nnunetv2",),
        prepares=True,
    ),
    "isthmus": Program("isthmus train", HERE / "contenders" / "isthmus_program.py", needs=("isthmus",)),
}


def planned(study: Mapping[str, Any]) -> list[tuple[str, int, int]]:
    """Returns set, seconds and seed of every row: the first seed of each set, the other seeds, then the curve.

    >>> planned({"seconds": 300, "seeds": {"a": 2, "b": 1}, "curve": {"a": [60, 300]}})
    [('a', 300, 0), ('b', 300, 0), ('a', 300, 1), ('a', 60, 0)]
    """
    seeds: Mapping[str, int] = study["seeds"]
    table = [
        (name, study["seconds"], seed)
        for seed in range(max(seeds.values()))
        for name in seeds
        if seed < seeds[name]
    ]
    curve = [(name, seconds, 0) for name, points in study["curve"].items() for seconds in points]
    return list(dict.fromkeys(table + curve))


def run(key: str, row: tuple[str, int, int], settings: Settings) -> dict[str, Any]:
    """Returns what a run of a program found, or what is not installed."""
    name, seconds, seed = row
    data = exported(SETS[name], settings.data, settings.out / "sets" / name)
    folder = settings.out / name / f"{seconds}" / f"{key}-{seed}"
    job = Job(data, folder, seconds, seed, os.environ.get("PEERS_DEVICE", "cpu"))
    before = signal.signal(signal.SIGTERM, _stopped)
    try:
        return measured(PROGRAMS[key], job)
    except IsthmusError as error:
        return {"asked": seconds, "seed": seed, "missing": str(error)}
    finally:
        signal.signal(signal.SIGTERM, before)


def compared(row: tuple[str, int, int], settings: Settings, found: Mapping[str, Any]) -> dict[str, Any]:
    """Writes the page of `isthmus compare` on the masks of a row, and returns the differences in Dice."""
    name, seconds, seed = row
    folder = settings.out / name / f"{seconds}"
    masks = {
        program.label: folder / f"{key}-{seed}" / "masks"
        for key, program in PROGRAMS.items()
        if "scores" in found.get(key, {})
    }
    if len(masks) < 2:
        return {}
    comparison = compare(settings.out / "sets" / name / "test" / "cases.csv", masks)
    comparison.save(folder / f"compared-{seed}", overwrite=True)
    keys = ("first", "second", "difference", "low", "high", "p, Holm")
    differences = [each for each in comparison.tables["differences"] if each["metric"] == "dice"]
    return {"Dice": [{key: _known(each[key]) for key in keys} for each in differences]}


def _known(value: Any) -> Any:
    """Returns a value of a table; None for NaN, as of an interval over too few groups."""
    return None if isinstance(value, float) and math.isnan(value) else value


def _stopped(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(143)


def rows(settings: Settings) -> Iterator[Row]:
    """Yields a row for each data set, time and seed, with the programs as contenders."""
    for row in planned(read_yaml(HERE / "peers.yaml")):
        name, seconds, seed = row
        works = {key: ready(partial(run, key, row, settings)) for key in PROGRAMS}
        facts = partial(compared, row, settings)
        yield Row(f"{name}, {seconds} s, seed {seed}", works, "runs", facts=facts)


BENCHMARK = Benchmark(rows, page.BLOCKS, page.drawn, packages=("numpy", "torch", "monai"))

"""Nuclei told apart: isthmus, a U-Net of MONAI with a watershed, and StarDist, at equal processor time on one thread.

``STARDIST_PYTHON`` names the Python of an environment that has `stardist` and TensorFlow; without it StarDist is left
out. Each run is a folder below OUT; what is finished there is not done again. ``equal_time.yaml`` says how long and how
often. No choice of ours was made on the scored images.
"""

from __future__ import annotations

import os
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.accuracy.contenders.measured_run import Job, Program, measured
from benchmarks.frame.benchmark import Benchmark, Result, Row, Settings, ready
from benchmarks.frame.markdown import machine_lines, table
from benchmarks.objects.nuclei_images import exported
from benchmarks.objects.scores import object_scores
from isthmus.errors import IsthmusError
from isthmus.runs.files import read_yaml

HERE = Path(__file__).parent
OURS = HERE.parent / "accuracy" / "contenders" / "isthmus_program.py"
PROGRAMS = {
    "isthmus": Program("isthmus train", OURS, words=("data.instances=true",)),
    "plain": Program("U-Net and watershed", HERE / "plain_program.py", needs=("monai", "skimage")),
    "stardist": Program(
        "StarDist",
        HERE / "stardist_program.py",
        os.environ.get("STARDIST_PYTHON", sys.executable),
        ("stardist", "tensorflow", "cv2"),
    ),
}
MEANS = {"f1": "object F1", "ap": "mean AP", "pq": "PQ", "aji": "AJI"}


def run(key: str, seconds: int, seed: int, settings: Settings) -> dict[str, Any]:
    """Returns what a run of a program found, or what is not installed."""
    data = exported(settings.data, settings.out / "nuclei")
    job = Job(data, settings.out / f"{seconds}" / f"{key}-{seed}", seconds, seed)
    try:
        return measured(PROGRAMS[key], job, object_scores)
    except IsthmusError as error:
        return {"asked": seconds, "seed": seed, "missing": str(error)}


def rows(settings: Settings) -> Iterator[Row]:
    """Yields a row for each time and seed, with the programs as contenders."""
    for seconds, seeds in read_yaml(HERE / "equal_time.yaml")["seconds"].items():
        for seed in range(seeds):
            works = {key: ready(partial(run, key, seconds, seed, settings)) for key in PROGRAMS}
            yield Row(f"{seconds} s, seed {seed}", works, "runs")


def summary(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Returns the cells of a program with a time: means over images and seeds, and counts over all images."""
    scores = [case for each in runs for case in each["scores"].values()]

    def total(key: str) -> int:
        return sum(case[key] for case in scores)

    means = [f"{statistics.fmean(case[key] for case in scores):.3f}" for key in MEANS]
    seconds = [f"{statistics.fmean(each[step] for each in runs):.0f}" for step in ("train", "predict")]
    counts = [f"{total('found') / total('true'):.2f}", f"{total('false') / len(runs):.0f}"]
    return [str(len(runs)), *means, *counts, f"{total('apart')} / {total('beside')}", *seconds]


def found_in(results: Sequence[Result]) -> dict[tuple[int, str], list[dict[str, Any]]]:
    """Returns the finished runs by seconds and program."""
    found: dict[tuple[int, str], list[dict[str, Any]]] = {}
    for row in (row for result in results for row in result["rows"]):
        for key, each in row["values"].items():
            if "scores" in each:
                found.setdefault((each["asked"], key), []).append(each)
    return found


def scores_table(results: Sequence[Result]) -> list[str]:
    """Returns the table of all programs and times."""
    found = found_in(results)
    if not found:
        return ["Nothing was measured yet."]
    head = ["seconds", "program", "seeds", *MEANS.values(), "found / true", "false objects", "told apart"]
    lines = [
        [str(seconds), PROGRAMS[key].label, *summary(runs)]
        for (seconds, key), runs in sorted(
            found.items(), key=lambda item: (item[0][0], list(PROGRAMS).index(item[0][1]))
        )
    ]
    return [
        *table([*head, "training (s)", "prediction (s)"], lines),
        "",
        *machine_lines([row for result in results for row in result["rows"]]),
    ]


def kinds_table(results: Sequence[Result]) -> list[str]:
    """Returns object F1 and found / true by kind of picture."""
    lines = []
    for (seconds, key), runs in sorted(found_in(results).items()):
        cases = [case for each in runs for case in each["scores"].values()]
        for kind in sorted({case["kind"] for case in cases}):
            own = [case for case in cases if case["kind"] == kind]
            share = sum(case["found"] for case in own) / sum(case["true"] for case in own)
            f1 = statistics.fmean(case["f1"] for case in own)
            images = str(len(own) // len(runs))
            lines.append([str(seconds), PROGRAMS[key].label, kind, images, f"{f1:.3f}", f"{share:.2f}"])
    return (
        table(["seconds", "program", "kind", "images", "object F1", "found / true"], lines) if lines else []
    )


BENCHMARK = Benchmark(
    rows, {"table": scores_table, "kinds": kinds_table}, packages=("numpy", "scipy", "torch", "monai")
)

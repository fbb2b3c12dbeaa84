"""A few images of an unknown kind: fine-tuned from a network that has never seen it, and learned from nothing.

The network to start from is trained as `trained_nuclei` says, on the grey pictures of nuclei alone; the few images, and
those that are scored, are stained purple on white. Each run has the same processor time on one thread. Runs are folders
below OUT, and what is finished there is not done again.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.accuracy.contenders.measured_run import Job, Program, measured
from benchmarks.frame.benchmark import Benchmark, Result, Row, Settings, ready
from benchmarks.frame.markdown import machine_lines, table
from benchmarks.frame.runs import merged, trained
from benchmarks.objects.equal_time import OURS
from benchmarks.objects.nuclei_images import exported
from benchmarks.objects.scores import object_scores
from benchmarks.objects.trained_nuclei import sections
from isthmus.locks import taken
from isthmus.runs.files import read_csv, write_csv
from isthmus.statistics import bootstrap

COUNTS, SECONDS, SEED = (3, 5, 10), 90, 0
UNSEEN, SEEN = "purple_white", ("grey_dark", "grey_bright")
EPOCHS = 6
"""Of the network that is started from."""
LABELS = {"nothing": "from nothing", "tuned": "fine-tuned"}


def cases(part: Path, kinds: Sequence[str]) -> list[dict[str, str]]:
    """Returns the rows of a part's images of some kinds, with absolute paths, and their kind."""
    kind_of = {row["group"]: row["kind"] for _, row in read_csv(part / "kinds.csv", ["group", "kind"]).lines}
    rows = [row for _, row in read_csv(part / "cases.csv", ["image", "mask", "group"]).lines]
    return [
        {"group": row["group"], "kind": kind_of[row["group"]]}
        | {key: str(part / row[key]) for key in ("image", "mask")}
        for row in rows
        if kind_of[row["group"]] in kinds
    ]


def divided(data: Path, folder: Path, count: int) -> Path:
    """Writes so many images of the unseen kind that train, the same first ones for every number, and all others."""
    rows = [row for part in ("train", "test") for row in cases(data / part, [UNSEEN])]
    random.Random(SEED).shuffle(rows)
    for part, own in {"train": rows[:count], "test": rows[max(COUNTS) :]}.items():
        for key in ("image", "mask"):
            (folder / part / f"{key}s").mkdir(parents=True, exist_ok=True)
            for row in own:
                shutil.copyfile(row[key], folder / part / f"{key}s" / Path(row[key]).name)
        files = [row | {key: f"{key}s/{Path(row[key]).name}" for key in ("image", "mask")} for row in own]
        write(folder / part / "cases.csv", files, "image", "mask", "group")
        write(folder / part / "kinds.csv", files, "group", "kind")
    return folder


def write(path: Path, rows: Sequence[dict[str, str]], *columns: str) -> None:
    """Writes some columns of rows as a table."""
    write_csv(path, [{key: row[key] for key in columns} for row in rows], columns)


def start(data: Path, out: Path) -> Path:
    """Returns the run that has seen grey pictures alone; trains it unless that is done."""
    with taken(out / "start.lock", patience=-1):
        rows = cases(data / "train", SEEN)
        write(out / "seen.csv", rows, "image", "mask", "group")
        return trained(
            merged(sections(out / "seen.csv"), {"training": {"epochs": EPOCHS}}), out / "start"
        ).path


def run(key: str, count: int, settings: Settings) -> dict[str, Any]:
    """Returns what a run found."""
    out = settings.out / "fine-tuning"
    data = exported(settings.data, settings.out / "nuclei")
    words: tuple[str, ...] = ("data.instances=true",)
    if key == "tuned":
        words += ("--from", str(start(data, out)))
    few = divided(data, out / f"{count}", count)
    job = Job(few, out / f"{count}-{key}", SECONDS, SEED)
    return measured(Program(LABELS[key], OURS, words=words), job, object_scores)


def rows(settings: Settings) -> Iterator[Row]:
    """Yields a row for each number of images."""
    for count in COUNTS:
        works = {key: ready(partial(run, key, count, settings)) for key in LABELS}
        yield Row(f"{count} images", works, "runs")


def scores_table(results: Sequence[Result]) -> list[str]:
    """Returns object F1 for each number of images, and the difference with its interval over images."""
    lines = []
    for row in (row for result in results for row in result["rows"]):
        scores = [row["values"][key]["scores"] for key in LABELS]
        nothing, tuned = (np.array([each[case]["f1"] for case in sorted(scores[0])]) for each in scores)
        gain = bootstrap(list(tuned - nothing))
        seconds = [f"{row['values'][key]['train']:.0f}" for key in LABELS]
        means = [f"{each.mean():.3f}" for each in (nothing, tuned)]
        difference = f"{gain.estimate:+.3f} ({gain.low:+.3f} to {gain.high:+.3f})"
        lines.append([row["name"], str(len(tuned)), *means, difference, " and ".join(seconds)])
    if not lines:
        return ["Nothing was measured yet."]
    head = ["learned from", "scored", *LABELS.values(), "difference (95 %)", "training (s)"]
    return [*table(head, lines), "", *machine_lines([row for result in results for row in result["rows"]])]


BENCHMARK = Benchmark(rows, {"table": scores_table})

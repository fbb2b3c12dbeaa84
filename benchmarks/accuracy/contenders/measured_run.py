"""One run of one program: trained, its masks written and scored, with the processor seconds of every step.

A run is a folder. ``run.json`` appears in it when the run is finished; a run without it begins again.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from PIL import Image

from benchmarks.frame.benchmark import ONE_THREAD, ROOT
from isthmus.errors import IsthmusError
from isthmus.io.images import Source, read_mask
from isthmus.locks import taken
from isthmus.metrics import dice, iou
from isthmus.runs.files import read_csv, read_json, write_json

Score = Callable[[Path, Path], dict[str, dict[str, Any]]]
"""From a folder of masks, and that of the scored cases, to the scores of every case."""


@dataclass(frozen=True)
class Program:
    """A program that learns and predicts.

    Attributes:
        label: its name in tables.
        script: called as ``PYTHON SCRIPT STEP JOB`` with the steps ``prepare``, ``train`` and ``predict``.
        python: the interpreter that has it installed.
        needs: packages without which it is not installed.
        prepares: whether it prepares a data set once for all its runs.
        words: what it is told beside the job, as recipe values.
    """

    label: str
    script: Path
    python: str = sys.executable
    needs: tuple[str, ...] = ()
    prepares: bool = False
    words: tuple[str, ...] = ()

    def missing(self) -> str:
        """Returns what is not installed, in one line; "" if all is."""
        find = f"import importlib.util as u; print(*[n for n in {self.needs!r} if not u.find_spec(n)])"
        try:
            lacks = subprocess.run([self.python, "-c", find], capture_output=True, text=True).stdout.split()
        except OSError:
            return f"not installed: there is no {self.python}"
        return f"not installed: {', '.join(lacks)} for {self.python}" if lacks else ""


@dataclass(frozen=True)
class Job:
    """What a program is asked to do.

    Attributes:
        data: the folder of the data set, with ``train`` and ``test``.
        folder: of the run.
        seconds: processor seconds that training may take.
        seed: of the run.
        device: where to compute.
    """

    data: Path
    folder: Path
    seconds: float
    seed: int
    device: str = "cpu"


def measured(program: Program, job: Job, score: Score | None = None) -> dict[str, Any]:
    """Returns what a run found and took; runs it unless it is finished, and waits for another process that runs it.

    Args:
        program: what learns and predicts.
        job: what it is asked to do.
        score: gives the scores of the masks in a folder, by case; None: `scores`.

    Raises:
        IsthmusError: the program is not installed, or fails.
    """
    with taken(job.folder.with_name(f"{job.folder.name}.lock"), patience=-1):
        return _measured(program, job, score or scores)


def _measured(program: Program, job: Job, score: Score) -> dict[str, Any]:
    finished = job.folder / "run.json"
    if finished.is_file():
        found: dict[str, Any] = read_json(finished)
        return found
    if lacks := program.missing():
        raise IsthmusError(lacks)
    shutil.rmtree(job.folder, ignore_errors=True)
    result: dict[str, Any] = {"asked": job.seconds, "seed": job.seed}
    if program.prepares:
        result["prepare"] = _prepared(program, job)
    for step in ("train", "predict"):
        facts = _step(program, step, job, job.folder)
        result |= {step: facts.pop("processor_seconds"), **facts}
    result["scores"] = score(job.folder / "masks", job.data / "test")
    write_json(finished, result)
    return result


def _prepared(program: Program, job: Job) -> float:
    """Prepares a data set once, and returns the processor seconds of that."""
    folder = _shared(program, job)
    with taken(folder.with_name(f"{folder.name}.lock"), patience=-1):
        if not (folder / "prepared.json").is_file():
            shutil.rmtree(folder, ignore_errors=True)
            write_json(folder / "prepared.json", _step(program, "prepare", job, folder))
    return float(read_json(folder / "prepared.json")["processor_seconds"])


def _shared(program: Program, job: Job) -> Path:
    return job.data.parent / f"{job.data.name}-{program.script.stem}"


def _step(program: Program, step: str, job: Job, folder: Path) -> dict[str, Any]:
    """Runs a step in a process of its own, and returns what it tells and the processor seconds that it took."""
    for name in ("work", "masks"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    asked = {
        "train": job.data / "train",
        "test": job.data / "test",
        "prepared": _shared(program, job),
        "work": folder / "work",
        "masks": folder / "masks",
        "facts": folder / f"{step}.json",
        "seconds": job.seconds,
        "seed": job.seed,
        "device": job.device,
        "words": list(program.words),
        "channels": channels(job.data),
    }
    write_json(folder / "job.json", {key: str(v) if isinstance(v, Path) else v for key, v in asked.items()})
    print(f"{folder}: {step}", flush=True)
    with (folder / f"{step}.log").open("w", encoding="utf-8") as log:
        command = [program.python, str(program.script), step, str(folder / "job.json")]
        seconds, code = processor_seconds(command, log)
    if code:
        last = (folder / f"{step}.log").read_text(encoding="utf-8").strip().splitlines()[-1:]
        raise IsthmusError(
            f"{program.label} failed to {step} in {folder}: {' '.join(last) or f'code {code}'}"
        )
    told: dict[str, Any] = read_json(folder / f"{step}.json")
    return told | {"processor_seconds": round(seconds, 1)}


def processor_seconds(command: Sequence[str], log: IO[str]) -> tuple[float, int]:
    """Runs a command on one thread, and returns the processor seconds of it and its children, and its exit code."""
    path = os.pathsep.join([str(ROOT.parent / "src"), str(ROOT.parent)])
    process = subprocess.Popen(
        command, stdout=log, stderr=subprocess.STDOUT, env=os.environ | ONE_THREAD | {"PYTHONPATH": path}
    )
    before = children_seconds()
    try:
        code = process.wait()
    except BaseException:
        process.terminate()
        process.wait()
        raise
    return children_seconds() - before, code


def children_seconds() -> float:
    """Returns the processor seconds, user and system, of the processes that this one has started and waited for."""
    times = os.times()
    return times.children_user + times.children_system


def channels(data: Path) -> int:
    """Returns the number of channels of the images."""
    with Image.open(next((data / "train" / "images").iterdir())) as image:
        return len(image.getbands())


def scores(masks: Path, test: Path) -> dict[str, dict[str, Any]]:
    """Returns Dice, Jaccard and the group of every scored case by its id; a mask that is missing is empty."""
    found = {}
    for _, case in read_csv(test / "cases.csv", ["mask", "group"]).lines:
        truth = test / case["mask"]
        wanted = read_mask(Source(truth)) > 0
        path = masks / truth.name
        drawn = read_mask(Source(path)) > 0 if path.is_file() else np.zeros_like(wanted)
        both = {"dice": dice(drawn, wanted), "iou": iou(drawn, wanted)}
        found[truth.stem] = {key: round(float(value), 5) for key, value in both.items()} | {
            "group": case["group"]
        }
    return found

"""BraTS 2015, two modalities in 3D: trains, is killed, resumes, segments whole volumes; and what memory that takes.

It uses only the command line. Two patients train; a third, at the same scale, chooses the epoch; a fourth, at half the
voxel size, is only scored. Regions (whole tumour, core, enhancing) are predicted separately. There are no pictures: the
scans are CC BY-NC-SA, which this project is not.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks.frame import markdown
from benchmarks.frame.benchmark import ONE_THREAD, Benchmark, Result, Row, Settings, ready
from benchmarks.frame.memory import resident
from benchmarks.frame.results import rows_of
from benchmarks.frame.runs import cost
from isthmus.machine import peak_memory
from isthmus.networks import count_parameters, create_model
from isthmus.objectives import Objective
from isthmus.runs import hardware as machine
from isthmus.runs.files import read_json, write_json
from isthmus.runs.folder import RunFolder
from isthmus.runs.recipe import Hardware

CHOOSING, TEST = "Brats15_2013_pat0005_1", "Brats15_2013_pat0006_1"
NETWORK = ("network.model=hmedn3d_l3", "network.options={widths: [8, 16, 32, 64], pathway_width: 16}")
DEFAULT = ("network.options={widths: [8, 16, 32, 64]}",)  # our default network, which normalises by instance
WORDS = (
    "data.regions=dataset",
    "data.multilabel=true",
    "objective.heads={logits: {bce: 1, dice: 1}}",
    "input.patch=[64, 64, 64]",
    "input.normalise=dataset",
    "input.foreground=0.7",
    "training.epochs=15",
    "training.samples=40",
    "training.batch=2",
    "training.learning_rate=0.002",
    f"protocol.validation=[{CHOOSING}]",
    f"protocol.test=[{TEST}]",
    "hardware.threads=1",
    "hardware.device=cpu",
)
KILLED_AFTER = 4  # epochs
LIMIT_GIB = 8.0
PAPER, SIDE = "hmedn3d_l2", 128
SCORES, PEAK = "scores", "peak and time"
TRAINING, PREDICTING, STEP = (
    "training after the kill",
    "predicting all four volumes",
    "step of the paper's network",
)
REGIONS = ("WT", "TC", "ET")


def rows(settings: Settings) -> Iterator[Row]:
    """Yields peak and time of training, of predicting and of a step at full size, and the scores of two networks."""
    root, out = settings.data / "brats-2015-deepmedic", settings.out
    here, default, masks = out / "brain", out / "brain-beside", out / "brain-masks"

    def row(name: str, unit: str, work: Callable[[], Any], **more: Any) -> Row:
        return Row(name, {"isthmus": ready(work)}, unit, **more)

    predict = ("predict", str(here), "brats", "--root", str(root), "--out", str(masks), "--overwrite")
    yield row(TRAINING, PEAK, partial(_stored, out / "brain.json", partial(_trained, root, here)))
    yield row(PREDICTING, PEAK, partial(_stored, out / "brain-predict.json", partial(_watched, *predict)))
    yield row(STEP, PEAK, full_size, own_process=True)

    def scored(folder: Path) -> list[dict[str, Any]]:
        if not RunFolder(folder).finished():
            _watched("train", "brats", "--root", str(root), "--out", str(folder), *WORDS, *DEFAULT)
        return _scores(RunFolder(folder))

    for name, folder in (("hmedn3d_l3", here), ("our default", default)):
        facts = partial(lambda folder, _: {"cost": cost(RunFolder(folder))}, folder)
        yield row(name, SCORES, partial(scored, folder), facts=facts)


def facts(_: Settings, __: list[dict[str, Any]]) -> dict[str, Any]:
    """Returns the words of the command lines, and the limit of memory."""
    return {"words": [*WORDS, *NETWORK], "beside": DEFAULT, "limit_gib": LIMIT_GIB}


def _stored(path: Path, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Returns what a work found, and does the work only once: finished runs are left alone."""
    if not path.is_file():
        write_json(path, work())
    found: dict[str, Any] = read_json(path)
    return found


def _scores(folder: RunFolder) -> list[dict[str, Any]]:
    """Returns the columns of `cases.csv` that the page shows."""
    metrics = ("dice", "hausdorff_distance_95", "prediction_points", "truth_points")
    return [
        {key: row[key] for key in ("case", "set", "class")}
        | {key: round(float(row[key]), 4) for key in metrics}
        for row in folder.read_rows(folder.cases)
    ]


def _isthmus(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "isthmus", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _watched(*words: str) -> dict[str, Any]:
    """Runs a command to its end, and returns its peak memory and seconds."""
    started, peak = time.monotonic(), 0.0
    process = _isthmus(*words)
    while process.poll() is None:
        peak = max(peak, resident("VmHWM", process.pid) / 2**20)
        time.sleep(0.2)
    said = process.stdout.read() if process.stdout else ""
    if process.returncode:
        raise SystemExit(f"isthmus {words[0]}: {said}")
    return {"peak_mib": round(peak), "seconds": round(time.monotonic() - started)}


def _epochs(here: Path) -> int:
    path = RunFolder(here).history
    return len(path.read_text(encoding="utf-8").splitlines()) - 1 if path.is_file() else 0


def _trained(root: Path, here: Path) -> dict[str, Any]:
    """Starts a training, kills it (SIGKILL) once some epochs are on disk, and resumes it to the end."""
    killed = _epochs(here)
    if not RunFolder(here).recipe_path.is_file():
        process = _isthmus("train", "brats", "--root", str(root), "--out", str(here), *WORDS, *NETWORK)
        while process.poll() is None and _epochs(here) < KILLED_AFTER:
            time.sleep(0.5)
        if process.poll() is not None:
            raise SystemExit(
                process.stdout.read() if process.stdout else "training ended before it was killed"
            )
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        killed = _epochs(here)
    before = RunFolder(here).history.read_text(encoding="utf-8").splitlines()[1 : killed + 1]
    resumed = _watched("train", "--out", str(here), "--resume")
    after = RunFolder(here).history.read_text(encoding="utf-8").splitlines()[1 : killed + 1]
    same = [a.rsplit(",", 1)[0] == b.rsplit(",", 1)[0] for a, b in zip(before, after, strict=True)]
    return resumed | {"killed_after_epochs": killed, "epochs": _epochs(here), "history_kept": all(same)}


def full_size() -> dict[str, Any]:
    """Takes two training steps of the paper's 3D HMEDN on 128 x 128 x 128, batch 1; the second shows the peak."""
    torch.set_num_threads(1)
    hardware = machine.resolve(Hardware(device="cpu", threads=1))
    layout = machine.memory_format(hardware, 3)
    network = create_model(PAPER, in_channels=2, classes=3, checkpoint=True).to(memory_format=layout).train()  # type: ignore[call-overload]
    optimiser = torch.optim.Adam(network.parameters())
    objective = Objective({"logits": {"bce": 1, "dice": 1}}, classes=3, multilabel=True)
    image = torch.randn(1, 2, SIDE, SIDE, SIDE).contiguous(memory_format=layout)
    labels = torch.randint(2, (1, 3, SIDE, SIDE, SIDE))
    for _ in range(2):
        start = time.process_time()
        with machine.autocast(hardware):
            output = network(image)
        objective(output, labels, {}).backward()
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        seconds = time.process_time() - start
    return {
        "network": PAPER,
        "parameters": count_parameters(network),
        "side": SIDE,
        "seconds": round(seconds, 1),
        "peak_mib": round((peak_memory() or 0) / 2**20),
        "precision": hardware.precision,
    }


def values_of(found: Sequence[Result], unit: str) -> dict[str, Any]:
    """Returns the values by row."""
    return {row["name"]: row["values"]["isthmus"] for row in rows_of(found[0], unit)}


def commands(found: Sequence[Result]) -> list[str]:
    """Shows the command lines, and what happened after the kill."""
    words = " ".join(f"'{word}'" if set(word) & set(" {[") else word for word in found[0]["facts"]["words"])
    training = values_of(found, PEAK)[TRAINING]
    return [
        *markdown.text(
            f"Training was killed with SIGKILL after {training['killed_after_epochs']} epochs and resumed to",
            f"{training['epochs']}. The epochs before the kill are unchanged in the resumed run's history:",
            f"{'yes' if training['history_kept'] else '**no**'}.",
        ),
        "```",
        f"isthmus train brats --root ROOT --out RUN {words}",
        "isthmus train --out RUN --resume",
        "isthmus predict RUN brats --root ROOT --out MASKS",
        "```",
    ]


def scores(found: Sequence[Result]) -> list[str]:
    """Shows scores by network and volume, and what the trainings took."""
    lines = []
    for name, rows in values_of(found, SCORES).items():
        volumes: dict[str, dict[str, Any]] = {}
        for row in rows:
            volumes.setdefault(f"{row['case']} ({row['set']})", {})[row["class"]] = row
        for volume, regions in volumes.items():
            each = [regions[region] for region in REGIONS]
            dice = [f"{row['dice']:.3f}" for row in each]
            distances = [f"{row['hausdorff_distance_95']:.1f}" for row in each]
            sizes = [f"{row['prediction_points'] / row['truth_points']:.2f}" for row in each]
            lines.append([name, volume, *dice, *distances, *sizes])
    titles = ("Dice {}", "HD95 {}, mm", "found / true {}")
    heads = ["network", "volume", *(title.format(region) for title in titles for region in REGIONS)]
    ours, default = (row["facts"]["cost"] for row in rows_of(found[0], SCORES))
    options = " ".join(f"'{word}'" for word in found[0]["facts"]["beside"])
    return [
        *markdown.table(heads, lines),
        *markdown.text(
            f"{ours['epochs']} epochs of 20 steps each took {ours['minutes']:.1f} minutes, and with our default",
            f"network ({options} instead) {default['minutes']:.1f}.",
        ),
    ]


def memory(found: Sequence[Result]) -> list[str]:
    """Shows peak memory against the limit."""
    peaks, limit = values_of(found, PEAK), found[0]["facts"]["limit_gib"]
    gib = {name: f"{each['peak_mib'] / 1024:.2f}" for name, each in peaks.items()}
    training, predicting, step = (peaks[name] for name in (TRAINING, PREDICTING, STEP))
    paper = f"a step of the paper's {step['network']} ({step['parameters'] / 1e6:.2f} M) on {step['side']}³"
    below = max(each["peak_mib"] for each in peaks.values()) < limit * 1024
    return [
        *markdown.table(
            ["process", "peak, GiB", "time"],
            [
                [TRAINING, gib[TRAINING], f"{training['seconds'] / 60:.1f} min"],
                [PREDICTING, gib[PREDICTING], f"{predicting['seconds']} s"],
                [f"{paper}, `checkpoint=true`", gib[STEP], f"{step['seconds']:.0f} s of processor time"],
            ],
        ),
        f"All below {limit:g} GiB: {'yes' if below else '**no**'}.",
    ]


BENCHMARK = Benchmark(
    rows, {"commands": commands, "scores": scores, "memory": memory}, facts, environment=ONE_THREAD
)

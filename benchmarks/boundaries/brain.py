"""BraTS 2015, two modalities, in 3D: trains, is killed, goes on, segments whole volumes; how much memory that takes.

By the command line alone. Two patients train; of the third, at the same scale, the epoch is chosen; the fourth, at half
the voxel size, is only scored. Regions (whole tumour, core, enhancing) are drawn each by itself.

No pictures: the scans are CC BY-NC-SA, which this project is not.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.boundaries.runs import cost, keep
from isthmus.runs.files import read_json, write_json
from isthmus.runs.folder import RunFolder

CHOOSING, TEST = "Brats15_2013_pat0005_1", "Brats15_2013_pat0006_1"
NETWORK = ("network.model=hmedn3d_l3", "network.options={widths: [8, 16, 32, 64], pathway_width: 16}")
BESIDE = ("network.options={widths: [8, 16, 32, 64]}",)  # our default network, which normalises by instance
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
ASKED_GIB = 8.0


def run(data: Path, out: Path, only: str | None) -> None:
    """Train with a kill in the middle, predict, keep."""
    del only
    root, here = data / "brats-2015-deepmedic", out / "brain"
    told = out / "brain.json"
    if not told.is_file():
        write_json(told, _trained(root, here))
    beside = out / "brain-beside"
    if not RunFolder(beside).finished():
        _watched("train", "brats", "--root", str(root), "--out", str(beside), *WORDS, *BESIDE)
    predicted = out / "brain-masks"
    if not (out / "brain-predict.json").is_file():
        write_json(
            out / "brain-predict.json",
            _watched(
                "predict", str(here), "brats", "--root", str(root), "--out", str(predicted), "--overwrite"
            ),
        )
    if not (out / "brain-full.json").is_file():
        write_json(out / "brain-full.json", _full_size())
    folder = RunFolder(here)
    keep(
        "brain",
        {
            "words": [*WORDS, *NETWORK],
            "beside": BESIDE,
            "training": read_json(told),
            "predicting": read_json(out / "brain-predict.json"),
            "full_size": read_json(out / "brain-full.json"),
            "cost": cost(folder),
            "beside_cost": cost(RunFolder(beside)),
            "scores": _scores(folder),
            "beside_scores": _scores(RunFolder(beside)),
            "asked_gib": ASKED_GIB,
        },
    )


def _scores(folder: RunFolder) -> list[dict[str, Any]]:
    """Rows of `cases.csv`, of what the page shows."""
    metrics = ("dice", "hausdorff_distance_95", "prediction_points", "truth_points")
    return [
        {key: row[key] for key in ("case", "set", "class")}
        | {key: round(float(row[key]), 4) for key in metrics}
        for row in folder.read_rows(folder.cases)
    ]


def _isthmus(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "isthmus.cli.main", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


def _peak_mib(process: subprocess.Popen[str]) -> float:
    """The most memory that a process has held so far."""
    try:
        status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    except OSError:
        return 0.0
    return next(
        (int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM")), 0.0
    )


def _watched(*words: str) -> dict[str, Any]:
    """A command to its end: peak memory and seconds."""
    started, peak = time.monotonic(), 0.0
    process = _isthmus(*words)
    while process.poll() is None:
        peak = max(peak, _peak_mib(process))
        time.sleep(0.2)
    said = process.stdout.read() if process.stdout else ""
    if process.returncode:
        raise SystemExit(f"isthmus {words[0]}: {said}")
    return {"peak_mib": round(peak), "seconds": round(time.monotonic() - started)}


def _epochs(here: Path) -> int:
    path = RunFolder(here).history
    return len(path.read_text(encoding="utf-8").splitlines()) - 1 if path.is_file() else 0


def _trained(root: Path, here: Path) -> dict[str, Any]:
    """Started, killed (SIGKILL) once some epochs are on disk, and resumed to the end."""
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


def _full_size() -> dict[str, Any]:
    """One training step of the paper's HMEDN 3D L2 on 128 x 128 x 128, batch 1, in a process of its own."""
    found = subprocess.run(
        [sys.executable, "-m", "benchmarks.boundaries.brain_step"], check=True, capture_output=True, text=True
    )
    result: dict[str, Any] = json.loads(found.stdout)
    return result

"""`isthmus train` with no option but its time and seed: ``PYTHON isthmus_program.py STEP JOB``.

``JOB`` is the file that `measured_run` writes.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

time.perf_counter = time.process_time  # the minutes are the processor's, as other work may be running

from isthmus.cli.main import app  # noqa: E402
from isthmus.runs.files import read_json  # noqa: E402
from isthmus.runs.folder import RunFolder  # noqa: E402

JOB: dict[str, Any] = json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
RUN = Path(JOB["work"]) / "run"


def train() -> dict[str, Any]:
    """Trains, and returns what was trained."""
    minutes = max(1.0, JOB["seconds"] - time.process_time()) / 60  # the imports took some
    isthmus(
        "train",
        f"{JOB['train']}/cases.csv",
        *JOB["words"],
        "--minutes",
        minutes,
        "--seed",
        JOB["seed"],
        "--out",
        RUN,
    )
    cost, recipe = read_json(RunFolder(RUN).cost), RunFolder(RUN).recipe()
    return {
        "epochs": cost["epochs"],
        "best_epoch": cost["best_epoch"],
        "steps": cost["epochs"] * -(-(recipe.training.samples or 0) // recipe.training.batch),
        "batch": recipe.training.batch,
        "patch": list(recipe.input.patch or recipe.input.resize or ()),
        "precision": recipe.hardware.precision,
    }


def predict() -> dict[str, Any]:
    """Writes the masks of the scored cases."""
    isthmus("predict", RUN, f"{JOB['test']}/images", "--out", JOB["masks"])
    return {}


def isthmus(*words: Any) -> None:
    """Calls the command line, in this process."""
    app([*map(str, words), "--device", JOB["device"]], standalone_mode=False)


if __name__ == "__main__":
    facts = {"train": train, "predict": predict}[sys.argv[1]]()
    Path(JOB["facts"]).write_text(json.dumps(facts), encoding="utf-8")

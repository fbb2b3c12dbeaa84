"""What the parts share: a run that goes on where it stopped, its cost, and the committed results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.frame.machine import describe
from isthmus import training
from isthmus.runs.files import read_json, write_text
from isthmus.runs.folder import RunFolder
from isthmus.runs.recipe import make_recipe

RESULTS = Path(__file__).parents[1] / "results"
PAGE = Path(__file__).parents[2] / "docs" / "results" / "boundaries.md"
PICTURES = PAGE.parent / "boundaries"
HARDWARE = {"threads": 1, "device": "cpu"}

Sections = dict[str, Any]


def merged(*layers: Sections) -> Sections:
    """Recipe sections, later ones on top, key by key."""
    result: Sections = {}
    for layer in layers:
        for section, values in layer.items():
            result[section] = {**result.get(section, {}), **values}
    return result


def trained(sections: Sections, out: Path) -> RunFolder:
    """The run of these recipe sections, from where it was."""
    if RunFolder(out).recipe_path.is_file():
        return training.resume(out)
    print(f"{out.name}: training", flush=True)
    return training.train(make_recipe("default", {"hardware": HARDWARE}, sections), out)


def cost(folder: RunFolder) -> dict[str, Any]:
    """What a run took, as the page tells it."""
    found, recipe = read_json(folder.cost), folder.recipe()
    return {
        "network": recipe.network.model,
        "minutes": round(found["training_seconds"] / 60, 2),
        "epochs": found["epochs"],
        "best_epoch": found["best_epoch"],
        "parameters": found["parameters"],
        "peak_memory_mib": round(found["peak_memory_bytes"] / 2**20),
        "precision": recipe.hardware.precision,
    }


def keep(part: str, result: dict[str, Any]) -> None:
    """Write the committed result of a part, and the machine beside it."""
    text = json.dumps({"machine": describe(), **result}, indent=1, allow_nan=False)
    write_text(RESULTS / f"boundaries-{part}.json", text + "\n")


def kept(part: str) -> dict[str, Any] | None:
    """The committed result of a part, where there is one."""
    path = RESULTS / f"boundaries-{part}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None

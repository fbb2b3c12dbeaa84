"""Runs that benchmarks train: each is a run folder, and one that was stopped resumes where it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from isthmus import training
from isthmus.runs.files import read_json
from isthmus.runs.folder import RunFolder
from isthmus.runs.recipe import make_recipe

HARDWARE = {"threads": 1, "device": "cpu"}

Sections = dict[str, Any]


def merged(*layers: Sections) -> Sections:
    """Merges recipe sections key by key; later ones win.

    >>> merged({"input": {"slices": 5}}, {"input": {"patch": None}})
    {'input': {'slices': 5, 'patch': None}}
    """
    result: Sections = {}
    for layer in layers:
        for section, values in layer.items():
            result[section] = {**result.get(section, {}), **values}
    return result


def trained(sections: Sections, out: Path, preset: str = "default") -> RunFolder:
    """Trains a run of these recipe sections; resumes it if it was stopped, and leaves it alone if it is finished."""
    folder = RunFolder(out)
    if folder.finished():
        return folder
    if folder.recipe_path.is_file():
        return training.resume(out)
    print(f"{out.name}: training", flush=True)
    return training.train(make_recipe(preset, {"hardware": HARDWARE}, sections), out)


def cost(folder: RunFolder) -> dict[str, Any]:
    """Returns what a run cost."""
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

"""The search for the default on inner folds: one thing changed at a time, then what helped put together.

The cases that the first of the five outer folds scores are set aside: no candidate sees them. Every candidate takes as
long as 30 epochs of the U-Net (20 for DSB-2018), by `accuracy.calibration`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.accuracy.calibration import epochs
from isthmus.data.sources import open_dataset
from isthmus.runs.recipe import make_recipe
from isthmus.runs.recipe.overrides import parse_overrides
from isthmus.training.preparation.split import split_of_recipe

EPOCHS = {"ISBI-2012": 30, "DSB-2018": 20}
BEFORE: dict[str, Any] = {  # what the default was when the search began
    "input": {"normalise": "zscore"},
    "network": {"initialisation": "xavier", "depth": None},
    "training": {"learning_rate": 0.001},
}
SCALED, DATASET = "input.normalise=scale", "input.normalise=dataset"
FRAMEWORK = "network.initialisation=default"
RATE, PAIRS, MEAN = "training.learning_rate=0.003", "training.batch=2", "training.average=0.99"
BCE_DICE = "objective.heads={logits: {bce: 1.0, dice: 1.0}}"
FOUR = "network.options={widths: [32, 64, 128, 256]}"
NARROW = "network.options={widths: [16, 32, 64, 128, 256]}"
RESIDUAL = "network.options={block: {name: residual, norm: instance}}"

# candidate: its name in the calibration, and what it changes
CANDIDATES: dict[str, tuple[str, ...]] = {
    "centre": ("instance",),
    "scaled intensities": ("instance", SCALED),
    "no augmentation": ("instance", "training.augment=none"),
    "the framework's initialisation": ("instance", FRAMEWORK),
    "scaled, the framework's initialisation": ("instance", SCALED, FRAMEWORK),
    "rate 0.003": ("instance", RATE),
    "cross-entropy and Dice": ("instance", BCE_DICE),
    "the framework's initialisation, rate 0.003": ("instance", FRAMEWORK, RATE),
    "the framework's initialisation, rate 0.003, batches of 2": ("instance", FRAMEWORK, RATE, PAIRS),
    "scaled, the framework's initialisation, rate 0.003": ("instance", SCALED, FRAMEWORK, RATE),
    "batch normalisation": ("batch", "network.model=unet", "network.options={norm: batch}"),
    "residual blocks": ("residual", RESIDUAL),
    "sharp skips": ("sharp", "network.options={skip: sharp}"),
    "widths 16 to 256": ("narrow", NARROW),
    "widths 24 to 384": ("slim", "network.options={widths: [24, 48, 96, 192, 384]}"),
    "four levels": ("shallow", FOUR),
    "linear up-sampling": ("linear", "network.options={up: linear}"),
    "MILDNet's augmentation": ("instance", "training.augment=mildnet"),
    "mean of weights": ("mean of weights", MEAN),
    "batches of 2": ("instance", PAIRS),
    "rate 0.003, cross-entropy and Dice": ("instance", RATE, BCE_DICE),
    "rate 0.003, mean": ("mean of weights", RATE, MEAN),
    "rate 0.003, mean, batches of 2": ("mean of weights", RATE, MEAN, PAIRS),
}
BEST = "{}, the framework's initialisation, rate 0.003{}"
CANDIDATES |= {
    BEST.format("by the data set", ""): ("instance", DATASET, FRAMEWORK, RATE),
    BEST.format("by the data set", ", batches of 2"): ("instance", DATASET, FRAMEWORK, RATE, PAIRS),
    BEST.format("by the data set", ", four levels"): ("shallow", DATASET, FRAMEWORK, RATE, FOUR),
    BEST.format("scaled", ", four levels"): ("shallow", SCALED, FRAMEWORK, RATE, FOUR),
    BEST.format("scaled", ", widths 16 to 256"): ("narrow", SCALED, FRAMEWORK, RATE, NARROW),
}


def study(root: Path) -> dict[str, Any]:
    """Returns the study, as plain values; ``root`` holds the data sets."""
    data, networks, only = {}, {}, {}
    for label, of_the_unet in EPOCHS.items():
        source = label.lower()
        outer = make_recipe("default", {"data": {"source": source}, "protocol": {"kind": "kfold"}})
        aside = split_of_recipe(outer, open_dataset(source, root / source)).validation
        data[label] = {
            "data": {"source": source},
            "input": {"resize": [128, 128]},
            "protocol": {"test": list(aside)},
        }
        for name, (timed, *changes) in CANDIDATES.items():
            own = parse_overrides(changes)
            own["network"] = {"model": "unet_instance"} | own.get("network", {})
            own["training"] = own.get("training", {}) | {"epochs": epochs(timed, of_the_unet)}
            networks[f"{name} ({label})"], only[f"{name} ({label})"] = own, [label]
    return {
        "name": "accuracy/search",
        "title": "The search for the default, at equal time",
        "notes": [
            "One thing is changed at a time, then what helped is put together. Every candidate trains as long as the "
            "U-Net does in 30 epochs (20 on DSB-2018), converted to epochs by one calibration.",
            "One of three inner folds of the first outer fold's training cases; the outer fold's scored cases are "
            "set aside and never looked at.",
        ],
        "preset": "default",
        "data": data,
        "networks": networks,
        "only": only,
        "folds": [0],
        "scored": "validation",
        "recipe": {**BEFORE, "protocol": {"kind": "kfold", "folds": 3}, "hardware": {"threads": 1}},
        "figures": ["curves"],
    }

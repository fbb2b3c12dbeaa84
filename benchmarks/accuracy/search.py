"""The search for the default on inner folds: one thing changed at a time, then what helped put together.

    python -m benchmarks.accuracy.search ROOT      writes search.yaml, which `accuracy.studies` runs

The cases that the first of the five outer folds scores are set aside: no candidate sees them. Every candidate takes
as long as 30 epochs of the U-Net (20 for DSB-2018), by `accuracy.calibration`.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from benchmarks.accuracy.calibration import epochs
from isthmus.data.sources import open_dataset
from isthmus.runs.files import write_yaml
from isthmus.runs.recipe import make_recipe
from isthmus.training.split import select_cases, split_of_protocol

STUDY = Path(__file__).with_name("search.yaml")
DATA: dict[str, dict[str, Any]] = {
    "ISBI-2012": {"source": "isbi-2012", "resize": [128, 128], "epochs": 30},
    "DSB-2018": {"source": "dsb-2018", "resize": [128, 128], "epochs": 20},
}
BEFORE: dict[str, Any] = {  # what the default was when the search began
    "input": {"normalise": "zscore"},
    "network": {"initialisation": "xavier", "depth": None},
    "training": {"learning_rate": 0.001},
}
FOUR: dict[str, Any] = {"options": {"widths": [32, 64, 128, 256]}}
NARROW: dict[str, Any] = {"options": {"widths": [16, 32, 64, 128, 256]}}
# candidate: (name in the calibration, what it changes)
CANDIDATES: dict[str, tuple[str, dict[str, Any]]] = {
    "centre": ("instance", {}),
    "scaled intensities": ("instance", {"input": {"normalise": "scale"}}),
    "no augmentation": ("instance", {"training": {"augment": "none"}}),
    "the framework's initialisation": ("instance", {"network": {"initialisation": "default"}}),
    "scaled, the framework's initialisation": (
        "instance",
        {"input": {"normalise": "scale"}, "network": {"initialisation": "default"}},
    ),
    "rate 0.003": ("instance", {"training": {"learning_rate": 0.003}}),
    "cross-entropy and Dice": (
        "instance",
        {"objective": {"heads": {"logits": {"bce": 1.0, "dice": 1.0}}}},
    ),
    "the framework's initialisation, rate 0.003": (
        "instance",
        {"network": {"initialisation": "default"}, "training": {"learning_rate": 0.003}},
    ),
    "the framework's initialisation, rate 0.003, batches of 2": (
        "instance",
        {"network": {"initialisation": "default"}, "training": {"learning_rate": 0.003, "batch": 2}},
    ),
    "scaled, the framework's initialisation, rate 0.003": (
        "instance",
        {
            "input": {"normalise": "scale"},
            "network": {"initialisation": "default"},
            "training": {"learning_rate": 0.003},
        },
    ),
    "batch normalisation": ("batch", {"network": {"model": "unet", "options": {"norm": "batch"}}}),
    "residual blocks": (
        "residual",
        {"network": {"options": {"block": {"name": "residual", "norm": "instance"}}}},
    ),
    "sharp skips": ("sharp", {"network": {"options": {"skip": "sharp"}}}),
    "widths 16 to 256": ("narrow", {"network": NARROW}),
    "widths 24 to 384": ("slim", {"network": {"options": {"widths": [24, 48, 96, 192, 384]}}}),
    "four levels": ("shallow", {"network": FOUR}),
    "linear up-sampling": ("linear", {"network": {"options": {"up": "linear"}}}),
    "MILDNet's augmentation": ("instance", {"training": {"augment": "mildnet"}}),
    "mean of weights": ("mean of weights", {"training": {"average": 0.99}}),
    "batches of 2": ("instance", {"training": {"batch": 2}}),
    "rate 0.003, cross-entropy and Dice": (
        "instance",
        {
            "training": {"learning_rate": 0.003},
            "objective": {"heads": {"logits": {"bce": 1.0, "dice": 1.0}}},
        },
    ),
    "rate 0.003, mean": ("mean of weights", {"training": {"learning_rate": 0.003, "average": 0.99}}),
    "rate 0.003, mean, batches of 2": (
        "mean of weights",
        {"training": {"learning_rate": 0.003, "average": 0.99, "batch": 2}},
    ),
    **{
        f"{said}, the framework's initialisation, rate 0.003{more}": (
            timed,
            {
                "input": {"normalise": normalise},
                "network": {"initialisation": "default", **network},
                "training": {"learning_rate": 0.003, **training},
            },
        )
        for said, normalise, more, timed, network, training in (
            ("by the data set", "dataset", "", "instance", {}, {}),
            ("by the data set", "dataset", ", batches of 2", "instance", {}, {"batch": 2}),
            ("by the data set", "dataset", ", four levels", "shallow", FOUR, {}),
            ("scaled", "scale", ", four levels", "shallow", FOUR, {}),
            ("scaled", "scale", ", widths 16 to 256", "narrow", NARROW, {}),
        )
    },
}


def study(root: Path) -> dict[str, Any]:
    """The study, as plain values."""
    data: dict[str, Any] = {}
    for label, about in DATA.items():
        source = about["source"]
        outer = make_recipe("default", {"data": {"source": source}, "protocol": {"kind": "kfold"}})
        aside = split_of_protocol(outer, select_cases(outer, open_dataset(source, root / source))).validation
        data[label] = {
            "data": {"source": source},
            "input": {"resize": about["resize"]},
            "protocol": {"test": list(aside)},
        }
    networks, only = {}, {}
    for label, about in DATA.items():
        for name, (timed, changes) in CANDIDATES.items():
            own = {key: dict(value) for key, value in changes.items()}
            own["network"] = {"model": "unet_instance", **own.get("network", {})}
            own["training"] = {**own.get("training", {}), "epochs": epochs(timed, about["epochs"])}
            networks[f"{name} ({label})"], only[f"{name} ({label})"] = own, [label]
    return {
        "name": "accuracy/search",
        "title": "The search for the default, at equal time",
        "notes": [
            "One thing is changed at a time, then what helped is put together; every candidate trains as long as the "
            "U-Net does in 30 epochs (20 of "
            "DSB-2018), turned into epochs by one calibration.",
            "One of three inner folds of the first outer fold's training cases; the outer fold's scored cases are "
            "set aside and looked at by nobody.",
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


def main() -> None:
    """Parse, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path)
    write_yaml(STUDY, study(parser.parse_args().root))
    print(STUDY)


if __name__ == "__main__":
    main()

"""Every data set with a real sample trains by its name, from the layout it is downloaded in."""

from __future__ import annotations

from pathlib import Path

import pytest

from isthmus import training
from isthmus.data.sources import open_dataset
from isthmus.inference.predict import predict_folder
from isthmus.runs.files import read_json
from isthmus.runs.recipe import make_recipe

SAMPLES = {
    "brats": "brats-2015-deepmedic/2mm",
    "cvc-clinicdb": "cvc-clinicdb",
    "dsb-2018": "dsb-2018",
    "finding-lungs-ct": "finding-lungs-ct",
    "glas-2015": "glas-2015",
    "isbi-2012": "isbi-2012",
    "isic-2018": "isic-2018",
    "kvasir-seg": "kvasir-seg",
    "lgg-mri": "lgg-mri",
}


@pytest.mark.parametrize("name", SAMPLES)
def test_it_trains_and_predicts_by_name(name: str, shared_data: Path, tmp_path: Path) -> None:
    small: dict[str, dict[str, object]] = {
        "data": {"source": name, "root": str(shared_data / SAMPLES[name])},
        "network": {"options": {"widths": [2, 4]}},
        "training": {"epochs": 1, "samples": 4},
        "input": {"patch": [48, 64, 64], "foreground": 0.5} if name == "brats" else {"resize": [32, 32]},
        "hardware": {"threads": 1, "device": "cpu"},
    }
    if name == "cvc-clinicdb":  # one sequence only
        small["protocol"] = {"kind": "within-case"}
    folder = training.train(make_recipe("default", small), tmp_path / "run")
    assert read_json(folder.cost)["best_validation_dice"] >= 0
    splits = read_json(folder.splits)
    assert len(list(folder.predictions.rglob("*.*"))) >= len(splits["validation"])
    training.resume(folder.path)  # its recipe reads back
    root = shared_data / SAMPLES[name]
    masks = predict_folder(folder.path, name, tmp_path / "masks", root=root)
    assert len(masks) == len(open_dataset(name, root).cases)


def test_objects_are_not_squashed_into_the_papers_size(shared_data: Path, tmp_path: Path) -> None:
    recipe = make_recipe(
        "default",
        {
            "data": {
                "source": "dsb-2018",
                "root": str(shared_data / "dsb-2018"),
                "instances": True,
                "limit": 4,
            },
            "network": {"options": {"widths": [2, 4]}},
            "training": {"epochs": 1, "samples": 2},
            "hardware": {"threads": 1, "device": "cpu"},
        },
    )
    resolved = training.train(recipe, tmp_path / "run").recipe()
    assert resolved.input.resize is None
    assert resolved.input.patch is not None

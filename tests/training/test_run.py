"""What a run leaves behind, and how it learns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from isthmus import training
from isthmus.data.cases import Case, Source, load_image
from isthmus.data.new_images import images_in
from isthmus.data.phantoms.cells import write_phantoms
from isthmus.errors import IsthmusError
from isthmus.inference import Predictor
from isthmus.io.images import read_mask
from isthmus.io.writing import write_image, write_mask
from isthmus.metrics import dice
from isthmus.report import write_page
from isthmus.runs.files import read_json
from isthmus.runs.recipe import make_recipe


def test_the_run_folder_is_complete_and_consistent(small: Any, tmp_path: Path) -> None:
    folder = training.train(small(), tmp_path / "run")
    names = {path.name for path in folder.path.iterdir()}
    assert names == {
        "recipe.yaml",
        "environment.json",
        "splits.json",
        "data.json",
        "images.json",
        "history.csv",
        "cases.csv",
        "last.ckpt",
        "best.safetensors",
        "network.json",
        "cost.json",
        "predictions",
    }
    recipe = folder.recipe()
    assert recipe.network.options == {"widths": [4, 8], "in_channels": 1, "classes": 1}
    assert recipe.data.values == {0: 0, 255: 1}
    assert recipe.hardware.precision in ("float32", "bfloat16")
    splits = read_json(folder.splits)
    assert len(splits["train"]) + len(splits["validation"]) == 6
    assert not set(splits["train"]) & set(splits["validation"])
    history = folder.read_rows(folder.history)
    assert [int(row["epoch"]) for row in history] == [1, 2, 3, 4]
    cost = read_json(folder.cost)
    best = max(history, key=lambda row: float(row["validation_dice"]))
    assert cost["best_epoch"] == int(best["epoch"])
    for row in history:
        spent, waiting, validating = (
            float(row[key]) for key in ("seconds", "seconds_waiting", "seconds_validating")
        )
        assert 0 < waiting < spent
        assert 0 < validating < spent
        assert waiting + validating < spent
    scores = folder.read_rows(folder.cases)
    assert {row["case"] for row in scores} == set(splits["validation"])


@pytest.mark.parametrize(("given", "tiled"), [({"patch": None, "resize": [64, 64]}, False), ({}, True)])
def test_the_best_epochs_score_is_that_of_the_cases(
    small: Any, phantoms: Path, tmp_path: Path, given: dict[str, Any], tiled: bool
) -> None:
    """Exactly where an image goes through at once; tiles overlap at the end and, for speed, not after an epoch."""
    folder = training.train(small(input=given), tmp_path / "run")
    best = max(float(row["validation_dice"]) for row in folder.read_rows(folder.history))
    rows = folder.read_rows(folder.cases)
    scores = {}
    for overlap in (0.0, 0.5):
        recipe = folder.recipe()
        predictor = Predictor.from_networks([folder.load_network()], recipe, recipe.hardware, overlap=overlap)
        found = []
        for row in rows:
            image, mask = (phantoms / kind / f"{row['case']}.png" for kind in ("images", "masks"))
            found.append(dice(predictor.labels(load_image(_case(image))) > 0, read_mask(Source(mask)) > 0))
        scores[overlap] = np.mean(found)
    if tiled:
        assert scores[0.0] == pytest.approx(best, abs=1e-12)
        assert scores[0.5] != scores[0.0]
        assert np.mean([float(row["dice"]) for row in rows]) == pytest.approx(scores[0.5], abs=1e-12)
    else:
        assert np.mean([float(row["dice"]) for row in rows]) == pytest.approx(best, abs=1e-12)


def _case(image: Path) -> Case:
    (case,) = images_in(image)
    return case


def test_predictions_of_the_run_are_its_scores(small: Any, phantoms: Path, tmp_path: Path) -> None:
    """At native scale network grid and image grid are one, so the masks on disk must score as cases.csv says."""
    folder = training.train(small(), tmp_path / "run")
    for row in folder.read_rows(folder.cases):
        predicted = read_mask(Source(folder.predictions / f"{row['case']}.png")) > 0
        truth = read_mask(Source(phantoms / "masks" / f"{row['case']}.png")) > 0
        assert dice(predicted, truth) == pytest.approx(float(row["dice"]), abs=1e-12)


def test_it_learns(small: Any, tmp_path: Path) -> None:
    recipe = small(
        training={"epochs": 25, "samples": 16, "batch": 4, "learning_rate": 0.01},
        network={"options": {"widths": [8, 16]}},
    )
    folder = training.train(recipe, tmp_path / "run")
    assert read_json(folder.cost)["best_validation_dice"] > 0.8


def test_several_classes_train_with_cross_entropy_and_come_back_in_their_values(
    small: Any, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    values = np.array([0, 85, 170], np.uint8)
    rng = np.random.default_rng(0)
    for index in range(4):
        labels = np.zeros((40, 56), int)
        labels[5:20, 5:25], labels[22:38, 30:50] = 1, 2
        image = labels * 80 + rng.integers(0, 30, labels.shape)
        write_image(data / "images" / f"c{index}.png", image.astype(np.uint8)[None])
        write_mask(data / "masks" / f"c{index}.png", values[labels])
    learning = {
        "epochs": 20,
        "samples": 16,
        "learning_rate": 0.02,
        "augment": "flips",
    }  # brightness is the class
    recipe = small(data={"source": str(data)}, training=learning)
    folder = training.train(recipe, tmp_path / "run")
    resolved = folder.recipe()
    assert resolved.objective.heads == {"logits": {"ce": 1.0}}
    assert resolved.data.classes == ["background", "class 1", "class 2"]
    assert {row["class"] for row in folder.read_rows(folder.cases)} == {"class 1", "class 2"}
    assert np.mean([float(row["dice"]) for row in folder.read_rows(folder.cases)]) > 0.9
    mask = read_mask(Source(next(folder.predictions.iterdir())))
    assert set(np.unique(mask)) == {0, 85, 170}


def test_early_stopping_ends_the_run_and_keeps_the_best(small: Any, tmp_path: Path) -> None:
    recipe = small(
        training={"epochs": 50, "early_stopping": 2, "learning_rate": 1e-8, "schedule": "constant"}
    )
    folder = training.train(recipe, tmp_path / "run")
    cost = read_json(folder.cost)
    assert cost["epochs"] < 50
    assert cost["epochs"] - cost["best_epoch"] == 2


@pytest.mark.parametrize("inside", ["images/run", "masks/run"])
def test_a_run_among_the_data_is_refused(small: Any, phantoms: Path, inside: str) -> None:
    with pytest.raises(IsthmusError, match="would be read as data next time"):
        training.train(small(), phantoms / inside)


def test_a_folder_that_is_in_use_is_refused(small: Any, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.txt").write_text("mine")
    with pytest.raises(IsthmusError, match="exists already"):
        training.train(small(), tmp_path / "run")
    assert (tmp_path / "run" / "thesis.txt").read_text() == "mine"


def test_a_loss_that_is_no_number_ends_the_run_with_advice(small: Any, tmp_path: Path) -> None:
    recipe = small(
        training={"learning_rate": 10.0, "epochs": 30},
        network={"model": "unet"},
        hardware={"precision": "float32"},
    )
    from isthmus.objectives import Objective

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Objective, "__call__", lambda self, out, *rest: out.mean() * torch.nan)
        with pytest.raises(IsthmusError, match=r"lower training\.learning_rate"):
            training.train(recipe, tmp_path / "run")


@pytest.mark.parametrize("augment", ["mildnet", "hmedn"])
def test_augmented_training_is_the_same_for_any_number_of_workers(
    small: Any, tmp_path: Path, augment: str
) -> None:
    runs = [
        training.train(
            small(training={"augment": augment, "epochs": 2}, hardware={"workers": workers}),
            tmp_path / str(workers),
        )
        for workers in (1, 4)
    ]
    assert runs[0].weights.read_bytes() == runs[1].weights.read_bytes()


def test_volumes_train_in_patches(small: Any, tmp_path: Path) -> None:
    import nibabel

    rng = np.random.default_rng(0)
    for index in range(3):
        label = np.zeros((24, 20, 12), np.uint8)
        label[4:14, 5:15, 3:9] = 1
        image = (label * 80 + rng.integers(0, 40, label.shape)).astype(np.int16)
        for kind, array in (("images", image), ("masks", label)):
            (tmp_path / "data" / kind).mkdir(parents=True, exist_ok=True)
            affine = np.diag([1.0, 1.0, 2.5, 1.0])
            nibabel.save(nibabel.Nifti1Image(array, affine), tmp_path / "data" / kind / f"v{index}.nii.gz")
    recipe = small(
        data={"source": str(tmp_path / "data")},
        input={"patch": [8, 16, 16]},
        training={"epochs": 8, "samples": 6, "learning_rate": 0.02},
    )
    folder = training.train(recipe, tmp_path / "run")
    assert folder.recipe().network.options["spatial_dims"] == 3
    assert read_json(folder.cost)["best_validation_dice"] > 0.8
    written = nibabel.load(next(folder.predictions.iterdir()))
    assert written.shape == (24, 20, 12)
    np.testing.assert_allclose(written.affine, np.diag([1.0, 1.0, 2.5, 1.0]))


def test_resized_volumes_come_back_in_their_own_grid(small: Any, tmp_path: Path) -> None:
    import nibabel

    for index in range(2):
        label = np.zeros((10, 14, 18), np.uint8)
        label[2:8, 3:11, 4:14] = 1
        for kind, array in (("images", label * 100 + index), ("masks", label)):
            (tmp_path / "data" / kind).mkdir(parents=True, exist_ok=True)
            nibabel.save(nibabel.Nifti1Image(array, np.eye(4)), tmp_path / "data" / kind / f"v{index}.nii")
    recipe = small(
        data={"source": str(tmp_path / "data")},
        input={"resize": [16, 16, 8], "patch": None},
        training={"epochs": 1},
    )
    folder = training.train(recipe, tmp_path / "run")
    assert nibabel.load(next(folder.predictions.iterdir())).shape == (10, 14, 18)


def test_one_image_is_divided_within_itself(tmp_path: Path) -> None:
    """It trains on its upper rows; masks, report and check of the last ones lie where these are."""
    write_phantoms(tmp_path / "data", 1, 80, seed=1)
    small: dict[str, Any] = {
        "network": {"options": {"widths": [2, 4]}},
        "input": {"patch": 32},
        "training": {"epochs": 1, "samples": 4},
        "hardware": {"threads": 1, "workers": 0, "precision": "float32"},
    }
    folder = training.train(
        make_recipe("default", {"data": {"source": str(tmp_path / "data")}}, small), tmp_path / "run"
    )
    assert folder.recipe().protocol.kind == "last-part"
    split = read_json(folder.splits)
    assert (*split["train"], *split["validation"]) == ("phantom-000-part-0", "phantom-000-part-1")
    assert any("not independent" in note for note in split["notes"])
    written = read_mask(Source(folder.predictions / "phantom-000-part-1.png"))
    assert written.shape == (80, 80)
    assert not written[:64].any()
    true = read_mask(Source(tmp_path / "data" / "masks" / "phantom-000.png"))
    (row,) = folder.read_rows(folder.cases)
    assert float(row["dice"]) == pytest.approx(float(dice(written[64:] > 0, true[64:] > 0)))
    assert "no picture" not in write_page(folder.path).read_text(encoding="utf-8").lower()

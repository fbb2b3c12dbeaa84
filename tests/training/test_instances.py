"""Objects that touch: trained on their numbers, separated in the masks, scored as objects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from isthmus import training
from isthmus.data.phantoms.nuclei import write_touching_nuclei
from isthmus.errors import IsthmusError
from isthmus.evaluation.evaluate import evaluate_folder
from isthmus.inference.predict import predict_folder
from isthmus.inference.predictor import Predictor
from isthmus.report import write_report
from isthmus.report.run_images import RunImages


@pytest.fixture(scope="session")
def nuclei(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nuclei")
    write_touching_nuclei(folder, 6, 96, seed=2)
    return folder


def test_any_network_learns_to_tell_objects_apart(small: Any, nuclei: Path, tmp_path: Path) -> None:
    recipe = small(
        data={"source": str(nuclei), "instances": True},
        network={"options": {"widths": [8, 16, 16]}},
        input={"patch": 64},
        training={"epochs": 25, "samples": 16, "batch": 4, "learning_rate": 0.01},
        protocol={"validation": ["nuclei-005"]},
    )
    folder = training.train(recipe, tmp_path / "run")
    resolved = folder.recipe()
    assert resolved.network.heads == ["distance"]
    assert set(resolved.objective.heads) == {"logits", "distance"}
    assert resolved.cleanup.seed in (0.3, 0.4, 0.5, 0.6, 0.7)
    assert resolved.cleanup.min_size > 0
    (row,) = folder.read_rows(folder.cases)
    assert float(row["object_f1"]) > 0.6
    assert float(row["dice"]) > 0.8
    assert len(Predictor.load(folder.path).networks) == 1
    masks = predict_folder(folder.path, nuclei / "images", tmp_path / "masks")
    assert {mask.suffix for mask in masks} == {".tif"}
    numbers = tifffile.imread(tmp_path / "masks" / "nuclei-005.tif")
    assert numbers.dtype == np.uint16
    assert set(np.unique(numbers)) == set(range(numbers.max() + 1))
    np.testing.assert_array_equal(numbers, tifffile.imread(folder.predictions / "nuclei-005.tif"))
    assert (tmp_path / "masks" / "overlays" / "nuclei-005.png").is_file()
    scores = evaluate_folder(tmp_path / "masks", nuclei / "masks")
    assert len(scores.rows) == 6
    held_out = next(own for own in scores.rows if own["case"] == "nuclei-005")
    assert float(held_out["object_f1"]) == pytest.approx(float(row["object_f1"]))
    page = write_report(folder.path, images=RunImages(folder))
    assert "object" in page.read_text(encoding="utf-8")


def test_few_objects_are_numbers_too_where_the_recipe_says_so(small: Any, tmp_path: Path) -> None:
    from isthmus.data.phantoms.nuclei import touching_nuclei
    from isthmus.io.writing import write_image, write_mask

    for index in range(3):
        image, numbers = touching_nuclei(index, 48, 0.2)
        write_image(tmp_path / "images" / f"{index}.png", image[None])
        write_mask(tmp_path / "masks" / f"{index}.png", numbers.astype(np.uint8))
    recipe = small(data={"source": str(tmp_path), "instances": True}, training={"epochs": 1})
    resolved = training.train(recipe, tmp_path / "run").recipe()
    assert resolved.data.value_rule == "objects"
    assert resolved.data.classes == ["background", "foreground"]


def test_the_best_epoch_may_be_the_one_that_finds_objects_best(
    small: Any, nuclei: Path, tmp_path: Path
) -> None:
    """Its score is that of the masks of the validation image, cut into tiles that do not overlap."""
    recipe = small(
        data={"source": str(nuclei), "instances": True},
        training={"epochs": 4, "samples": 8, "learning_rate": 0.01, "select": "objects"},
        protocol={"validation": ["nuclei-005"]},
        input={"patch": 96},  # one tile, so that the score after an epoch is that of the mask
        cleanup={"seed": 0.5},
    )
    folder = training.train(recipe, tmp_path / "run")
    history = [float(row["validation_objects"]) for row in folder.read_rows(folder.history)]
    best = folder.costs().best_epoch
    assert best == 1 + int(np.argmax(history))
    (row,) = folder.read_rows(folder.cases)
    assert history[best - 1] == pytest.approx(float(row["recognition_quality"]))
    assert len(set(history)) > 1
    again = folder.recipe()
    assert again.training.select == "objects"


def test_without_objects_history_has_no_column_of_them(small: Any, tmp_path: Path) -> None:
    folder = training.train(small(training={"epochs": 1}), tmp_path / "run")
    assert "validation_objects" not in folder.read_rows(folder.history)[0]


def test_numbers_of_objects_are_of_one_class(small: Any, tmp_path: Path) -> None:
    from isthmus.io.writing import write_image, write_mask

    for index, name in enumerate("ab"):
        noise = np.random.default_rng(index).integers(0, 255, (1, 64, 64), dtype=np.uint8)
        write_image(tmp_path / "images" / f"{name}.png", noise)
        mask = np.zeros((64, 64), np.uint8)
        mask[8:20, 8:20], mask[30:50, 30:50] = 1, 2
        write_mask(tmp_path / "masks" / f"{name}.png", mask)
    recipe = small(data={"source": str(tmp_path), "instances": True, "value_rule": "exact"})
    with pytest.raises(IsthmusError, match="numbers the objects of one class, and these masks have 2"):
        training.train(recipe, tmp_path / "run")


@pytest.mark.parametrize("contour", ["contour_l2", {}])
def test_a_regressed_contour_or_none_tells_objects_apart_too(
    small: Any, nuclei: Path, tmp_path: Path, contour: Any
) -> None:
    recipe = small(
        data={"source": str(nuclei), "instances": True},
        objective={"heads": {"contour": contour}},
        training={"epochs": 2, "samples": 4},
    )
    folder = training.train(recipe, tmp_path / "run")
    assert folder.recipe().objective.heads["contour"] == ({"contour_l2": 1.0} if contour else {})
    assert predict_folder(folder.path, nuclei / "images" / "nuclei-000.png", tmp_path / "masks")


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"cleanup": {"largest": True}}, "and data.instances numbers objects; leave them out"),
        ({"cleanup": {"merge": True}}, "and data.instances numbers objects; leave them out"),
        ({"objective": {"heads": {"logits": {"bce": 0}}}}, "has no weight"),
    ],
)
def test_what_objects_cannot_have_is_refused(
    small: Any, nuclei: Path, tmp_path: Path, sections: dict[str, Any], message: str
) -> None:
    with pytest.raises(IsthmusError, match=message):
        training.train(small(data={"source": str(nuclei), "instances": True}, **sections), tmp_path / "run")


def test_objects_are_cleaned_up_as_the_recipe_says_and_scored_before_and_after(
    small: Any, nuclei: Path, tmp_path: Path
) -> None:
    recipe = small(
        data={"source": str(nuclei), "instances": True},
        cleanup={"min_size": 30, "max_size": 5000, "holes": True, "border": True},
        training={"epochs": 2, "samples": 8},
        protocol={"validation": ["nuclei-005"]},
    )
    folder = training.train(recipe, tmp_path / "run")
    numbers = tifffile.imread(folder.predictions / "nuclei-005.tif")
    assert (np.bincount(numbers.ravel())[1:] >= 30).all()
    assert not numbers[[0, -1]].any()
    assert not numbers[:, [0, -1]].any()
    (before,), (after,) = folder.read_rows(folder.cases_before), folder.read_rows(folder.cases)
    assert int(float(after["prediction_objects"])) == numbers.max() < float(before["prediction_objects"])
    write_report(folder.path, images=RunImages(folder))

"""Volumes: slices as channels, regions that overlap, a region of interest found first, clean-up before and after."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from isthmus import training
from isthmus.data.cases import load_image
from isthmus.data.new_images import images_in
from isthmus.errors import IsthmusError
from isthmus.inference.predict import predict_folder
from isthmus.inference.predictor import Predictor
from isthmus.metrics import dice
from isthmus.report import write_page
from isthmus.runs.files import read_json
from isthmus.runs.folder import RunFolder
from isthmus.training.preparation.prepare import prepare
from isthmus.watch import Silent

AFFINE = np.diag([-1.0, 1.0, 3.0, 1.0])  # turned in one axis, slices three times as far apart as pixels


@pytest.fixture(scope="session")
def tumours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four volumes 40 x 32 x 10 with an oedema (2) around a core (1) around an enhancing point (4), as in BraTS."""
    folder = tmp_path_factory.mktemp("tumours")
    rng = np.random.default_rng(0)
    for index in range(4):
        x, y, z = np.ogrid[:40, :32, :10]
        centre = (rng.integers(14, 26), rng.integers(12, 20), rng.integers(4, 6))
        distance = np.sqrt((x - centre[0]) ** 2 + (y - centre[1]) ** 2 + (2 * (z - centre[2])) ** 2)
        label = np.select([distance < 3, distance < 6, distance < 9], [4, 1, 2], 0).astype(np.uint8)
        image = np.choose(label, [0, 80, 40, 0, 120]) + rng.integers(0, 12, label.shape)
        for kind, array in (("images", image.astype(np.int16)), ("masks", label)):
            (folder / kind).mkdir(exist_ok=True)
            nibabel.save(nibabel.Nifti1Image(array, AFFINE), folder / kind / f"brain {index}.nii.gz")
    return folder


REGIONS = {"WT": [1, 2, 3], "TC": [1, 3], "ET": [3]}
FAST = {"epochs": 16, "samples": 40, "learning_rate": 0.02, "batch": 4}


def test_slices_and_overlapping_regions(small: Any, tumours: Path, tmp_path: Path) -> None:
    recipe = small(
        data={"source": str(tumours), "regions": REGIONS, "multilabel": True},
        input={"slices": 3, "patch": None, "resize": [32, 32], "foreground": 0.5},
        objective={"heads": {"logits": {"bce": 1, "dice": 1}}},
        training=FAST,
        protocol={"validation": "brain 3"},
    )
    folder = training.train(recipe, tmp_path / "run")
    resolved = folder.recipe()
    assert resolved.network.options["in_channels"] == 3
    assert resolved.network.options["classes"] == 3
    rows = folder.read_rows(folder.cases)
    assert [row["class"] for row in rows] == ["WT", "TC", "ET"]
    assert float(rows[0]["dice"]) > 0.8
    assert float(rows[1]["dice"]) > 0.6
    # the mask lies where the image does, in the values of the user's masks, and holds the regions that were scored
    truth = nibabel.load(tumours / "masks" / "brain 3.nii.gz")
    (written,) = predict_folder(folder.path, tumours / "images" / "brain 3.nii.gz", tmp_path / "out")
    mask = nibabel.load(written)
    np.testing.assert_allclose(mask.affine, truth.affine)
    got, true = np.asarray(mask.dataobj), np.asarray(truth.dataobj)
    assert set(np.unique(got)) <= {0, 1, 2, 4}
    assert dice(got > 0, true > 0) > 0.75
    assert dice(np.isin(got, (1, 4)), np.isin(true, (1, 4))) > 0.6


def test_regions_of_exclusive_classes_are_scored(small: Any, tumours: Path, tmp_path: Path) -> None:
    recipe = small(
        data={"source": str(tumours), "regions": REGIONS},
        input={"patch": [8, 16, 16]},
        training={"epochs": 1, "samples": 2},
    )
    folder = training.train(recipe, tmp_path / "run")
    assert folder.recipe().network.options["classes"] == 4
    assert {row["class"] for row in folder.read_rows(folder.cases)} == {"WT", "TC", "ET"}


def test_a_region_of_interest_is_found_cropped_and_returned(
    small: Any, tumours: Path, tmp_path: Path
) -> None:
    recipe = small(
        data={"source": str(tumours), "values": {0: 0, 1: 1, 2: 1, 4: 1}},
        input={"slices": 3, "patch": None, "foreground": 0.5},
        roi={"size": [24, 24], "resize": [16, 16], "widths": [4, 8], "epochs": 12},
        network={"initialisation": "default"},
        training=FAST,
        cleanup={"largest": True},
        protocol={"validation": "brain 3"},
    )
    folder = training.train(recipe, tmp_path / "run")
    assert RunFolder(folder.localiser).recipe().network.initialisation == "default"
    assert read_json(folder.localiser / "cost.json")["best_validation_dice"] > 0.6
    assert read_json(folder.cost)["best_validation_dice"] > 0.8
    before, after = folder.read_rows(folder.cases_before), folder.read_rows(folder.cases)
    assert [row["class"] for row in before] == [row["class"] for row in after]
    page = write_page(folder.path).read_text(encoding="utf-8")
    assert "After clean-up" in page
    assert "regions of 24 × 24, 3 slices as channels" in page
    predictor = Predictor.load(folder.path)
    (case,) = [case for case in images_in(tumours / "images") if case.id == "brain 3"]
    image = load_image(case)
    truth = nibabel.load(tumours / "masks" / "brain 3.nii.gz")
    (written,) = predict_folder(folder.path, tumours / "images" / "brain 3.nii.gz", tmp_path / "out")
    got = np.asarray(nibabel.load(written).dataobj)
    assert got.shape == truth.shape
    assert dice(got > 0, np.asarray(truth.dataobj) > 0) > 0.8
    # nothing there to find: the whole frame is segmented, and it says so
    predictor.labels(np.zeros_like(image))
    assert all(
        "region" in note or "dimmer" in note for note in predictor.notes
    )  # a black image is unlike the training
    # resumed, finished runs stay as they are; a localiser that is done is not trained again
    folder.cost.unlink()
    stamp = (folder.localiser / "best.safetensors").stat().st_mtime_ns
    training.resume(folder.path)
    assert (folder.localiser / "best.safetensors").stat().st_mtime_ns == stamp


def test_a_volume_thinner_than_its_slices(small: Any, tumours: Path, tmp_path: Path) -> None:
    recipe = small(
        data={"source": str(tumours)},
        input={"slices": 5, "patch": [32, 32]},
        training={"epochs": 1, "samples": 4},
    )
    predictor = Predictor.load(training.train(recipe, tmp_path / "run").path)
    assert predictor.labels(np.zeros((1, 2, 40, 40), np.int16)).shape == (2, 40, 40)


def test_images_are_normalised_by_the_training_images(small: Any, tumours: Path, tmp_path: Path) -> None:
    recipe = small(
        data={"source": str(tumours)},
        input={"patch": [8, 16, 16], "normalise": "dataset"},
        training={"epochs": 1, "samples": 2},
        protocol={"validation": "brain 3"},
    )
    resolved = training.train(recipe, tmp_path / "run").recipe()
    pixels = np.concatenate(
        [np.asarray(nibabel.load(tumours / "images" / f"brain {k}.nii.gz").dataobj).ravel() for k in range(3)]
    )
    np.testing.assert_allclose(resolved.input.mean, [pixels.mean()], rtol=1e-9)
    np.testing.assert_allclose(resolved.input.deviation, [pixels.std()], rtol=1e-9)


def test_one_volume_is_divided_within_itself(small: Any, tumours: Path, tmp_path: Path) -> None:
    for kind in ("images", "masks"):
        (tmp_path / "data" / kind).mkdir(parents=True)
        (tmp_path / "data" / kind / "one.nii.gz").symlink_to(tumours / kind / "brain 0.nii.gz")
    recipe = small(
        data={"source": str(tmp_path / "data"), "values": {0: 0, 1: 1, 2: 1, 4: 1}},
        input={"slices": 3, "patch": [32, 32]},
        training={"epochs": 2, "samples": 8},
        protocol={"kind": "within-case", "folds": 2, "fold": 1},
    )
    folder = training.train(recipe, tmp_path / "run")
    split = read_json(folder.splits)
    assert set(split["train"]) == {"one-part-0"}
    assert set(split["validation"]) == {"one-part-1"}
    assert any("not independent" in note for note in split["notes"])
    written = np.asarray(nibabel.load(folder.predictions / "one-part-1.nii.gz").dataobj)
    assert written.shape == (40, 32, 10)
    assert not written[..., :5].any()  # the part that trained
    (row,) = folder.read_rows(folder.cases)
    true = np.asarray(nibabel.load(tumours / "masks" / "brain 0.nii.gz").dataobj)[..., 5:] > 0
    assert float(row["dice"]) == pytest.approx(float(dice(written[..., 5:] > 0, true)))
    assert "no picture" not in write_page(folder.path).read_text(encoding="utf-8").lower()
    about: dict[str, Any] = {"data": {"source": str(tmp_path / "data")}, "input": {"patch": None}}
    with pytest.raises(IsthmusError, match="within-case"):
        prepare(small(**about, protocol={"kind": "kfold"}), Silent())
    last = prepare(small(**about), Silent())
    assert last.recipe.protocol.kind == "last-part"
    assert [facts.shape for facts in last.data.cases] == [(1, 8, 32, 40), (1, 2, 32, 40)]


@pytest.mark.parametrize(
    ("roi", "message"),
    [
        (
            {"size": [32, 32], "resize": [31, 31]},
            "roi, the first network: roi.resize: 31x31 is not divisible by 4",
        ),
        ({"size": [32, 32], "model": "nonet"}, "roi, the first network: .*nonet"),
    ],
)
def test_a_first_network_that_cannot_be_leaves_no_folder(
    small: Any, tumours: Path, tmp_path: Path, roi: dict[str, Any], message: str
) -> None:
    recipe = small(data={"source": str(tumours)}, input={"slices": 3, "patch": None}, roi=roi)
    with pytest.raises(IsthmusError, match=message):
        training.train(recipe, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_folds_are_each_normalised_by_their_own_images(small: Any, tumours: Path, tmp_path: Path) -> None:
    for fold in range(2):
        recipe = small(
            data={"source": str(tumours)},
            input={"patch": [8, 16, 16], "normalise": "dataset"},
            training={"epochs": 1, "samples": 2},
            protocol={"kind": "kfold", "folds": 2, "fold": fold},
            hardware={"precision": "float32"},
        )
        training.train(recipe, tmp_path / f"fold-{fold}")
    both = Predictor.load(tmp_path)
    alone = [Predictor.load(tmp_path / f"fold-{fold}") for fold in range(2)]
    assert alone[0].recipe.input.mean != alone[1].recipe.input.mean
    image = np.random.default_rng(0).integers(0, 120, (1, 8, 16, 16)).astype(np.int16)
    expected = np.mean([one.logits(one.normaliser(image).apply(image)) for one in alone], axis=0)
    np.testing.assert_allclose(both.logits(both.normaliser(image).apply(image)), expected, atol=1e-4)
    stored = tmp_path / "fold-1" / "recipe.yaml"
    stored.write_text(stored.read_text().replace("regions: {}", "regions: {all: [1, 2]}"))
    with pytest.raises(IsthmusError, match=r"another 'data\.regions'"):
        Predictor.load(tmp_path)

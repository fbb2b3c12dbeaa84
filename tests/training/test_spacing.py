"""Volumes of different spacing: one training at the usual spacing, scored and predicted on the grids of the images."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from isthmus import training
from isthmus.api import evaluate
from isthmus.errors import IsthmusError
from isthmus.explain.explain import explain_folder
from isthmus.inference.export import export_run
from isthmus.inference.predict import predict_folder
from isthmus.inference.predictor import Predictor
from isthmus.report import write_page
from isthmus.runs.files import read_json, read_yaml, write_yaml
from isthmus.runs.folder import RunFolder
from isthmus.training.loop.stop import Stopped

from ..notes import Notes
from .watches import Asking

SPACINGS = [
    (1.0, 1.0, 1.0),
    (3.0, 1.0, 1.0),
    (2.0, 0.8, 0.8),
    (1.0, 1.0, 1.0),
    (2.0, 1.0, 1.0),
    (3.0, 1.0, 1.0),
]
EXTENT = 24.0


def write_ball(folder: Path, name: str, spacing: tuple[float, ...], seed: int, turned: bool = False) -> None:
    """Writes a ball of 7 mm with noise in 24 mm, and its mask."""
    sides = [round(EXTENT / step) for step in spacing]
    places = [(np.arange(n) + 0.5) * step - EXTENT / 2 for n, step in zip(sides, spacing, strict=True)]
    mask = sum(np.square(axis) for axis in np.meshgrid(*places, indexing="ij")) < 49
    image = 100 * mask + np.random.default_rng(seed).normal(0, 10, mask.shape)
    affine = np.diag([*reversed(spacing), 1.0])
    for kind, array in (("images", image.astype(np.int16)), ("masks", mask.astype(np.uint8))):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        voxels = array.transpose(2, 1, 0)
        if turned:  # the same volume, stored from the other end
            voxels = voxels[::-1]
        flip = np.diag([-1.0 if turned else 1.0, 1, 1, 1])
        nibabel.Nifti1Image(voxels, affine @ flip).to_filename(folder / kind / f"{name}.nii.gz")


@pytest.fixture(scope="session")
def balls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("balls")
    for index, spacing in enumerate(SPACINGS):
        write_ball(folder, f"ball {index}", spacing, index, turned=index == 2)
    return folder


@pytest.fixture(scope="session")
def recipe(small: Any, balls: Path) -> Any:
    def made(**sections: Any) -> Any:
        base: dict[str, Any] = {
            "data": {"source": str(balls)},
            "input": {"spacing": "auto", "patch": [16, 16, 16]},
            "training": {"epochs": 6, "samples": 8, "learning_rate": 0.01},
            "protocol": {"validation": ["ball 1", "ball 2"]},
        }
        return small(**{name: base.get(name, {}) | sections.get(name, {}) for name in {*base, *sections}})

    return made


@pytest.fixture(scope="session")
def run(recipe: Any, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return training.train(recipe(), tmp_path_factory.mktemp("spacing") / "run")


@pytest.mark.slow
def test_the_run_stores_the_median_of_its_training_cases(run: RunFolder) -> None:
    assert run.recipe().input.spacing == (1.5, 1.0, 1.0)  # of 1, 1, 2 and 3: the scored cases do not count
    assert read_json(run.images)["training"]["middle"] == [1.5, 1.0, 1.0]


@pytest.mark.slow
def test_scores_are_those_of_the_masks_on_their_own_grid(run: RunFolder, balls: Path) -> None:
    rows = run.read_rows(run.cases)
    assert {row["grid"] for row in rows} == {"original"}
    scores = evaluate(run.predictions, balls, partial=True)
    found = {row["case"]: float(row["dice"]) for row in rows}
    assert found == pytest.approx({row["case"]: row["dice"] for row in scores.rows})
    assert min(found.values()) > 0.8
    for name in found:
        written, truth = (
            nibabel.load(folder / f"{name}.nii.gz") for folder in (run.predictions, balls / "masks")
        )
        assert written.shape == truth.shape
        np.testing.assert_array_equal(written.affine, truth.affine)
    best = max(float(row["validation_dice"]) for row in run.read_rows(run.history))
    assert best == pytest.approx(np.mean(list(found.values())), abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("spacing", [(3.0, 1.0, 1.0), (0.5, 2.0, 2.0), (24.0, 1.0, 1.0)])
def test_new_images_of_any_spacing(spacing: tuple[float, ...], run: RunFolder, tmp_path: Path) -> None:
    write_ball(tmp_path / "new", "one", spacing, 9)
    watch = Notes()
    (mask,) = predict_folder(run.path, tmp_path / "new" / "images", tmp_path / "out", watch=watch)
    found, truth = nibabel.load(mask), nibabel.load(tmp_path / "new" / "masks" / "one.nii.gz")
    assert found.shape == truth.shape
    np.testing.assert_array_equal(found.affine, truth.affine)
    assert not [line for line in watch.said if "voxels" in line]
    if spacing[0] < 10:
        assert np.sum(found.dataobj, dtype=float) == pytest.approx(
            np.sum(truth.dataobj, dtype=float), rel=0.2
        )


@pytest.mark.slow
def test_a_stopped_run_goes_on_at_its_spacing(run: RunFolder, recipe: Any, tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        training.train(recipe(), tmp_path / "run", watch=Asking(3))
    folder = training.resume(tmp_path / "run")
    assert folder.recipe() == run.recipe()
    assert folder.cases.read_text() == run.cases.read_text()
    assert write_page(folder.path).is_file()


@pytest.mark.slow
def test_a_file_that_states_no_spacing_is_refused(run: RunFolder, tmp_path: Path) -> None:
    header = "NRRD0004\ntype: uint8\ndimension: 3\nsizes: 8 8 8\nencoding: raw\n\n"
    (tmp_path / "a.nrrd").write_bytes(header.encode() + bytes(512))
    with pytest.raises(IsthmusError, match=r"a\.nrrd: states no size of its pixels.*\[1\.5, 1, 1\] mm"):
        predict_folder(run.path, tmp_path / "a.nrrd", tmp_path / "out")


@pytest.mark.slow
def test_maps_explanations_and_exports_follow(run: RunFolder, balls: Path, tmp_path: Path) -> None:
    image = balls / "images" / "ball 1.nii.gz"
    predict_folder(run.path, image, tmp_path / "out")
    explain_folder(run.path, image, tmp_path / "maps")
    assert (tmp_path / "maps" / "ball 1.png").is_file()
    (made,) = export_run(run.path, "torch", tmp_path / "export", check=True, data=balls)
    assert made.dice is not None
    assert made.dice.between > 0.999
    assert read_json(made.description)["preparation"]["spacing"] == [1.5, 1.0, 1.0]


@pytest.mark.slow
def test_folds_of_different_spacing_are_averaged(run: RunFolder, balls: Path, tmp_path: Path) -> None:
    for fold, spacing in enumerate(([1.5, 1.0, 1.0], [1.0, 1.0, 1.0])):
        folder = tmp_path / "runs" / f"fold-{fold}"
        shutil.copytree(run.path, folder)
        values = read_yaml(folder / "recipe.yaml")
        values["input"]["spacing"] = spacing
        values["protocol"]["folds"] = 2
        write_yaml(folder / "recipe.yaml", values)
    image = np.asarray(nibabel.load(balls / "images" / "ball 1.nii.gz").dataobj).transpose(2, 1, 0)[None]
    both, *each = (
        Predictor.load(path, device="cpu").raw(image, SPACINGS[1])["logits"]
        for path in (tmp_path / "runs", *sorted((tmp_path / "runs").iterdir()))
    )
    assert np.abs(each[0] - each[1]).max() > 0.01
    np.testing.assert_allclose(both, (each[0] + each[1]) / 2, atol=1e-4)


@pytest.mark.slow
def test_a_region_of_interest_and_slices(recipe: Any, balls: Path, tmp_path: Path) -> None:
    roi = {"size": [16, 16, 16], "resize": [16, 16, 16], "epochs": 4, "widths": [4, 8]}
    region = recipe(input={"patch": None, "spacing": [1.5, 1.5, 1.5]}, roi=roi)
    slices = recipe(input={"patch": [16, 16], "slices": 5})
    for name, given in (("region", region), ("slices", slices)):
        folder = training.train(given, tmp_path / name)
        rows = folder.read_rows(folder.cases)
        assert {row["grid"] for row in rows} == {"original"}
        scores = evaluate(folder.predictions, balls, partial=True)
        assert [float(row["dice"]) for row in rows] == pytest.approx([row["dice"] for row in scores.rows])
    assert RunFolder.open(tmp_path / "slices").recipe().input.spacing == (
        1.0,
        1.0,
    )  # slices stay apart as they are


@pytest.mark.slow
def test_numbered_objects_come_back_on_their_grid(recipe: Any, balls: Path, tmp_path: Path) -> None:
    folder = training.train(recipe(data={"instances": True}, training={"epochs": 3}), tmp_path / "run")
    scores = evaluate(folder.predictions, balls, partial=True)
    found = {row["case"]: float(row["dice"]) for row in folder.read_rows(folder.cases)}
    assert found == pytest.approx({row["case"]: row["dice"] for row in scores.rows})


@pytest.mark.slow
def test_without_the_key_a_run_warns_of_another_spacing(recipe: Any, tmp_path: Path) -> None:
    folder = training.train(recipe(input={"spacing": None}, training={"epochs": 1}), tmp_path / "run")
    write_ball(tmp_path / "new", "one", (1.0, 3.0, 3.0), 9)
    watch = Notes()
    predict_folder(folder.path, tmp_path / "new" / "images", tmp_path / "out", watch=watch)
    (line,) = [line for line in watch.said if "voxels" in line]
    assert "voxels of 3 x 3 x 1 mm" in line
    assert line.endswith("a run trained with input.spacing=auto brings them to one size")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"resize": [16, 16, 16], "patch": None}, "input.resize and input.spacing exclude each other"),
        ({"spacing": [1, 1]}, "input.spacing names 2 sides but the images have 3 axes"),
        (
            {"spacing": [0.01, 0.01, 0.01]},
            r"input.spacing \[0.01, 0.01, 0.01\] mm gives 'ball 0' 2400x2400x2400 pixels; spacings are in mm",
        ),
    ],
)
def test_contradictions_are_refused(given: Any, message: str, recipe: Any, tmp_path: Path) -> None:
    with pytest.raises(IsthmusError, match=message):
        training.train(recipe(input=given), tmp_path / "run")


def test_pictures_without_a_pixel_size_cannot_be_brought_to_one(small: Any, tmp_path: Path) -> None:
    with pytest.raises(IsthmusError, match=r"states no size of its pixels, .*\(missing in 6 of 6 cases\)"):
        training.train(small(input={"spacing": "auto"}), tmp_path / "run")

"""`isthmus explain`: what it writes for pictures and volumes, and what it says when something is wrong."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import tifffile
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from isthmus.data.phantoms.cells import write_phantoms
from isthmus.explain import Explainer, grad_cam, saliency
from isthmus.inference.predictor import Predictor
from isthmus.networks import create_model
from isthmus.runs.files import write_json, write_yaml
from isthmus.runs.folder import RunFolder
from isthmus.runs.recipe import Recipe

from .calls import call, error_of


def write_run(
    path: Path, model: str, *, classes: int = 1, dims: int = 2, seed: int = 0, **given: object
) -> Path:
    """A run folder as training leaves it, with random weights."""
    options = {"widths": [4, 8, 8], "in_channels": 1, "classes": classes, "spatial_dims": dims}
    if not model.startswith(("unet", "sharp")):
        del options["widths"]
    count = max(2, classes)
    sections = {
        "data": {
            "channels": 1,
            "classes": ["background", *(f"organ {i}" for i in range(1, count))],
            "values": {i: i for i in range(count)},
        },
        "network": {"model": model, "options": options},
        "hardware": {"device": "cpu", "precision": "float32", "channels_last": False, "threads": 1},
        **given,
    }
    recipe = Recipe.model_validate(sections)
    folder = RunFolder(path)
    path.mkdir(parents=True)
    write_yaml(folder.recipe_path, recipe.model_dump(mode="json"))
    torch.manual_seed(seed)
    write_json(folder.network, {"model": model, "options": options})
    save_file(create_model(model, **options).state_dict(), folder.weights)
    return path


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("explain") / "my data ü"
    write_phantoms(folder, 2, 48, seed=2)
    return folder / "images"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("runs") / "run", "sharp_unet", classes=3)


@pytest.mark.parametrize(("method", "maps"), [("saliency", 1), ("grad-cam", 2), ("input", 1)])
def test_each_image_gets_a_picture_and_its_maps(run, images, tmp_path, method, maps) -> None:
    assert call("explain", run, images, "--out", tmp_path / "out", "--method", method) == 0
    names = sorted(path.stem for path in images.iterdir())
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted(
        f"{name}.{suffix}" for name in names for suffix in ("png", "tif")
    )
    predictor = Predictor.load(run)
    for path in sorted(images.iterdir()):
        pixels = np.asarray(Image.open(path))[None]
        normal = predictor.normaliser(pixels).apply(pixels)
        network = predictor.networks[0]
        if method == "grad-cam":
            expected = grad_cam(network, normal)
        else:
            expected = saliency(network, normal, "input" if method == "input" else "decoder")[None]
        found = tifffile.imread(tmp_path / "out" / f"{path.stem}.tif")
        assert found.dtype == np.float32
        np.testing.assert_allclose(found.reshape(expected.shape), expected, atol=1e-5)
        shown = np.asarray(Image.open(tmp_path / "out" / f"{path.stem}.png"))
        side = 48 * 5  # enlarged to about 256
        assert shown.shape == (side, (maps + 1) * side + 4 * maps, 3)


@pytest.mark.parametrize("method", ["saliency", "grad-cam"])
def test_a_map_that_is_zero_everywhere_is_told(run, images, tmp_path, capsys, method) -> None:
    one = sorted(images.iterdir())[0]
    remark = f"{one.stem}: the map is zero everywhere: nothing that {method} looks at supports the class"
    assert call("explain", run, one, "--out", tmp_path / "some", "--method", method) == 0
    assert tifffile.imread(tmp_path / "some" / f"{one.stem}.tif").any()
    assert remark not in " ".join(capsys.readouterr().err.split())
    dead = write_run(tmp_path / "dead", "unet")
    weights = RunFolder(dead).weights
    save_file({name: torch.zeros_like(tensor) for name, tensor in load_file(weights).items()}, weights)
    assert call("explain", dead, one, "--out", tmp_path / "none", "--method", method) == 0
    assert not tifffile.imread(tmp_path / "none" / f"{one.stem}.tif").any()
    assert remark in " ".join(capsys.readouterr().err.split())


def test_one_class_alone(run, images, tmp_path) -> None:
    one = sorted(images.iterdir())[0]
    for name in ("organ 1", "organ 2"):
        assert call("explain", run, one, "--out", tmp_path / name, "--class", name) == 0
    first, second = (tifffile.imread(tmp_path / name / f"{one.stem}.tif") for name in ("organ 1", "organ 2"))
    assert not np.allclose(first, second)


def test_images_larger_than_the_patch_go_through_in_tiles_and_others_are_resized(images, tmp_path) -> None:
    one = sorted(images.iterdir())[0]
    pixels = np.asarray(Image.open(one))[None]
    whole = write_run(tmp_path / "whole", "unet")
    expected = Explainer(Predictor.load(whole))(pixels)
    tiled = Explainer(Predictor.load(write_run(tmp_path / "tiled", "unet", input={"patch": 32})))(pixels)
    assert tiled.shape == expected.shape == (1, 48, 48)
    assert np.corrcoef(tiled.ravel(), expected.ravel())[0, 1] > 0.6
    resized = Explainer(Predictor.load(write_run(tmp_path / "resized", "unet", input={"resize": [24, 24]})))(
        pixels
    )
    assert resized.shape == (1, 48, 48)
    assert resized.min() >= 0
    assert resized.max() <= 1


def test_the_folds_of_a_cross_validation_are_averaged(images, tmp_path) -> None:
    for fold in (0, 1):
        write_run(tmp_path / "cv" / f"fold-{fold}", "unet", seed=fold)
    pixels = np.asarray(Image.open(sorted(images.iterdir())[0]))[None]
    both = Explainer(Predictor.load(tmp_path / "cv"), "input")(pixels)
    each = [Explainer(Predictor.load(tmp_path / "cv" / f"fold-{i}"), "input")(pixels) for i in (0, 1)]
    assert not np.allclose(both, each[0])
    assert not np.allclose(both, each[1])


def test_a_volume_gets_three_slices_in_square_pixels(tmp_path) -> None:
    values = np.random.default_rng(0).integers(0, 900, (16, 12, 8)).astype(np.int16)  # x, y, z
    nib.save(nib.Nifti1Image(values, np.diag([1.0, 1.0, 3.0, 1.0])), tmp_path / "scan.nii.gz")
    run = write_run(tmp_path / "run", "unet", dims=3, classes=3)
    assert (
        call("explain", run, tmp_path / "scan.nii.gz", "--out", tmp_path / "out", "--method", "grad-cam") == 0
    )
    maps = tifffile.imread(tmp_path / "out" / "scan.tif")
    assert maps.shape == (2, 8, 12, 16)
    assert maps.dtype == np.float32
    shown = np.asarray(Image.open(tmp_path / "out" / "scan.png"))
    # rows: y by x, z by x, z by y, with z three times as long; each enlarged to about 256
    rows = [(12 * 16, 16 * 16), (24 * 11, 16 * 11), (24 * 11, 12 * 11)]
    assert shown.shape[0] == sum(height for height, _ in rows) + 2 * 4
    assert shown.shape[1] == 3 * max(width for _, width in rows) + 2 * 4


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["RUN", "IMAGES", "--out", "x", "--method", "saliensy"], "did you mean 'saliency'"),
        (
            ["RUN", "IMAGES", "--out", "x", "--class", "organ 3"],
            "no class 'organ 3' in this run: did you mean",
        ),
        (["RUN", "IMAGES", "--out", "x", "--device", "tpu"], "device"),
        (["RUN", "nowhere", "--out", "x"], "nowhere"),
        (["nowhere", "IMAGES", "--out", "x"], "no run folder at nowhere"),
        (["IMAGES", "IMAGES", "--out", "x"], "not a run folder"),
        (["RUN", "IMAGES"], "--out"),
        (["FCN", "IMAGES", "--out", "x"], "no decoder stages; use"),
        (["FCN", "IMAGES", "--out", "x", "--method", "grad-cam"], "--method input"),
        (["RUN", "IMAGES", "--out", "IMAGES"], "among the images"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    run, images, tmp_path, monkeypatch, capsys, words, message
) -> None:
    monkeypatch.chdir(tmp_path)
    real = {"RUN": run, "IMAGES": images}
    if "FCN" in words:
        real["FCN"] = write_run(tmp_path / "fcn", "dilnet2")
    before = sorted(images.iterdir())
    assert call("explain", *(str(real.get(word, word)) for word in words)) == 2
    assert message in error_of(capsys)
    assert sorted(images.iterdir()) == before
    assert not (tmp_path / "x").exists()


def test_a_bad_image_does_not_stop_the_others_and_nothing_is_replaced(run, images, tmp_path, capsys) -> None:
    good = sorted(images.iterdir())[0]
    bad = tmp_path / "bad.png"
    bad.write_bytes(good.read_bytes()[:100])
    assert call("explain", run, bad, good, "--out", tmp_path / "out") == 2
    line = error_of(capsys)
    assert "1 of 2 images" in line
    assert "bad.png" in line
    assert sorted(p.suffix for p in (tmp_path / "out").iterdir()) == [".png", ".tif"]
    assert call("explain", run, good, "--out", tmp_path / "out") == 2
    assert "--overwrite" in error_of(capsys)
    assert call("explain", run, good, "--out", tmp_path / "out", "--overwrite") == 0
    picture = tmp_path / "own.png"
    picture.write_bytes(good.read_bytes())
    assert call("explain", run, picture, "--out", tmp_path, "--overwrite") == 2
    assert "is one of the images" in error_of(capsys)
    assert picture.read_bytes() == good.read_bytes()

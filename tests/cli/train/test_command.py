"""``isthmus train``: the run folder, recipe files, folds, and one line for bad data."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from isthmus.runs.files import read_yaml, write_yaml
from isthmus.runs.folder import RunFolder
from isthmus.runs.recipe import Network
from isthmus.training.loop import budget
from isthmus.training.loop.budget import Pace

from ..calls import SMALL, call, error_of


def test_train_writes_a_run_with_a_report(run: Path) -> None:
    assert (run / "best.safetensors").is_file()
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "<script src" not in page
    assert "data:image" in page


def test_train_prints_the_meaning_of_mask_values(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("train", data, *SMALL, "--out", tmp_path / "run") == 0
    assert "0 → background, 255 → foreground" in capsys.readouterr().err


def test_the_recipe_of_a_run_trains_the_same_weights_again(run: Path, tmp_path: Path) -> None:
    assert call("train", "--recipe", run / "recipe.yaml", "--out", tmp_path / "again") == 0
    assert (tmp_path / "again" / "best.safetensors").read_bytes() == (run / "best.safetensors").read_bytes()


def test_what_an_older_recipe_does_not_say_has_the_default_of_its_time(run: Path, tmp_path: Path) -> None:
    """And not what the default preset sets for a network that was not named."""
    values = read_yaml(run / "recipe.yaml")
    assert values["network"].pop("initialisation") != Network().initialisation
    write_yaml(tmp_path / "old.yaml", values)
    assert call("train", "--recipe", tmp_path / "old.yaml", "epochs=1", "--out", tmp_path / "run") == 0
    assert RunFolder(tmp_path / "run").recipe().network.initialisation == Network().initialisation


def test_folds_train_one_run_each_and_predict_together(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "cv"
    assert call("train", data, *SMALL, "epochs=1", "--folds", "2", "--out", out) == 0
    assert sorted(path.name for path in out.iterdir()) == ["fold-0", "fold-1", "report.html"]
    assert call("predict", out, data / "images", "--out", tmp_path / "masks") == 0
    assert call("train", "--resume", "--out", out) == 0


def test_folds_have_the_network_that_fits_the_first(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paces = [
        Pace(0.1, 0.0),
        Pace(5.0, 0.0),
    ]  # width 8 has 12 s for 96 steps of 0.1 s, which do not allow a larger one
    monkeypatch.setattr(budget, "_measure", lambda *_: paces.pop(0))
    words = ["patch=32", "samples=4", "threads=1", "precision=float32"]
    assert call("train", data, *words, "--minutes", "0.01", "--folds", "2", "--out", tmp_path / "cv") == 0
    recipes = [RunFolder(tmp_path / "cv" / f"fold-{fold}").recipe() for fold in range(2)]
    assert recipes[0].network == recipes[1].network
    assert recipes[0].network.options["widths"] == [8, 16, 32]
    assert recipes[0].training.epochs == recipes[1].training.epochs
    assert len(paces) == 1


def spoil(name: str, folder: Path) -> None:
    """Damages one thing in a healthy data folder."""
    images, masks = sorted((folder / "images").iterdir()), sorted((folder / "masks").iterdir())
    if name == "truncated image":
        images[0].write_bytes(images[0].read_bytes()[:200])
    elif name == "empty image":
        images[0].write_bytes(b"")
    elif name == "text for an image":
        images[0].write_text("no picture")
    elif name == "image without a mask":
        masks[0].unlink()
    elif name == "mask without an image":
        images[0].unlink()
    elif name == "sizes differ":
        Image.fromarray(np.zeros((20, 30), np.uint8)).save(masks[0])
    elif name == "stray mask value":
        mask = np.array(Image.open(masks[0]))
        mask[0, 0] = 7
        Image.fromarray(mask).save(masks[0])
    elif name == "NaN pixels":
        import tifffile

        pixels = np.array(Image.open(images[0])).astype(np.float32)
        pixels[3, 3] = np.nan
        tifffile.imwrite(images[0].with_suffix(".tif"), pixels)
        images[0].unlink()
    elif name == "empty folder":
        for path in (*images, *masks):
            path.unlink()
    elif name == "no masks folder":
        shutil.rmtree(folder / "masks")


@pytest.mark.parametrize(
    "fault",
    [
        "truncated image",
        "empty image",
        "text for an image",
        "image without a mask",
        "mask without an image",
        "sizes differ",
        "stray mask value",
        "NaN pixels",
        "empty folder",
        "no masks folder",
    ],
)
def test_bad_data_is_one_line_that_names_the_file(
    fault: str, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "data"
    shutil.copytree(data, folder)
    name = sorted(path.stem for path in (folder / "images").iterdir())[0]
    spoil(fault, folder)
    assert call("train", folder, *SMALL, "--out", tmp_path / "run") == 2
    line = error_of(capsys)
    if fault not in ("empty folder", "no masks folder"):
        assert name in line
    assert not (tmp_path / "run").exists()


def test_a_recipe_file_that_is_none_is_one_line(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "r.yaml").write_text("- 1")
    assert call("train", data, "--recipe", tmp_path / "r.yaml", "--out", tmp_path / "run") == 2
    assert "a recipe holds sections" in error_of(capsys)


def test_a_mistake_in_a_recipe_file_names_the_file_and_one_on_the_command_line_does_not(
    tmp_path, capsys
) -> None:
    recipe = tmp_path / "my.yaml"
    recipe.write_text("training: {epoch: 3}\n", encoding="utf-8")
    assert call("train", "data", "--recipe", recipe) == 2
    assert error_of(capsys).startswith(f"isthmus: {recipe}: the recipe has no key 'training.epoch'")
    recipe.write_text("training: {epochs: 3}\n", encoding="utf-8")
    assert call("train", "data", "--recipe", recipe, "training.bath=2") == 2
    assert error_of(capsys).startswith("isthmus: the recipe has no key 'training.bath'")

"""How training treats masks that number objects, before any time is spent."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from isthmus import training
from isthmus.errors import IsthmusError
from isthmus.io.writing import write_image, write_mask
from isthmus.runs.files import read_json
from isthmus.runs.recipe import make_recipe
from isthmus.training.preparation.prepare import prepare
from isthmus.training.preparation.prepared import Prepared
from isthmus.watch import Silent

FULL = np.kron(np.arange(1, 81).reshape(8, 10), np.ones((6, 5), int)).astype(np.uint8)


def place(root: Path, mask: np.ndarray) -> Path:
    for index in range(4):
        noise = np.random.default_rng(index).integers(0, 255, mask.shape, dtype=np.uint8)
        write_image(root / "images" / f"c{index}.png", noise[None])
        write_mask(root / "masks" / f"c{index}.png", mask)
    return root


def prepared(root: Path, **data: object) -> Prepared:
    return prepare(make_recipe("default", {"data": {"source": str(root), **data}}, {}), Silent())


def test_labels_without_background_train_as_objects_alone(tmp_path: Path) -> None:
    root = place(tmp_path, FULL)
    assert prepared(root, instances=True).recipe.data.value_rule == "objects"
    with pytest.raises(IsthmusError, match=r"no background to separate it from; .* data\.instances=true"):
        prepared(root)


def test_numbers_that_resampling_made_are_no_objects(tmp_path: Path) -> None:
    labels = np.zeros((48, 60), np.uint8)
    for index in range(9):
        y, x = 16 * (index // 3) + 3, 20 * (index % 3) + 4
        labels[y : y + 10, x : x + 12] = 20 * index + 20
    soft = np.asarray(Image.fromarray(labels).resize((100, 80), Image.Resampling.BILINEAR))
    root = place(tmp_path, soft)
    with pytest.raises(IsthmusError, match="resample masks by nearest neighbour"):
        prepared(root, instances=True)
    assert prepared(root, instances=True, value_rule="objects")


def test_bad_cases_are_left_out_on_request_and_named(small: Any, phantoms: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(phantoms, data)
    bad = sorted((data / "images").iterdir())[2]
    bad.write_bytes(bad.read_bytes()[:90])
    sections = {"data": {"source": str(data)}, "training": {"epochs": 1}}
    with pytest.raises(IsthmusError, match=bad.name):
        training.train(small(**sections), tmp_path / "run")
    sections["data"]["skip_bad"] = True
    folder = training.train(small(**sections), tmp_path / "run")
    splits = read_json(folder.splits)
    assert any(bad.name in note for note in splits["notes"])
    assert bad.stem not in {**splits["train"], **splits["validation"]}


@pytest.mark.parametrize(("dtype", "normalise"), [(np.uint8, "scale"), (np.uint16, "zscore")])
def test_bytes_are_scaled_and_everything_else_is_normalised_by_image(
    small: Any, tmp_path: Path, dtype: Any, normalise: str
) -> None:
    rng = np.random.default_rng(0)
    for index in range(4):
        mask = np.zeros((40, 40), np.uint8)
        mask[5:20, 5:25] = 255
        write_image(tmp_path / f"data/images/c{index}.png", rng.integers(0, 200, (1, 40, 40)).astype(dtype))
        write_mask(tmp_path / f"data/masks/c{index}.png", mask)
    recipe = small(
        data={"source": str(tmp_path / "data")}, input={"normalise": "auto"}, training={"epochs": 1}
    )
    folder = training.train(recipe, tmp_path / "run")
    assert folder.recipe().input.normalise == normalise


@pytest.mark.parametrize(
    ("network", "depth"),
    [({}, 3), ({"depth": None}, None), ({"options": {"widths": [4, 8]}}, None), ({"model": "unet"}, None)],
)
def test_our_own_network_is_as_deep_as_the_images_are_large(
    phantoms: Path, network: dict[str, Any], depth: int | None
) -> None:
    recipe = make_recipe(
        "default",
        {"data": {"source": str(phantoms)}, "input": {"resize": [64, 96]}, "hardware": {"threads": 1}},
        {"network": network},
    )
    assert prepare(recipe, Silent()).recipe.network.options.get("depth") == depth

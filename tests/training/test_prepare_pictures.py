"""What training makes of masks that number objects, before any time is spent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from isthmus.errors import IsthmusError
from isthmus.io.writing import write_image, write_mask
from isthmus.runs.recipe import make_recipe
from isthmus.training.prepare import prepare
from isthmus.training.prepared import Prepared
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
    with pytest.raises(IsthmusError, match="resample masks by the nearest neighbour"):
        prepared(root, instances=True)
    assert prepared(root, instances=True, value_rule="objects")

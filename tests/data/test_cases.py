"""Images and masks of a case: united, stacked, brought to a number of channels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from isthmus.data.cases import Case, Dataset, Source, load, load_image, to_channels
from isthmus.data.checks.check import check_dataset
from isthmus.data.masks.values import ValueMap
from isthmus.data.sources import from_folder
from isthmus.errors import IsthmusError


def test_several_masks_are_united(tmp_path: Path) -> None:
    image = Source(tmp_path / "i.png")
    Image.fromarray(np.zeros((2, 3), np.uint8)).save(image.path)
    for name, pixels in (("a", [[255, 0, 0], [0, 0, 0]]), ("b", [[0, 255, 0], [0, 0, 0]])):
        Image.fromarray(np.array(pixels, np.uint8)).save(tmp_path / f"{name}.png")
    case = Case("x", (image,), (Source(tmp_path / "a.png"), Source(tmp_path / "b.png")), "x")
    dataset = Dataset("x", (case,), ValueMap(((0, 0), (255, 1))), ("background", "nucleus"))
    assert load(case, dataset)[1].tolist() == [[1, 1, 0], [0, 0, 0]]
    assert check_dataset(dataset).cases[0].shares == pytest.approx((4 / 6, 2 / 6))
    Image.fromarray(np.zeros((3, 3), np.uint8)).save(tmp_path / "b.png")
    with pytest.raises(IsthmusError, match=r"b\.png: 3 x 3 but .*a\.png is 3 x 2"):
        load(case, dataset)


def test_several_images_are_stacked_along_channels(tmp_path: Path) -> None:
    for name, value in (("flair", 1), ("t1", 2)):
        Image.fromarray(np.full((2, 3), value, np.uint8)).save(tmp_path / f"{name}.png")
    case = Case("x", (Source(tmp_path / "flair.png"), Source(tmp_path / "t1.png")), (), "x")
    assert load_image(case)[:, 0, 0].tolist() == [1, 2]
    Image.fromarray(np.zeros((3, 3), np.uint8)).save(tmp_path / "t1.png")
    with pytest.raises(IsthmusError, match=r"t1\.png: 3 x 3 but"):
        load_image(case)
    (tmp_path / "t1.png").write_bytes((tmp_path / "flair.png").read_bytes())
    with pytest.raises(IsthmusError, match="no mask"):
        load(case, Dataset("x", (case,), ValueMap(((0, 0), (255, 1)))))


def test_channels() -> None:
    colour = np.array([[[100]], [[200]], [[50]]], np.uint8)
    grey = to_channels(colour, 1)
    assert grey.tolist() == [[[153]]]  # 0.299 * 100 + 0.587 * 200 + 0.114 * 50 = 153.0
    assert grey.dtype == np.uint8
    assert to_channels(colour.astype(np.float32), 1).dtype == np.float32
    assert to_channels(grey, 3).tolist() == [[[153]]] * 3
    assert to_channels(colour, 3) is colour
    with pytest.raises(IsthmusError, match="has 2 channels where 3 are expected"):
        to_channels(colour[:2], 3)


def test_masks_that_nobody_looked_at(pairs: Any) -> None:
    dataset = from_folder(pairs(2))
    with pytest.raises(ValueError, match="check_dataset"):
        load(dataset.cases[0], dataset)

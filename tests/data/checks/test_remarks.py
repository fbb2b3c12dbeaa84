"""Remarks: tags that invert or turn, polarity, objects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import tifffile
from PIL import Image

from isthmus.data.cases import load_instances
from isthmus.data.checks.check import check_dataset
from isthmus.data.checks.inspect import inspect_dataset
from isthmus.data.sources import from_folder


def test_volumes_say_how_they_lie(tmp_path: Path) -> None:
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
        for i, axes in enumerate(([2.0, 3, 4], [-2.0, -3, 4], [2.0, 3, 4])):
            voxels = np.zeros((5, 6, 7), np.uint8)
            voxels[2:4, 2:4, i] = 1 + i * (folder == "images")
            grid = np.diag([*axes, 1.0])
            nibabel.save(nibabel.Nifti1Image(voxels, grid), tmp_path / folder / f"v{i}.nii.gz")
    checked = check_dataset(from_folder(tmp_path))
    assert [facts.orientation for facts in checked.cases] == ["RAS", "LPS", "RAS"]
    assert checked.summary_lines() == [
        "volumes: orientation RAS (2), LPS (1); all are turned to SPL: z to the head, y to the back, x to the "
        "patient's left",
        "spacing: 2 x 3 x 4 mm (3)",
    ]
    rows = {row.what: row for row in inspect_dataset(from_folder(tmp_path)).findings()}
    assert rows["orientations"].count == 2
    assert rows["orientations"].detail.startswith("RAS (2); LPS (1); all are turned to SPL")
    assert rows["spacings"].detail == "2 x 3 x 4 mm (3)"
    assert rows["sizes"].detail == "5 x 6 x 7, 1 channel (3)"


def rows_of(root: Path) -> dict[str, tuple[str, int, str]]:
    return {
        row.what: (row.level, row.count, row.detail) for row in inspect_dataset(from_folder(root)).findings()
    }


def mask_of(seed: int) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    mask = np.zeros((24, 20), bool)
    mask[4:9, seed : seed + 5] = True
    return mask


def test_tags_that_invert_are_told_and_change_no_mask(tmp_path: Path) -> None:
    for index in range(4):
        for kind in ("images", "masks"):
            (tmp_path / kind).mkdir(exist_ok=True)
        noise = np.random.default_rng(index).integers(0, 99, (24, 20), dtype=np.uint8)
        tifffile.imwrite(tmp_path / "images" / f"c{index}.tif", noise)
        mask = mask_of(index)
        tifffile.imwrite(tmp_path / "masks" / f"c{index}.tif", mask if index == 1 else mask * np.uint8(255))
    checked = check_dataset(from_folder(tmp_path))
    assert {round(facts.foreground * 480) for facts in checked.cases} == {25}
    assert rows_of(tmp_path)["inverting tags"][:2] == ("warning", 1)
    assert any("shows them inverted: c1" in line for line in checked.summary_lines())


def test_a_mask_of_the_other_polarity_is_told(pairs: Any) -> None:
    masks = [(mask_of(i) ^ (i == 2)) * np.uint8(255) for i in range(5)]
    level, count, detail = rows_of(pairs(5, masks=masks))["polarity"]
    assert (level, count) == ("warning", 1)
    assert "im2" in detail
    large = [np.pad(np.full((20, 16), 255, np.uint8), 2) for _ in range(3)]
    assert "polarity" not in rows_of(pairs(5, masks=[*large, *masks[:2]]))


@pytest.mark.parametrize("turned", [2, 3])
def test_polarity_that_changes_in_the_middle_is_told(pairs: Any, turned: int) -> None:
    masks = [(mask_of(i) ^ (i < turned)) * np.uint8(255) for i in range(4)]
    level, count, _ = rows_of(pairs(4, masks=masks))["polarity"]
    assert (level, count) == ("warning", turned)


def test_a_turning_tag_on_one_side_is_told(tmp_path: Path, pairs: Any) -> None:
    root = pairs(3)
    exif = Image.Exif()
    exif[274] = 3  # upside down: the size stays
    path = root / "images" / "im1.png"
    with Image.open(path) as picture:
        picture.load()
    picture.save(path, exif=exif)
    level, count, detail = rows_of(root)["orientation tags"]
    assert (level, count) == ("warning", 1)
    assert "im1 (3 and 1)" in detail
    mask = root / "masks" / "im1.png"
    with Image.open(mask) as picture:
        picture.load()
    picture.save(mask, exif=exif)
    assert "orientation tags" not in rows_of(root)


def test_one_value_where_objects_are_numbered_is_split_and_told(pairs: Any) -> None:
    binary = (mask_of(0) | mask_of(12)) * np.uint8(255)
    numbered = mask_of(0) * np.uint8(1) + mask_of(12) * np.uint8(2)
    dataset = from_folder(pairs(2, masks=[binary, numbered]))
    checked = check_dataset(dataset, rule="objects")
    assert any("one value in several pieces" in line and "im0" in line for line in checked.summary_lines())
    for case in checked.dataset.cases:
        np.testing.assert_array_equal(load_instances(case, checked.dataset)[1], numbered)


def test_labels_without_background_are_objects(pairs: Any) -> None:
    full = [np.kron(np.arange(1, 81).reshape(8, 10), np.ones((3, 2), int)).astype(np.uint8) for _ in range(3)]
    checked = check_dataset(from_folder(pairs(3, masks=full)))
    assert checked.values.rule == "objects"
    assert any("every pixel of all masks belongs to an object" in line for line in checked.summary_lines())

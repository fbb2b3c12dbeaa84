"""Masks and images that object training and evaluation meet: each has a defined answer, and a line where one helps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isthmus import training
from isthmus.data.cases import Source
from isthmus.data.masks.objects import number_objects
from isthmus.data.phantoms.nuclei import touching_nuclei
from isthmus.errors import IsthmusError
from isthmus.evaluation.evaluate import evaluate_folder
from isthmus.evaluation.options import EvaluateOptions
from isthmus.io.images import read_mask
from isthmus.io.writing import write_image, write_mask
from isthmus.metrics import object_states
from isthmus.report import write_page
from isthmus.runs.folder import RunFolder

from ..notes import Notes

SIZE = 48


def pairs() -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Images of nuclei, and masks of their numbers."""
    drawn = [touching_nuclei(seed, SIZE, 0.3) for seed in range(4)]
    return [image for image, _ in drawn], [numbers.astype(np.uint16) for _, numbers in drawn]


def write(folder: Path, images: Sequence[np.ndarray], masks: Sequence[np.ndarray]) -> Path:
    for index, (image, mask) in enumerate(zip(images, masks, strict=True)):
        write_image(folder / "images" / f"c{index}.png", image[None])
        write_mask(folder / "masks" / f"c{index}.png", mask)
    return folder


def trained(small: Any, source: Path, **data: Any) -> tuple[RunFolder, list[str]]:
    """A run of one epoch that holds out the last case and chooses the epoch by objects, and what it said."""
    recipe = small(
        data={"source": str(source), "instances": True, **data},
        training={"epochs": 1, "samples": 2, "select": "objects"},
        protocol={"validation": ["c3"]},
    )
    watch = Notes()
    return training.train(recipe, source.parent / "run", watch=watch), watch.said


def only_row(folder: RunFolder) -> dict[str, float]:
    (row,) = folder.read_rows(folder.cases)
    return {
        name: float(row[name])
        for name in (
            "truth_objects",
            "prediction_objects",
            "object_f1",
            "missed_objects",
            "false_predictions",
        )
    }


@pytest.mark.parametrize("value", [1, 255])
def test_one_value_for_all_objects_is_said_to_join_those_that_touch(
    small: Any, tmp_path: Path, value: int
) -> None:
    images, masks = pairs()
    plain = [(mask > 0).astype(np.uint8) * value for mask in masks]
    folder, said = trained(small, write(tmp_path / "data", images, plain))
    (note,) = [line for line in said if "one value" in line]
    assert "objects that touch as one; to separate these, number the objects 1, 2, 3, … in the masks" in note
    assert only_row(folder)["truth_objects"] < masks[3].max()
    numbered, said = trained(small, write(tmp_path / "other" / "data", images, masks))
    assert not [line for line in said if "one value" in line]
    assert only_row(numbered)["truth_objects"] == masks[3].max()


def test_a_single_object_is_found_or_missed(small: Any, tmp_path: Path) -> None:
    images, masks = pairs()
    folder, _ = trained(
        small, write(tmp_path / "data", images, [(mask == 1).astype(np.uint8) for mask in masks])
    )
    assert only_row(folder)["truth_objects"] == 1
    (told, *_) = evaluate_folder(
        tmp_path / "data" / "masks", tmp_path / "data" / "masks", EvaluateOptions(instances=True)
    ).rows
    assert (told["found_objects"], told["object_f1"], told["panoptic_quality"]) == (1, 1, 1)


def test_held_out_images_without_an_object_have_only_false_ones(small: Any, tmp_path: Path) -> None:
    images, masks = pairs()
    masks[3][:] = 0
    folder, said = trained(small, write(tmp_path / "data", images, masks))
    row = only_row(folder)
    assert (row["truth_objects"], row["missed_objects"]) == (0, 0)
    assert row["false_predictions"] == row["prediction_objects"]
    assert row["object_f1"] == (row["prediction_objects"] == 0)
    assert any("note: no held-out mask holds an object" in line for line in said)
    assert "true and" in write_page(folder.path).read_text(encoding="utf-8")


def test_nothing_to_learn_is_said_or_refused(small: Any, tmp_path: Path) -> None:
    images, masks = pairs()
    empty = [np.zeros_like(mask) for mask in masks]
    _, said = trained(small, write(tmp_path / "data", images, [*empty[:3], masks[3]]))
    assert any("note: no mask to train on holds an object" in line for line in said)
    with pytest.raises(IsthmusError, match="all 4 masks hold 0 only, so there is nothing to learn"):
        trained(small, write(tmp_path / "other" / "data", images, empty))
    rows = evaluate_folder(
        tmp_path / "other" / "data" / "masks",
        tmp_path / "other" / "data" / "masks",
        EvaluateOptions(instances=True),
    ).rows
    assert {(row["object_f1"], row["truth_objects"], row["found_objects"]) for row in rows} == {(1, 0, 0)}


def test_a_class_without_a_pixel_to_train_on_is_said_too(small: Any, tmp_path: Path) -> None:
    images, masks = pairs()
    empty = [np.zeros_like(mask, np.uint8) for mask in masks]
    plain = (masks[3] > 0).astype(np.uint8)
    recipe = small(
        data={"source": str(write(tmp_path / "data", images, [*empty[:3], plain]))},
        training={"epochs": 1, "samples": 2},
        protocol={"validation": ["c3"]},
    )
    watch = Notes()
    training.train(recipe, tmp_path / "run", watch=watch)
    assert any("note: no mask to train on holds foreground" in line for line in watch.said)


def test_images_of_one_colour_are_trained_on_and_scored(small: Any, tmp_path: Path) -> None:
    images, masks = pairs()
    images[0][:], images[3][:] = 77, 12
    folder, _ = trained(small, write(tmp_path / "data", images, masks))
    row = only_row(folder)
    assert row["truth_objects"] == masks[3].max()
    assert all(np.isfinite(value) for value in row.values())


@pytest.mark.parametrize("side", [48, 7])
def test_an_image_that_lies_within_one_object(small: Any, tmp_path: Path, side: int) -> None:
    """Of the usual size, and smaller than an object and a patch."""
    images, masks = pairs()
    images[3], masks[3] = images[3][:side, :side], np.ones((side, side), np.uint16)
    folder, _ = trained(small, write(tmp_path / "data", images, masks))
    row = only_row(folder)
    assert row["truth_objects"] == 1
    assert 0 <= row["object_f1"] <= 1
    write_page(folder.path)


def test_one_object_over_every_whole_image_is_refused(small: Any, tmp_path: Path) -> None:
    images, masks = pairs()
    with pytest.raises(IsthmusError, match="all 4 masks hold 1 only, so there is nothing to learn"):
        trained(small, write(tmp_path / "data", images, [np.ones_like(mask) for mask in masks]))


def test_a_hundred_thousand_objects_are_numbered_and_counted(tmp_path: Path) -> None:
    """Squares of 2 x 2 in a grid; the prediction lacks the first row of them, and the next two are one."""
    n = 317
    numbers = np.zeros((3 * n, 3 * n), np.uint32)
    blocks = np.arange(1, n * n + 1, dtype=np.uint32).reshape(n, n)
    for y, x in np.ndindex(2, 2):
        numbers[y::3, x::3] = blocks
    other = numbers.copy()
    other[:3] = 0
    other[3:5, 2:5] = n + 1
    write_mask(tmp_path / "c.tif", numbers)
    read = number_objects(read_mask(Source(tmp_path / "c.tif")))
    assert (read.dtype, int(read.max())) == (np.int32, n * n)
    counts = object_states(number_objects(other), read).counts()
    assert (counts["found_objects"], counts["missed_objects"]) == (n * n - n - 2, n)
    assert (counts["merged_objects"], counts["merging_predictions"]) == (2, 1)

"""`isthmus evaluate --ignore`: a value of the truth whose pixels count on neither side."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from isthmus.errors import IsthmusError
from isthmus.evaluation.evaluate import evaluate_folder
from isthmus.evaluation.options import EvaluateOptions
from isthmus.metrics import score_case

from ..masks import save
from ..notes import Notes

RNG = np.random.default_rng(5)


def blobs(values: int) -> np.ndarray:
    mask = np.zeros((24, 30), np.uint8)
    for value in range(1, values + 1):
        mask[3 * value : 3 * value + 4, 2 * value : 2 * value + 11] = value
    return mask


@pytest.mark.parametrize("void", [9, 255])
@pytest.mark.parametrize("classes", [1, 3])
def test_classes(tmp_path: Path, classes: int, void: int) -> None:
    scale = 1 if classes > 1 else 255 if void != 255 else 1
    truth, guess = blobs(classes) * scale, np.roll(blobs(classes), 2, 1) * scale
    outside = RNG.random(truth.shape) < 0.3
    other = blobs(classes) * scale  # without such pixels
    marked = np.where(outside, void, truth).astype(np.uint8)
    folders = save(tmp_path / "p", a=guess, b=guess), save(tmp_path / "t", a=marked, b=other)
    found = evaluate_folder(*folders, EvaluateOptions(ignore=void))
    held = sorted(set(np.unique(truth)) - {0})
    for place, value in enumerate(held, 1):
        expected = score_case(guess == value, np.where(outside, 9, truth == value), objects=False, ignore=9)
        name = "foreground" if classes == 1 else f"class {place}"
        of_case = next(r for r in found.rows if r["case"] == "a" and r["class"] == name)
        for metric, score in expected.items():
            assert of_case[metric] == pytest.approx(score, nan_ok=True), metric
    assert {r["image_points"] for r in found.rows if r["case"] == "b"} == {truth.size}
    with pytest.raises(IsthmusError, match="no true mask holds this value"):
        evaluate_folder(*folders, EvaluateOptions(ignore=77))
    with pytest.raises(IsthmusError, match=r"is a class|is an object or a class"):
        evaluate_folder(
            *folders,
            EvaluateOptions(
                ignore=void, classes={**{int(value): f"class {value}" for value in held}, void: "void"}
            ),
        )


def test_objects(tmp_path: Path) -> None:
    truth = np.zeros((8, 20), np.uint16)
    truth[1:4, 1:6], truth[5:7, 1:6], truth[1:7, 9:12] = 1, 2, 3
    guess = truth.copy()
    guess[:, 14:16] = 4  # lies where nobody looked
    marked = truth.copy()
    marked[:, 13:] = 500
    folders = save(tmp_path / "p", a=guess), save(tmp_path / "t", a=marked)
    (found,) = evaluate_folder(*folders, EvaluateOptions(instances=True, ignore=500)).rows
    assert (found["object_f1"], found["dice"], found["image_points"]) == (1.0, 1.0, 8 * 13)
    (plain,) = evaluate_folder(*folders, EvaluateOptions(instances=True)).rows
    assert plain["object_f1"] < 1


def test_a_mask_of_nothing_else_is_named(tmp_path: Path) -> None:
    some = blobs(1)
    folders = save(tmp_path / "p", a=some, b=some), save(tmp_path / "t", a=some, b=some * 0 + 9)
    with pytest.raises(IsthmusError, match=r"b\.png is 9 everywhere, which is ignored; leave it out"):
        evaluate_folder(*folders, EvaluateOptions(ignore=9), watch=Notes())

"""Masks are scored, and images or masks unlike those of the run that made them are reported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from isthmus.api import evaluate
from isthmus.errors import IsthmusError
from isthmus.inference.unfamiliar import Remembered
from isthmus.runs.files import write_json, write_yaml
from isthmus.runs.folder import RunFolder
from isthmus.runs.recipe import make_recipe
from isthmus.watch import Silent

from .test_unfamiliar import GREY, MASKS, picture, trained


def run_folder(path: Path, **data: Any) -> RunFolder:
    """The part of a run that the comparison needs: the recipe, and what the images were like."""
    folder = RunFolder(path)
    recipe = make_recipe("bare", {"data": {"source": "somewhere", "channels": 1, **data}}, {})
    write_yaml(folder.recipe_path, recipe.to_dict())
    write_json(folder.images, Remembered(trained(GREY, **MASKS).known, []).to_dict())
    return folder


def scored(folder: Path, share: int, brightness: int = 1, *, images: bool = True) -> tuple[Path, Path]:
    """Predictions and truth of four cases: squares of this share in 64ths of a row, on pictures."""
    for seed in range(4):
        mask = np.zeros((64, 64), np.uint8)
        mask[:share, :share] = 255
        for name in ("predictions", "data/masks"):
            path = folder / name / f"{seed}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), mask)
        if images:
            path = folder / "data" / "images" / f"{seed}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), picture(100 + seed)[0] // brightness)
    return folder / "predictions", folder / ("data" if images else "data/masks")


class Notes(Silent):
    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said += [text] if text.startswith("note: ") else []


@pytest.mark.parametrize(
    ("share", "brightness", "images", "words"),
    [
        (24, 1, True, "all 4 masks hold larger objects"),
        (24, 4, True, "all 4 images are dimmer than any training image"),
        (64, 1, False, "all 4 masks hold more foreground"),
        (0, 1, False, "all 4 masks hold less foreground"),
    ],
)
def test_evaluate_tells_of_the_images_or_the_masks(
    tmp_path: Path, share: int, brightness: int, images: bool, words: str
) -> None:
    values = {"values": {0: 0, 255: 1}, "classes": ["background", "cell"]}
    run = run_folder(tmp_path / "run", **values)
    predictions, truth = scored(tmp_path, share, brightness, images=images)
    watch = Notes()
    evaluate(predictions, truth, classes={255: "cell"}, run=run.path, watch=watch)
    assert len(watch.said) == 1
    assert words in watch.said[0]
    watch = Notes()
    evaluate(predictions, truth, classes={255: "cell"}, watch=watch)
    assert watch.said == []  # of what run they are is not known


def test_evaluate_knows_the_run_whose_folder_the_predictions_lie_in(tmp_path: Path) -> None:
    run_folder(tmp_path, values={0: 0, 255: 1}, classes=["background", "cell"])
    predictions, truth = scored(tmp_path, 64, images=False)
    watch = Notes()
    evaluate(predictions, truth, classes={255: "cell"}, watch=watch)
    assert len(watch.said) == 1
    with pytest.raises(IsthmusError, match="run folder"):
        evaluate(predictions, truth, classes={255: "cell"}, run=tmp_path / "none", watch=watch)


def test_background_that_is_not_0_is_no_foreground(tmp_path: Path) -> None:
    run = run_folder(tmp_path / "run", values={7: 0, 255: 1}, classes=["background", "cell"])
    for name in ("predictions", "masks"):
        (tmp_path / name).mkdir()
        mask = np.full((64, 64), 7, np.uint8)
        for top in range(0, 60, 12):
            mask[top : top + 5, ::12] = mask[top : top + 5, 1::12] = mask[top : top + 5, 2::12] = 255
        cv2.imwrite(str(tmp_path / name / "a.png"), mask)
    watch = Notes()
    evaluate(
        tmp_path / "predictions",
        tmp_path / "masks",
        classes={7: "background", 255: "cell"},
        run=run.path,
        watch=watch,
    )
    assert watch.said == []

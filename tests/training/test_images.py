"""A run remembers its images and reports different ones; runs that remember nothing work as before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from isthmus.data.phantoms.cells import write_phantoms
from isthmus.inference.predict import PredictOptions, predict_folder
from isthmus.inference.predictor import Predictor
from isthmus.report import write_page
from isthmus.runs.folder import RunFolder
from isthmus.training import train

from ..notes import Notes


@pytest.fixture(scope="module")
def run(small: Any, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return train(
        small(training={"epochs": 1, "batch": 2, "samples": 2}), tmp_path_factory.mktemp("run") / "run"
    )


@pytest.fixture
def dark(tmp_path: Path) -> Path:
    """Five images like those of the training, but at an eighth of their brightness."""
    write_phantoms(tmp_path / "made", 5, 64, seed=9)
    (tmp_path / "dark").mkdir()
    for path in (tmp_path / "made" / "images").iterdir():
        cv2.imwrite(str(tmp_path / "dark" / path.name), cv2.imread(str(path), cv2.IMREAD_UNCHANGED) // 16)
    return tmp_path / "dark"


def images(folder: Path) -> list[np.ndarray[Any, Any]]:
    return [cv2.imread(str(path), cv2.IMREAD_UNCHANGED)[None] for path in sorted(folder.iterdir())]


def test_what_is_stored_is_of_the_training_cases(run: RunFolder) -> None:
    stored = json.loads(run.images.read_text())
    training = set(json.loads(run.splits.read_text())["train"])
    assert stored["training"]["images"] == stored["training"]["groups"] == len(training)
    assert stored["training"]["types"] == {"uint8": len(training)}
    assert stored["training"]["smallest"] == stored["training"]["largest"] == [64, 64]
    assert {"mean", "contrast", "balance", "grain 1", "foreground", "thickness"} <= set(
        stored["training"]["spreads"]
    )
    assert not training & set(run.images.read_text().split('"'))  # nobody's name
    assert run.images.stat().st_size < 5000


def test_predict_says_it_once_for_all_images(run: RunFolder, dark: Path, tmp_path: Path) -> None:
    watch = Notes()
    predict_folder(run.path, dark, tmp_path / "out", watch=watch)
    said = [line for line in watch.said if line.startswith("note: ")]
    assert len(said) == 1
    assert said[0].startswith("note: all 5 images are dimmer than any training image (mean ")
    watch = Notes()
    predict_folder(run.path, dark, tmp_path / "maps", PredictOptions(probabilities=True), watch=watch)
    assert [line for line in watch.said if line.startswith("note: ")] == said


def test_the_predictor_notes_it_once_for_all_arrays(run: RunFolder, dark: Path) -> None:
    predictor = Predictor.load(run.path)
    before = list(predictor.notes)
    for image in images(dark):
        predictor.labels(image)
        predictor.probabilities(image)
    (note,) = [note for note in predictor.notes if note not in before]
    assert note.startswith("all 10 images are dimmer")


def test_of_one_image_it_says_the_image(run: RunFolder, dark: Path) -> None:
    predictor = Predictor.load(run.path)
    before = predictor.notes
    predictor.mask(images(dark)[0])
    (note,) = predictor.notes[len(before) :]
    assert note.startswith("the image is dimmer")


@pytest.mark.parametrize(
    ("content", "notes"), [(None, 0), ("{", 1), ("[]", 1), ('{"training": 1, "scored": []}', 1)]
)
def test_a_run_without_it_is_silent_and_a_damaged_one_goes_on(
    run: RunFolder, dark: Path, content: str | None, notes: int
) -> None:
    kept = run.images.read_text()
    before = len(Predictor.load(run.path).notes)
    try:
        run.images.unlink()
        if content is not None:
            run.images.write_text(content)
        predictor = Predictor.load(run.path)
        predictor.labels(images(dark)[0])
        assert len(predictor.notes) == before + notes
        assert all("images.json" in note for note in predictor.notes[before:])
    finally:
        run.images.write_text(kept)


def test_held_out_images_that_are_others_are_told_in_training_and_report(small: Any, tmp_path: Path) -> None:
    write_phantoms(tmp_path / "data", 8, 64, seed=3)
    last = sorted((tmp_path / "data" / "images").iterdir())[-1]
    cv2.imwrite(str(last), 255 - cv2.imread(str(last), cv2.IMREAD_UNCHANGED))
    recipe = small(
        data={"source": str(tmp_path / "data")},
        training={"epochs": 1, "batch": 2, "samples": 2},
        protocol={"validation": [last.stem]},
    )
    watch = Notes()
    folder = train(recipe, tmp_path / "run", watch=watch)
    (line,) = [line for line in watch.said if line.startswith("held out: ")]
    assert line.startswith("held out: the image looks inverted")
    assert "looks inverted" in write_page(folder.path).read_text(encoding="utf-8")

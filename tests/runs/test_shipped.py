"""The network that comes with the package: small, without paths, found from any folder, and right on drawn nuclei."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import isthmus
from isthmus.data.phantoms.nuclei import write_touching_nuclei
from isthmus.inference.outputs.instance_files import overlay
from isthmus.inference.predictor import Predictor
from isthmus.io.images import Source, read_image, read_mask
from isthmus.metrics import object_f1
from isthmus.runs.trained import example_of, list_trained, run_path, trained_card, trained_run


def test_it_is_listed_small_and_says_what_it_is() -> None:
    assert list_trained() == ["nuclei"]
    files = [path for path in run_path("nuclei").iterdir() if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 10e6
    card = trained_card("nuclei")
    assert "CC0" in card.terms
    assert card.made_by.startswith("python -m benchmarks.objects.trained_nuclei ")
    assert f"{len((run_path('nuclei') / 'images.txt').read_text().split())} images" in card.data
    assert card.scores[0]["pictures"] == "all"
    for row in card.scores:
        assert float(row["from"]) <= float(row["object F1"]) <= float(row["to"])


def test_it_holds_no_path_of_a_machine() -> None:
    for path in run_path("nuclei").iterdir():
        if path.suffix in (".yaml", ".json"):
            text = path.read_text(encoding="utf-8")
            assert "/" not in text.replace("https://", "").replace(
                "bbbc.broadinstitute.org/BBBC038", ""
            ).replace("found / true", ""), path
    recipe = trained_run("nuclei").recipe()
    assert (recipe.data.source, recipe.data.root) == ("nuclei", None)
    assert recipe.input.diameter is not None


def test_drawn_nuclei_are_found_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_touching_nuclei(tmp_path / "drawn", 3, 128, seed=1)
    masks = isthmus.predict("nuclei", "drawn/images", "masks")
    scores = [
        object_f1(
            read_mask(Source(path)),
            read_mask(Source(next((tmp_path / "drawn" / "masks").glob(f"{path.stem}.*")))),
        )
        for path in masks
    ]
    assert np.mean(scores) > 0.7


def test_its_picture_is_segmented_the_same_as_labels_of_an_array() -> None:
    image = read_image(Source(example_of("nuclei")))
    predictor = Predictor.load("nuclei")
    assert not [note for note in predictor.notes if "fold" in note]
    found = predictor.instances(image)
    assert 30 < found.max() < 120
    assert overlay(image, found).shape == (*found.shape, 3)

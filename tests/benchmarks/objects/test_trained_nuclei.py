"""The card of a network says what its twin reached, and what is shipped holds no path and half the bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from benchmarks.frame.runs import trained
from safetensors.torch import load_file

import isthmus
from benchmarks.objects import trained_nuclei
from isthmus.data.phantoms.nuclei import write_touching_nuclei
from isthmus.runs.files import read_csv, read_yaml, write_csv
from isthmus.runs.trained import run_path, trained_card

TINY: dict[str, Any] = {
    "network": {"model": "unet", "options": {"norm": "batch", "widths": [4, 8]}},
    "input": {"patch": [32, 32]},
    "training": {"epochs": 1, "samples": 2, "batch": 2},
    "hardware": {"threads": 1, "device": "cpu"},
}


def test_a_line_of_the_card_by_hand() -> None:
    cases = [
        {"kind": "a", "f1": 0.5, "ap": 0.25, "found": 3, "true": 4},
        {"kind": "b", "f1": 1.0, "ap": 0.75, "found": 5, "true": 4},
    ]
    scores = {f"{i}": case for i, case in enumerate([*cases, *cases])}
    card = trained_nuclei.card(scores, ["x"] * 7)
    assert card.data.startswith("7 images of")
    assert "a twin, trained in the same way without them, has not seen" in card.scored_on
    itself = trained_nuclei.card(scores, ["x"], itself=True)
    assert itself.scored_on.startswith("images that it has not seen")
    assert "trained_nuclei --twin (seed 0" in itself.made_by
    lines = card.scores
    assert [line["pictures"] for line in lines] == ["all", "a", "b"]
    assert (lines[0]["object F1"], lines[0]["mean AP"], lines[0]["found / true"]) == (0.75, 0.5, 1.0)
    assert 0.5 <= float(lines[0]["from"]) < 0.75 < float(lines[0]["to"]) <= 1
    assert (lines[1]["images"], lines[1]["from"], lines[1]["to"]) == (2, 0.5, 0.5)


def test_pictures_that_are_shown_do_not_train(tmp_path: Path) -> None:
    for part, names in (("train", ["a", trained_nuclei.SHOWN[0] + "77"]), ("test", ["b"])):
        rows = [{"image": f"images/{n}.png", "mask": f"masks/{n}.png", "group": n} for n in names]
        write_csv(tmp_path / part / "cases.csv", rows, ["image", "mask", "group"])
    lines = read_csv(trained_nuclei.everything(tmp_path), ["image", "group"]).lines
    assert [(row["image"], row["group"]) for _, row in lines] == [
        ("train/images/a.png", "a"),
        ("test/images/b.png", "b"),
    ]


def test_what_is_shipped_predicts_and_names_no_folder(tmp_path: Path) -> None:
    write_touching_nuclei(tmp_path / "data", 4, 64, seed=3)
    run = trained(trained_nuclei.sections(tmp_path / "data") | TINY, tmp_path / "run")
    case = {"kind": "a", "f1": 0.5, "ap": 0.2, "found": 1, "true": 1}
    card = trained_nuclei.card({"x": case, "y": case}, ["z"])
    trained_nuclei.ship(run, tmp_path / "nuclei", card)
    weights = load_file(tmp_path / "nuclei" / "best.safetensors")
    assert {value.dtype for value in weights.values() if value.ndim > 1} == {torch.float16}
    kept = {value.dtype for value in weights.values() if value.ndim == 1 and value.is_floating_point()}
    assert kept == {torch.float32}  # variances may exceed what half precision holds
    assert str(tmp_path) not in (tmp_path / "nuclei" / "recipe.yaml").read_text(encoding="utf-8")
    masks = isthmus.predict(tmp_path / "nuclei", tmp_path / "data" / "images", tmp_path / "masks")
    assert len(masks) == 4
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("isthmus.runs.trained._SHIPPED", tmp_path)
        assert trained_card("nuclei") == card


def test_what_is_shipped_was_trained_by_this_recipe_on_none_of_the_images_that_are_shown() -> None:
    stored = read_yaml(run_path("nuclei") / "recipe.yaml")
    for section, values in trained_nuclei.RECIPE.items():
        for key, value in values.items():
            found = stored[section][key]
            assert (value.items() <= found.items()) if isinstance(value, dict) else found == value, key
    ids = (run_path("nuclei") / trained_nuclei.IDS).read_text(encoding="utf-8").split()
    assert not [name for name in ids if name.startswith(trained_nuclei.SHOWN)]

"""Pictures of objects: the colour of each state where its outline lies, and its number in the legend."""

from __future__ import annotations

import base64
import io
from itertools import combinations

import numpy as np
import pytest
import yaml
from PIL import Image

from isthmus.errors import IsthmusError
from isthmus.report import gallery, write_comparison, write_report
from isthmus.report.objects import COLOURS, Drawn, objects_of, objects_panel, state_key

from .conftest import MakeRun
from .page import Page

COUNTS = ("found_objects", "missed_objects", "merged_objects", "split_objects")
COUNTS += ("false_predictions", "splitting_predictions", "merging_predictions")
ALL = "found 1; missed 1; false 1; merged 2 true, 1 predicted; split 1 true, 2 predicted"


def masks() -> tuple[np.ndarray, np.ndarray]:
    """True and predicted numbers (96, 96), one of each state from the top down; the left half of each row is one."""
    truth, predicted = np.zeros((2, 96, 96), np.int32)
    truth[4:16, 8:32], predicted[4:16, 8:32] = 1, 11  # found
    truth[20:32, 8:32] = 2  # missed
    predicted[36:48, 8:32] = 13  # false
    truth[52:64, 8:32], truth[52:64, 32:56], predicted[52:64, 8:56] = 4, 5, 14  # merged
    truth[68:80, 8:56], predicted[68:80, 8:32], predicted[68:80, 32:56] = 6, 15, 16  # split
    return truth, predicted


def pixels(panel: gallery.Panel) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(panel.uri.partition(",")[2]))).convert("RGB"))


def nearest(colour: np.ndarray) -> str:
    return min(COLOURS, key=lambda name: np.abs(np.array(COLOURS[name], float) - colour).sum())


def test_every_outline_has_the_colour_of_its_state() -> None:
    truth, predicted = masks()
    image = np.full((96, 96, 3), 90, np.uint8)
    panel = objects_panel(gallery.Picture(image, truth, predicted, ""), "c", Drawn.of(truth, predicted))
    assert panel.caption == f"Objects: {ALL}"
    assert panel.alt == f"Objects: {ALL}, in c"
    shown = pixels(panel)
    for state, row in zip(COLOURS, (4, 20, 36, 52, 68), strict=True):
        assert nearest(shown[row, 12:28].mean(axis=0)) == state
        assert shown[row + 6, 18:22].mean() == pytest.approx(0.45 * 90, abs=8)  # not filled
    for row, state in (
        (58, "merged"),
        (74, "split"),
    ):  # between two true ones, and between two predicted ones
        assert nearest(shown[row, 31:33].mean(axis=0)) == state


def test_objects_of_a_volume_are_those_of_all_its_slices() -> None:
    """The second slice alone would show a miss, but the object is found in the first."""
    truth, predicted = np.zeros((2, 2, 40, 40), np.int32)
    truth[:, 4:30, 4:30] = 1
    predicted[0, 4:30, 4:30] = 1
    predicted[1, 4:30, 4:30] = 1
    predicted[1, 4:17] = 0
    given = np.zeros((2, 40, 40), np.uint8), truth, predicted
    picture = gallery.prepare("v", lambda _: given, 40)
    panel = objects_of(picture, "v", given, f", {picture.note}")
    expected = "Objects, slice 1 of 2, in all slices: found 1; missed 0; false 0; merged 0; split 0"
    assert panel.caption == expected


def test_no_object_at_all_is_drawn_as_the_image() -> None:
    nothing = np.zeros((8, 8), np.int32)
    image = np.full((8, 8, 3), 100, np.uint8)
    panel = objects_panel(gallery.Picture(image, nothing, nothing, ""), "c", Drawn.of(nothing, nothing))
    np.testing.assert_allclose(pixels(panel), 45, atol=3)
    assert panel.caption.startswith("Objects: found 0; missed 0")


# Machado, Oliveira and Fernandes (2009), severity 1, for linear RGB
BLIND = {
    "protan": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deutan": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
}


@pytest.mark.parametrize("eye", BLIND)
def test_colours_differ_for_colour_blind_readers(eye: str) -> None:
    linear = (np.array(list(COLOURS.values())) / 255) ** 2.2
    seen = 255 * np.clip(linear @ np.array(BLIND[eye]).T, 0, 1) ** (1 / 2.2)
    assert min(np.linalg.norm(a - b) for a, b in combinations(seen, 2)) > 50


def test_legend_without_counts_names_the_states() -> None:
    assert [name for _, name in state_key({})] == list(COLOURS)


def of_objects(make_run: MakeRun, name: str = "run", counted: bool = True) -> object:
    """A run of one case, `masks`, whose recipe separates objects."""
    columns = ("case", "group", "set", "fold", "class", "dice", "truth_objects", "prediction_objects")
    row = ("c", "c", "validation", 0, "cell", 0.9, 5, 5)
    if counted:
        columns, row = (*columns, *COUNTS), (*row, 1, 1, 2, 1, 1, 2, 1)
    run = make_run(name, [row], columns=columns)
    recipe = yaml.safe_load((run / "recipe.yaml").read_text(encoding="utf-8"))
    recipe["data"]["instances"] = True
    (run / "recipe.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")
    return run


def pictures(truth: np.ndarray, predicted: np.ndarray) -> dict[str, tuple[np.ndarray, ...]]:
    return {"c": (np.zeros(truth.shape, np.uint8), truth, predicted)}


def test_the_page_of_a_run_shows_objects(make_run: MakeRun) -> None:
    page = Page(write_report(of_objects(make_run), images=pictures(*masks())))
    assert f"Objects: {ALL}" in page.text
    legend = "Objects: found 1 missed 1 false 1 merged 2 true, 1 predicted split 1 true, 2 predicted"
    assert legend in page.text
    assert "5 true and 5 predicted objects in all" in page.text
    assert f"What became of them: {ALL}." in page.text
    assert "Difference:" not in page.text


def test_a_run_that_did_not_count_states_has_them_in_its_pictures(make_run: MakeRun) -> None:
    page = Page(write_report(of_objects(make_run, counted=False), images=pictures(*masks())))
    assert f"Objects: {ALL}" in page.text
    assert "Objects: found missed false merged split" in page.text
    assert "What became of them" not in page.text


def test_a_volume_shows_objects_beside_its_surfaces(make_run: MakeRun) -> None:
    truth, predicted = (np.stack([mask] * 3) for mask in masks())
    page = Page(write_report(of_objects(make_run), images=pictures(truth, predicted)))
    assert f"Objects, slice 1 of 3, in all slices: {ALL}" in page.text
    assert "Predicted surface" in page.text


def test_masks_that_number_nothing_are_told(make_run: MakeRun) -> None:
    images = pictures(*(mask > 0 for mask in masks()))
    page = Page(write_report(of_objects(make_run), images=images))
    assert "could not be drawn" in page.text
    with pytest.raises(IsthmusError, match="boolean"):
        Drawn.of(*(mask > 0 for mask in masks()))


def test_runs_side_by_side_show_objects_if_both_number_them(make_run: MakeRun, tmp_path) -> None:
    runs = [of_objects(make_run, name) for name in "ab"]
    page = Page(write_comparison(runs, tmp_path / "x.html", "x", images=[pictures(*masks())] * 2))
    assert page.text.count(ALL) == 2
    assert "Objects: found missed false merged split" in page.text
    other = make_run(
        "other",
        [("c", "c", "validation", 0, "cell", 0.9)],
        columns=("case", "group", "set", "fold", "class", "dice"),
    )
    page = Page(write_comparison([runs[0], other], tmp_path / "y.html", "y", images=[pictures(*masks())] * 2))
    assert ALL not in page.text
    drawn = [each["alt"] for each in page.all("img") if "Difference" in (each["alt"] or "")]
    assert len(drawn) == 2
    assert all("3.1% of the pixels missed, 3.1% false" in alt for alt in drawn)  # 288 of 9216 pixels each

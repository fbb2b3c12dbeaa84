"""Which files `isthmus evaluate` takes for masks, in every layout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from isthmus.errors import IsthmusError
from isthmus.evaluation.evaluate import evaluate_folder
from isthmus.metrics import score_case

from ..masks import row, save
from ..notes import Notes

TRUE = {f"c{i}": row(255 * (i > 1), 255, 255 * (i % 2), 0, 0, 0) for i in range(4)}


IMAGES = {name: mask // 255 for name, mask in TRUE.items()}  # what would score 1 if it were taken for masks


WRONG = {name: np.roll(mask, 3, axis=1) for name, mask in TRUE.items()}


def pairs_of_folders(images: str, masks: str, ending: str = ""):
    def lay(root: Path) -> None:
        save(root / images, **IMAGES)
        save(root / masks, **{name + ending: mask for name, mask in WRONG.items()})

    return lay


def beside(root: Path) -> None:
    save(root, **IMAGES, **{f"{name}_mask": mask for name, mask in WRONG.items()})


def by_picture(root: Path) -> None:
    for name in TRUE:
        save(root / name / "images", **{name: IMAGES[name]})
        save(root / name / "masks", **{f"{name}_0": WRONG[name]})


LAYOUTS = {
    "masks": pairs_of_folders("images", "masks"),
    "labels": pairs_of_folders("images", "labels"),
    "capitals": pairs_of_folders("Images", "Masks"),
    "gt": pairs_of_folders("img", "gt"),
    "one folder deeper": pairs_of_folders("data/images", "data/annotations"),
    "masks with an ending": pairs_of_folders("images", "masks", "_segmentation"),
    "masks beside images": beside,
    "a folder for each picture": by_picture,
    "masks without images": lambda root: save(root / "Ground Truth", **WRONG),
    "masks alone": lambda root: save(root, **WRONG),
    "masks alone with an ending": lambda root: save(root, **{f"{n}_anno": m for n, m in WRONG.items()}),
}


@pytest.mark.parametrize("lay", LAYOUTS.values(), ids=LAYOUTS.keys())
def test_the_truth_is_the_masks_in_every_layout_that_trains(tmp_path: Path, lay) -> None:
    """The images equal the predictions and the masks do not, so confusing the two would give a score of 1."""
    lay(tmp_path / "truth")
    found = evaluate_folder(save(tmp_path / "ours", **TRUE), tmp_path / "truth")
    want = [score_case(TRUE[name] > 0, WRONG[name] > 0)["dice"] for name in TRUE]
    assert [r["case"] for r in found.rows] == list(TRUE)
    assert [r["dice"] for r in found.rows] == want
    assert max(want) < 0.7


def test_images_without_masks_are_no_truth(tmp_path: Path) -> None:
    save(tmp_path / "truth" / "images", **TRUE)
    save(tmp_path / "ours" / "images", **TRUE)
    with pytest.raises(IsthmusError, match=r"truth: no folder masks/ here \(found: images\)"):
        evaluate_folder(tmp_path / "ours", tmp_path / "truth")


def test_predictions_are_all_that_lies_in_their_folder(tmp_path: Path) -> None:
    """No file is an image there, whatever else lies beside it: a description that nnU-Net leaves, a folder `images`."""
    ours = save(tmp_path / "ours", **TRUE)
    (ours / "dataset.json").write_text("{}")
    save(ours / "images", other=TRUE["c0"])
    save(ours / "masks", other=TRUE["c0"])
    watch = Notes()
    found = evaluate_folder(ours, save(tmp_path / "t", **TRUE), watch=watch)
    assert [r["dice"] for r in found.rows] == [1, 1, 1, 1]
    assert "predictions without a true mask are not scored: images/other, masks/other" in watch.said


def test_names_match_as_those_of_images_and_masks(tmp_path: Path) -> None:
    mask = row(255, 0, 0)
    truth = save(tmp_path / "t", x_segmentation=mask, y_mask=mask, mask_007=mask, z=mask)
    ours = save(tmp_path / "p", x=mask, y=mask, img_7=mask, z=row(0, 255, 0))
    watch = Notes()
    rows = evaluate_folder(ours, truth, watch=watch).rows
    assert {r["case"]: r["dice"] for r in rows} == {"x": 1, "y": 1, "img_7": 1, "z": 0}
    assert any(line.startswith("masks were matched although their names differ: ") for line in watch.said)
    assert any("x and x_segmentation" in line for line in watch.said)
    save(truth, x_seg=mask)
    with pytest.raises(
        IsthmusError, match=r"t: has 2 masks for the prediction 'x', x_segmentation and x_seg"
    ):
        evaluate_folder(ours, truth)

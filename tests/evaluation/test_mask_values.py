"""What values of masks mean if it is not stated."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from isthmus.errors import IsthmusError
from isthmus.evaluation.evaluate import evaluate_folder
from isthmus.evaluation.options import EvaluateOptions

from ..masks import save
from ..notes import Notes


def numbered(count: int) -> np.ndarray:
    """The requested number of squares, each with its number."""
    mask = np.zeros((12, 40), np.uint8)
    for number in range(1, count + 1):
        mask[3:7, 6 * number : 6 * number + 4] = number
    return mask


def turned_round(mask: np.ndarray) -> np.ndarray:
    return np.where(mask > 0, mask.max() + 1 - mask, 0).astype(np.uint8)


def test_few_numbered_objects_are_not_scored_as_classes_in_silence(tmp_path: Path) -> None:
    truth = {f"c{n}": numbered(n) for n in (2, 3, 4, 5)}
    theirs = save(tmp_path / "truth", **truth)
    ours = save(tmp_path / "ours", **{name: turned_round(mask) for name, mask in truth.items()})
    with pytest.raises(
        IsthmusError, match=r"count to 2 … 5, .* \(--instances\) or name classes \(--no-instances\)"
    ):
        evaluate_folder(ours, theirs)
    assert (
        evaluate_folder(ours, theirs, EvaluateOptions(instances=True)).means()["foreground"]["object_f1"] == 1
    )
    assert len(evaluate_folder(ours, theirs, EvaluateOptions(instances=False)).means()) == 5
    same = save(tmp_path / "same", **{f"c{n}": numbered(5) for n in range(4)})
    assert len(evaluate_folder(same, same).means()) == 5  # each mask holds all: classes


def test_one_value_in_several_pieces_is_split_on_both_sides(tmp_path: Path) -> None:
    masks = {f"c{n}": (numbered(n) > 0).astype(np.uint8) * np.uint8(255) for n in (2, 3, 4)}
    theirs, ours = save(tmp_path / "truth", **masks), save(tmp_path / "ours", **masks)
    watch = Notes()
    found = evaluate_folder(ours, theirs, EvaluateOptions(instances=True), watch=watch).means()["foreground"]
    assert (found["object_f1"], found["aggregated_jaccard"], found["panoptic_quality"]) == (1, 1, 1)
    assert any("3 true masks hold one value in several pieces" in line for line in watch.said)
    mixed = save(tmp_path / "mixed", c2=masks["c2"], c3=numbered(3), c4=numbered(4))
    assert (
        evaluate_folder(ours, mixed, EvaluateOptions(instances=True)).means()["foreground"]["object_f1"] == 1
    )


def test_a_prediction_of_too_many_objects_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("isthmus.data.masks.objects.MOST", 4)
    theirs = save(tmp_path / "truth", c0=numbered(3))
    ours = save(tmp_path / "ours", c0=numbered(5))
    with pytest.raises(IsthmusError, match=r"ours\Wc0.*: 5 objects, more than the 4 "):
        evaluate_folder(ours, theirs, EvaluateOptions(instances=True))


def test_soft_masks_are_scored_against_themselves_and_hard_ones(tmp_path: Path) -> None:
    discs = [ndimage.zoom((numbered(n) > 0) * 255.0, 2.3, order=1) for n in (2, 3, 4)]
    soft = {
        f"c{n}": ndimage.gaussian_filter(mask, 1).round().astype(np.uint8) for n, mask in enumerate(discs)
    }
    hard = {name: (mask >= 128) * np.uint8(255) for name, mask in soft.items()}
    ours, theirs = save(tmp_path / "ours", **soft), save(tmp_path / "truth", **hard)
    for truth in (ours, theirs):
        assert evaluate_folder(ours, truth).means()["foreground"]["dice"] == 1


def test_true_masks_with_soft_edges_are_thresholded(tmp_path: Path) -> None:
    soft = np.zeros((30, 40), np.uint8)
    for inside, value in enumerate((60, 130, 200, 255)):
        soft[2 + inside : 28 - inside, 5 + inside : 30 - inside] = value
    theirs = save(tmp_path / "truth", a=soft)
    ours = save(tmp_path / "ours", a=(soft >= 128).astype(np.uint8) * np.uint8(255))
    assert evaluate_folder(ours, theirs).means()["foreground"]["dice"] == 1

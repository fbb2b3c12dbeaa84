"""Folders of any program: what they hold, and what they lack."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import isthmus
from isthmus.errors import IsthmusError

from ..masks import row, save
from ..notes import Notes
from .perturbed import objects, shifted

LEFT, NOTHING = row(255, 255, 0, 0, 0), row(0, 0, 0, 0, 0)


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    save(tmp_path / "truth", a=LEFT, b=LEFT, c=NOTHING)
    save(tmp_path / "one", a=LEFT // 255, b=LEFT // 255, c=NOTHING)
    save(tmp_path / "two", a_mask=row(255, 0, 0, 0, 0), b_mask=NOTHING, c_mask=LEFT, zzz=LEFT)
    return tmp_path


def compared(folder: Path, *names: str, **options: object) -> isthmus.ProgramComparison:
    return isthmus.compare(folder / "truth", {name: folder / name for name in names}, **options)  # type: ignore[arg-type]


def test_values_names_and_extra_masks_are_told(folders: Path) -> None:
    watch = Notes()
    found = compared(folders, "one", "two", metrics=["dice"], watch=watch)
    rows = {r["program"]: r for r in found.tables["scores"]}
    assert rows["one"]["dice"] == 1
    assert rows["two"]["dice"] == pytest.approx((2 / 3 + 0 + 0) / 3)
    assert (rows["two"]["missed"], rows["two"]["false alarms"]) == (1, 1)
    notes = found.scores.notes
    assert "truth: mask values 0 → background, 255 → foreground" in notes
    assert any(n.startswith("one: predictions: mask values 0") for n in notes)
    assert "two: predictions without a true mask are not scored: zzz" in notes
    assert any(n.startswith("two: masks were matched although their names differ") for n in notes)
    assert watch.stages == {"reading masks": [6, 6], "scoring": [3, 3]}


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: save(folder, a=np.ones((9, 9), np.uint8)), r"bad.a.png has size \(9, 9\)"),
        (lambda folder: save(folder, a=LEFT // 255 * 7 + 9), "do not occur in the truth"),
        (lambda folder: save(folder, q=LEFT), "no mask in .*bad has the name of one in"),
        (lambda folder: folder.mkdir(), "bad: no masks here"),
        (lambda folder: None, "bad: no such file or folder"),
        (lambda folder: save(folder, a=np.dstack([LEFT, NOTHING, LEFT])), "a mask in colours"),
        (
            lambda folder: [save(folder, a=LEFT), save(folder, a=LEFT.astype(np.uint16))],
            "has the same name as",
        ),
    ],
)
def test_a_folder_that_cannot_be_compared(folders: Path, spoil: object, message: str) -> None:
    spoil(folders / "bad")  # type: ignore[operator]
    with pytest.raises(IsthmusError, match=message) as found:
        compared(folders, "one", "bad")
    assert "\n" not in str(found.value)


def test_label_images_beside_masks_of_one_value(tmp_path: Path) -> None:
    """Touching objects 1 and 2 are one component of the mask without numbers."""
    truth = objects()
    save(tmp_path / "truth", a=truth, b=truth)
    save(tmp_path / "numbers", a=truth + (truth > 0) * 40, b=truth)
    save(tmp_path / "plain", a=(truth > 0).astype(np.uint8), b=(truth > 0).astype(np.uint8) * 255)
    found = compared(tmp_path, "numbers", "plain", instances=True)
    assert found.scores.objects
    rows = {r["program"]: r for r in found.tables["scores"]}
    assert rows["numbers"]["panoptic_quality"] == 1
    assert rows["plain"]["panoptic_quality"] == pytest.approx(2 / 3.5)
    assert rows["plain"]["prediction_objects"] == 3
    assert found.metrics[0] == "object_f1"


def test_volumes_have_the_spacing_of_their_files(tmp_path: Path) -> None:
    import nibabel

    affine = np.diag([0.5, 2.0, 3.0, 1.0])
    for name, at in (("truth", 1), ("near", 2), ("far", 3)):
        mask = np.zeros((4, 5, 6), np.uint8)
        mask[1, at, 1] = 1
        (tmp_path / name).mkdir()
        nibabel.save(nibabel.Nifti1Image(mask, affine), tmp_path / name / "a.nii.gz")
    found = compared(tmp_path, "near", "far", metrics=["hausdorff_distance"])
    assert [r["hausdorff_distance"] for r in found.tables["scores"]] == [2, 4]
    assert found.scores.unit == "mm"
    between = {(r["first"], r["second"]): r for r in found.tables["agreement"]}
    assert between["near", "far"]["average_surface_distance"] == 2


def test_ignored_pixels_count_for_no_reader(tmp_path: Path) -> None:
    save(tmp_path / "truth", a=row(1, 1, 0, 255, 255))
    save(tmp_path / "one", a=row(1, 1, 0, 1, 1))
    save(tmp_path / "two", a=row(1, 1, 0, 0, 0))
    found = compared(tmp_path, "one", "two", metrics=["dice"], ignore=255)
    assert [r["dice"] for r in found.tables["scores"]] == [1, 1]
    assert {r["dice"] for r in found.tables["agreement"]} == {1}


def test_pages_of_a_stack_are_one_group(tmp_path: Path) -> None:
    import tifffile

    truth, moved = shifted(3)
    for name, masks in (("truth", truth), ("one", moved), ("two", truth)):
        (tmp_path / name).mkdir()
        for stack in "xy":
            pages = np.stack([mask * 255 for mask in masks.values()])
            tifffile.imwrite(tmp_path / name / f"{stack}.tif", pages, photometric="minisblack")
    found = compared(tmp_path, "one", "two", metrics=["dice"])
    assert len(found.scores.cases) == 6
    assert found.tables["differences"][0]["groups"] == 2


def test_a_data_set_is_a_truth_with_groups(tmp_path: Path) -> None:
    truth, moved = shifted(4)
    save(tmp_path / "images", **truth)
    save(tmp_path / "masks", **truth)
    save(tmp_path / "one", **moved)
    save(tmp_path / "two", **truth)
    lines = [f"images/c{i}.png,masks/c{i}.png,p{i // 2}" for i in range(4)]
    (tmp_path / "truth").write_text("\n".join(["image,mask,group", *lines]))
    (tmp_path / "truth").rename(tmp_path / "truth.csv")
    found = isthmus.compare(
        tmp_path / "truth.csv", {n: tmp_path / n for n in ("one", "two")}, metrics=["dice"]
    )
    assert found.tables["differences"][0]["groups"] == 2
    assert found.picture is not None
    assert found.picture("c0").shape == (64, 64)  # type: ignore[union-attr]

"""Grids of scored masks: spacing, units and positions come from the files, and what they lack is reported."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from isthmus.errors import IsthmusError
from isthmus.evaluation.evaluate import evaluate_folder
from isthmus.evaluation.options import EvaluateOptions

from ..masks import row, save
from ..notes import Notes


def volume(path: Path, *places: tuple[int, int, int], affine: np.ndarray) -> None:
    import nibabel

    mask = np.zeros((4, 5, 6), np.uint8)
    for place in places:
        mask[place] = 1
    path.parent.mkdir(exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(mask, affine), path)


def in_unit(path: Path, unit: str, scale: float = 1.0) -> None:
    import nibabel

    volume(path, (1, 1, 1), affine=np.diag([scale, scale, scale, 1.0]))
    image = nibabel.load(path)
    image.header.set_xyzt_units(unit)
    nibabel.save(nibabel.Nifti1Image(np.asarray(image.dataobj), image.affine, image.header), path)


def test_spacing_is_that_of_the_option_or_of_the_file(tmp_path: Path) -> None:
    truth, ours = save(tmp_path / "t", a=row(255, 0, 0, 0, 0)), save(tmp_path / "p", a=row(0, 0, 255, 0, 0))
    assert evaluate_folder(ours, truth).rows[0]["hausdorff_distance"] == 2
    found = evaluate_folder(ours, truth, EvaluateOptions(spacing=(2.0, 0.5)))
    assert found.rows[0]["hausdorff_distance"] == 1
    assert found.unit == "the unit of the spacing"
    for wrong, message in (((1, 1, 1), "does not fit masks of 2 axes"), (-1, "not a positive number")):
        with pytest.raises(IsthmusError, match=rf"t.a.png: spacing .*{message}"):
            evaluate_folder(ours, truth, EvaluateOptions(spacing=wrong))


def test_volumes_use_their_own_spacing(tmp_path: Path) -> None:
    affine = np.diag([0.5, 2.0, 3.0, 1.0])
    volume(tmp_path / "t" / "a.nii.gz", (1, 1, 1), affine=affine)
    volume(tmp_path / "p" / "a.nii.gz", (1, 2, 1), affine=affine)
    found = evaluate_folder(tmp_path / "p", tmp_path / "t")
    assert found.rows[0]["hausdorff_distance"] == 2
    assert found.unit == "mm"
    with pytest.raises(IsthmusError, match=r"each file states its own, as .*a.nii.gz does \(3, 2, 0.5\)"):
        evaluate_folder(tmp_path / "p", tmp_path / "t", EvaluateOptions(spacing=1))


@pytest.mark.parametrize(
    ("unit", "word"), [("micron", "µm"), ("meter", "m"), ("mm", "mm"), ("unknown", "mm")]
)
def test_units_are_named(tmp_path: Path, unit: str, word: str) -> None:
    for side in "tp":
        in_unit(tmp_path / side / "a.nii.gz", unit)
    notes = Notes()
    assert evaluate_folder(tmp_path / "p", tmp_path / "t", watch=notes).unit == word
    assert any("state no unit" in line for line in notes.said) == (unit == "unknown")


def test_several_units_become_millimetres(tmp_path: Path) -> None:
    for name, unit, scale in (("a", "micron", 500.0), ("b", "mm", 0.5)):
        for side, place in (("t", (1, 1, 1)), ("p", (1, 2, 1))):
            in_unit(tmp_path / side / f"{name}.nii.gz", unit, scale)
            import nibabel

            image = nibabel.load(tmp_path / side / f"{name}.nii.gz")
            moved = np.zeros((4, 5, 6), np.uint8)
            moved[place] = 1
            nibabel.save(
                nibabel.Nifti1Image(moved, image.affine, image.header), tmp_path / side / f"{name}.nii.gz"
            )
    found = evaluate_folder(tmp_path / "p", tmp_path / "t")
    assert found.unit == "mm"
    assert [row["hausdorff_distance"] for row in found.rows] == pytest.approx([0.5, 0.5])


def test_predictions_elsewhere_are_told(tmp_path: Path) -> None:
    away = np.eye(4)
    away[:3, 3] = 20
    volume(tmp_path / "t" / "a.nii.gz", (1, 1, 1), affine=np.eye(4))
    volume(tmp_path / "p" / "a.nii.gz", (1, 1, 1), affine=away)
    notes = Notes()
    assert evaluate_folder(tmp_path / "p", tmp_path / "t", watch=notes).rows[0]["dice"] == 1
    assert any("predictions do not lie where" in line and "a (20 mm)" in line for line in notes.said)

"""Finding lungs in CT: slices of volumes, and Hounsfield units."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from isthmus.data.cases import load
from isthmus.data.checks.check import check_dataset

from .layouts import LABELS, VOXELS, lungs, put, read


def test_slices_on_the_first_axis(tmp_path: Path) -> None:
    turned = np.moveaxis(VOXELS, 2, 0)
    put(tmp_path / "3d_images" / "IMG_0002.nii.gz", turned)
    put(tmp_path / "3d_images" / "MASK_0002.nii.gz", np.moveaxis(LABELS, 2, 0))
    dataset = read("finding-lungs-ct-volumes", tmp_path)
    assert len(dataset.cases) == 5
    assert {fact.shape for fact in check_dataset(dataset, workers=1).cases} == {(1, 12, 12)}
    assert {case.group for case in dataset.cases} == {"0002"}


def test_hounsfield_units_stay(tmp_path: Path) -> None:
    lungs(tmp_path)
    dataset = read("finding-lungs-ct", tmp_path)
    image, _ = load(dataset.cases[0], dataset)
    assert (image.dtype, int(image.min())) == (np.int32, -1000)

"""The layout of the Medical Segmentation Decathlon."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from isthmus.data.cases import load, load_image
from isthmus.data.checks.check import check_dataset
from isthmus.data.new_images import images_in
from isthmus.data.sources import open_dataset
from isthmus.errors import IsthmusError


def task(root: Path, **changes: Any) -> Path:
    """Task01: four modalities on the fourth axis, three labels; archives bring hidden twins of the files."""
    for folder in ("imagesTr", "labelsTr", "imagesTs"):
        (root / folder).mkdir(parents=True)
    random = np.random.default_rng(0)
    for i in (1, 2):
        voxels = random.random((4, 5, 6, 4), dtype=np.float32)
        labels = random.integers(0, 4, (4, 5, 6), dtype=np.uint8)
        affine = np.diag([-1, -1, 3.0, 1])
        nibabel.save(nibabel.Nifti1Image(voxels, affine), root / "imagesTr" / f"BRATS_{i:03d}.nii.gz")
        nibabel.save(nibabel.Nifti1Image(labels, affine), root / "labelsTr" / f"BRATS_{i:03d}.nii.gz")
        (root / "imagesTr" / f"._BRATS_{i:03d}.nii.gz").write_bytes(b"x")
    pairs = [
        {"image": f"./imagesTr/BRATS_{i:03d}.nii.gz", "label": f"./labelsTr/BRATS_{i:03d}.nii.gz"}
        for i in (1, 2)
    ]
    description = {
        "name": "BRATS",
        "tensorImageSize": "4D",
        "licence": "CC-BY-SA 4.0",
        "modality": {"0": "FLAIR", "1": "T1w", "2": "t1gd", "3": "T2w"},
        "labels": {"0": "background", "1": "edema", "2": "non-enhancing tumor", "3": "enhancing tumour"},
        "numTraining": 2,
        "training": pairs,
        "test": ["./imagesTs/BRATS_485.nii.gz"],
    } | changes
    (root / "dataset.json").write_text(json.dumps(description))
    return root


def refusal(root: Path) -> str:
    with pytest.raises(IsthmusError) as caught:
        open_dataset(root)
    return str(caught.value)


def test_modalities_are_channels(tmp_path: Path) -> None:
    dataset = open_dataset(task(tmp_path / "Task01_BrainTumour"))
    assert (dataset.name, dataset.terms) == ("BRATS", "CC-BY-SA 4.0")
    assert [case.id for case in dataset.cases] == ["BRATS_001", "BRATS_002"]
    assert dataset.classes == ("background", "edema", "non-enhancing tumor", "enhancing tumour")
    assert dataset.cases[0].spacing == (3, 1, 1)
    image, label = load(dataset.cases[0], dataset)
    stored = nibabel.load(dataset.cases[0].images[0].path)
    np.testing.assert_array_equal(image, np.asarray(stored.dataobj).transpose(3, 2, 1, 0))
    assert label.shape == (6, 5, 4)
    assert check_dataset(dataset).channels == 4


def test_what_does_not_fit(tmp_path: Path) -> None:
    root = task(tmp_path / "a")
    (root / "labelsTr" / "BRATS_002.nii.gz").unlink()
    assert "BRATS_002.nii.gz: no such file, but dataset.json lists it" in refusal(root)
    twice = {"image": "imagesTr/BRATS_001.nii.gz", "label": "labelsTr/BRATS_001.nii.gz"}
    assert "BRATS_001 is listed twice" in refusal(task(tmp_path / "b", training=[twice, twice]))
    assert "training case 0 does not name an image" in refusal(task(tmp_path / "c", training=["x.nii.gz"]))
    assert "lists no training cases" in refusal(task(tmp_path / "d", training=[]))
    assert "is not a table" in refusal(task(tmp_path / "e", labels=None))


def test_images_to_segment(tmp_path: Path) -> None:
    root = task(tmp_path / "Task01_BrainTumour")
    for folder in (root, root / "imagesTr"):
        cases = images_in(folder)
        assert [(case.id, case.masks) for case in cases] == [("BRATS_001", ()), ("BRATS_002", ())]
        assert load_image(cases[0]).shape == (4, 6, 5, 4)
    with pytest.raises(IsthmusError, match="no volumes here"):
        images_in(root / "imagesTs")


def test_the_first_nnu_net_named_channels_that_it_did_not_list(tmp_path: Path) -> None:
    root = task(tmp_path / "Task501_Brain")
    for path in sorted((root / "imagesTr").glob("BRATS*")):
        voxels = nibabel.load(path)
        for c in range(2):
            one = nibabel.Nifti1Image(np.asarray(voxels.dataobj)[..., c], voxels.affine)
            nibabel.save(one, path.with_name(path.name.replace(".nii", f"_{c:04d}.nii")))
        path.unlink()
    dataset = open_dataset(root)
    assert load(dataset.cases[0], dataset)[0].shape == (2, 6, 5, 4)
    assert [(case.id, len(case.images)) for case in images_in(root / "imagesTr")] == [
        ("BRATS_001", 2),
        ("BRATS_002", 2),
    ]
    (root / "imagesTr" / "BRATS_002_0001.nii.gz").unlink()
    assert "BRATS_002_0000.nii.gz: 1 channels where others have 2" in refusal(root)

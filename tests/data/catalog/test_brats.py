"""BraTS: the layouts of the releases."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from isthmus.data.cases import load
from isthmus.data.catalog import DATASETS
from isthmus.data.checks.check import check_dataset

from .layouts import LABELS, VOXELS, brats, brats_2017, put, read, refusal


def test_brats_2017(tmp_path: Path) -> None:
    brats_2017(tmp_path)
    dataset = read("brats", tmp_path)
    assert dataset.regions == {"WT": (1, 2, 3), "TC": (1, 3), "ET": (3,)}  # classes: 4 in the file is class 3
    assert DATASETS["brats"].sizes == {"multiresunet": (48, 80, 80), "hmedn": (128, 128, 128)}
    assert {case.id: case.group for case in dataset.cases} == {
        "Brats17_2013_2_1": "Brats17_2013_2",
        "Brats17_TCIA_101_1": "Brats17_TCIA_101",
        "Brats17_TCIA_605_1": "Brats17_TCIA_605",
        "Brats17_TCIA_605_2": "Brats17_TCIA_605",
    }
    image, label = load(dataset.cases[0], dataset)
    assert image.shape == (4, 5, 12, 12)
    assert set(np.unique(label)) == {0, 1, 2, 3}
    assert dataset.classes[3] == "enhancing tumour"


def test_brats_2020_from_kaggle(tmp_path: Path) -> None:
    root = tmp_path / "BraTS2020_TrainingData" / "MICCAI_BraTS2020_TrainingData"
    names = ("BraTS20_Training_001", "BraTS20_Training_355")
    brats(root, names, ".nii")
    put(root / "name_mapping.csv", "Grade\n")
    folder = root / names[1]
    (folder / f"{names[1]}_seg.nii").rename(folder / "W39_1998.09.19_Segm.nii")
    dataset = read("brats", tmp_path)
    assert [case.group for case in dataset.cases] == list(names)
    assert dataset.cases[1].masks[0].path.name == "W39_1998.09.19_Segm.nii"
    assert check_dataset(dataset, workers=1).channels == 4


def test_brats_that_does_not_fit(tmp_path: Path) -> None:
    brats_2017(tmp_path)
    folder = tmp_path / "HGG" / "Brats17_2013_2_1"
    (folder / "Brats17_2013_2_1_t2.nii.gz").unlink()
    (folder / "Brats17_2013_2_1_seg.nii.gz").unlink()
    brats(tmp_path / "copy", ("Brats17_TCIA_101_1",))
    brats(tmp_path / "old", ("Brats15_2013_pat0003_1",))
    text = refusal("brats", tmp_path)
    for part in (
        "Brats17_2013_2_1: no t2 here",
        "0 segmentations where one is expected",
        "Brats17_TCIA_101_1: the case is in",
        "is from 2015, and its labels differ",
    ):
        assert part in text


def test_brats_2015(tmp_path: Path) -> None:
    labels = LABELS.copy()
    labels[2, 3, 1:4] = 2, 3, 4
    kinds = {
        "O.MR_Flair": VOXELS,
        "O.MR_T1": VOXELS + 1,
        "O.MR_T1c": VOXELS + 2,
        "O.MR_T2": VOXELS + 3,
        "O.OT": labels,
    }
    for patient in ("brats_tcia_pat105_0001", "brats_tcia_pat105_0002", "brats_2013_pat0001_1"):
        for number, (kind, voxels) in enumerate(kinds.items()):
            name = f"VSD.Brain{'_3more' * (kind == 'O.OT')}.XX.{kind}.{54512 + number}"
            path = tmp_path / "BRATS2015_Training" / "HGG" / patient / name / f"{name}.mha"
            path.parent.mkdir(parents=True)
            kind_ = "MET_UCHAR" if voxels.dtype == np.uint8 else "MET_SHORT"
            head = "ObjectType = Image\nNDims = 3\nBinaryData = True\nTransformMatrix = 1 0 0 0 1 0 0 0 1\n"
            head += (
                f"ElementSpacing = 1 1 1\nDimSize = 12 12 5\nElementType = {kind_}\nElementDataFile = LOCAL\n"
            )
            path.write_bytes(head.encode() + voxels.tobytes(order="F"))
    dataset = read("brats", tmp_path)
    assert dataset.regions == {"WT": (1, 2, 3, 4), "TC": (1, 3, 4), "ET": (4,)}
    assert {case.group for case in dataset.cases} == {"brats_tcia_pat105", "brats_2013_pat0001"}
    image, label = load(dataset.cases[0], dataset)
    np.testing.assert_array_equal(image[:, 0, 0, 0], [0, 1, 2, 3])  # flair, t1, t1ce, t2
    np.testing.assert_array_equal(label.transpose(2, 1, 0), labels)
    assert dataset.classes[3] == "non-enhancing tumour"

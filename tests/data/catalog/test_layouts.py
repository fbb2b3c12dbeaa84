"""The catalog on files written in the layouts of its data sets, with their traps."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import tifffile
from PIL import Image

from isthmus.data.cases import load
from isthmus.data.catalog import DATASETS
from isthmus.data.checks.check import check_dataset
from isthmus.errors import IsthmusError

MASK = np.zeros((8, 10), np.uint8)
MASK[2:5, 3:9] = 255
GREY = np.arange(80, dtype=np.uint8).reshape(8, 10)
RGB = np.stack([GREY] * 3, -1)
VOXELS = np.arange(12 * 12 * 5, dtype=np.int16).reshape(12, 12, 5)
LABELS = np.zeros((12, 12, 5), np.uint8)
LABELS[2:5, 3:9, 1:4] = 1


def put(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, str):
        path.write_text(content)
    elif ".nii" in path.name:
        nibabel.save(nibabel.Nifti1Image(content, np.eye(4)), path)
    elif path.suffix == ".tif":
        tifffile.imwrite(path, content)
    else:
        Image.fromarray(content).save(path)
    return path


def read(name: str, root: Path) -> Any:
    return DATASETS[name].read(root)


def refusal(name: str, root: Path) -> str:
    with pytest.raises(IsthmusError) as caught:
        read(name, root)
    return str(caught.value)


def isic(root: Path, n: int = 3) -> None:
    for i in range(n):
        put(root / "ISIC2018_Task1-2_Training_Input" / f"ISIC_{i:07d}.jpg", RGB)
        put(root / "ISIC2018_Task1_Training_GroundTruth" / f"ISIC_{i:07d}_segmentation.png", MASK)
    for name in ("ATTRIBUTION.txt", "LICENSE.txt"):
        put(root / "ISIC2018_Task1-2_Training_Input" / name, "CC-0")
        put(root / "ISIC2018_Task1_Training_GroundTruth" / name, "CC-0")


def lgg(root: Path) -> None:
    for tree in ("kaggle_3m", "lgg-mri-segmentation/kaggle_3m"):
        put(root / tree / "data.csv", "Patient,RNASeqCluster\n")
        put(root / tree / "README.md", "LGG")
        for patient in ("TCGA_CS_4941_19960909", "TCGA_CS_4942_19970222"):
            for slice_ in (1, 2, 10):
                put(root / tree / patient / f"{patient}_{slice_}.tif", RGB)
                put(root / tree / patient / f"{patient}_{slice_}_mask.tif", MASK)


def glas(root: Path) -> None:
    folder = root / "Warwick QU Dataset (Released 2016_07_08)"
    for name in ("train_1", "train_2", "train_10", "testA_1", "testB_1"):
        put(folder / f"{name}.bmp", RGB)
        put(folder / f"{name}_anno.bmp", MASK // 85)
    lines = ["train_1, 7, benign,  healthy", "train_2, 7, benign, healthy", "train_10, 8, malignant, x"]
    header = "name,patient ID, grade (GlaS), grade (Sirinukunwattana et al. 2015)"
    put(folder / "Grade.csv", "\n".join([header, *lines, "testA_1, 9, benign, x", "testB_1, 7, benign, x"]))


def nuclei(folder: Path, names: tuple[str, ...]) -> None:
    for name in names:
        put(folder / name / "images" / f"{name}.png", np.dstack([RGB, np.full((8, 10), 255, np.uint8)]))
        put(folder / name / "masks" / "a.png", MASK)
        put(folder / name / "masks" / "b.png", MASK[::-1].copy())


def dsb(root: Path) -> None:
    nuclei(root / "stage1_train", ("0a", "0b"))
    put(root / "stage1_train_labels.csv", "ImageId,EncodedPixels\n")
    put(root / "stage1_test" / "0c" / "images" / "0c.png", RGB)


def murphy(root: Path) -> None:
    for line, numbers in (("gnf", (0, 2, 10)), ("ic100", (1, 3))):
        for n in numbers:
            put(root / "data" / "images" / "dna-images" / line / f"dna-{n}.png", RGB)
            put(root / "data" / "preprocessed-data" / line / f"dna-{n}.png", MASK // 51)
    put(root / "data" / "images" / "dna-images" / "gnf" / "dna-5.png", RGB)  # not segmented


def cvc(root: Path, numbers: range = range(1, 613)) -> None:
    soft = MASK.copy()
    soft[0, 0] = 90
    first = [put(root / "Original" / "0.tif", RGB), put(root / "Ground Truth" / "0.tif", soft)]
    for n in numbers:
        for path in first:
            (path.parent / f"{n}.tif").hardlink_to(path)
    for path in first:
        path.unlink()


def kvasir(root: Path) -> None:
    put(root / "kavsir_bboxes.json", "{}")
    for name in ("cju0", "cju1"):
        put(root / "Kvasir-SEG" / "images" / f"{name}.jpg", RGB)
        put(root / "Kvasir-SEG" / "masks" / f"{name}.jpg", MASK)


def brats(
    root: Path, names: tuple[str, ...], ending: str = ".nii.gz", values: tuple[int, ...] = (1, 2, 4)
) -> None:
    labels = LABELS.copy()
    labels[2, 3, 1 : 1 + len(values)] = values[:4]
    for name in names:
        folder = root / name
        for kind in ("flair", "t1", "t1ce", "t2"):
            put(folder / f"{folder.name}_{kind}{ending}", VOXELS)
        put(folder / f"{folder.name}_seg{ending}", labels)


def brats_2017(root: Path) -> None:
    brats(root / "HGG", ("Brats17_2013_2_1", "Brats17_TCIA_605_1", "Brats17_TCIA_605_2"))
    brats(root / "LGG", ("Brats17_TCIA_101_1",))
    put(root / "survival_data.csv", "Brats17ID,Age,Survival\n")


def covid(root: Path) -> None:
    labels = LABELS.copy()
    labels[6, 6, :4] = 2, 3, 2, 3
    put(root / "tr_im.nii.gz", VOXELS.astype(np.float32))
    put(root / "tr_mask.nii.gz", labels.astype(np.float32))
    put(root / "tr_lungmasks_updated.nii.gz", LABELS)
    put(root / "val_im.nii.gz", VOXELS)


def lungs(root: Path) -> None:
    for name in ("ID_0000_Z_0142", "ID_0001_Z_0146"):
        put(root / "2d_images" / f"{name}.tif", GREY.astype(np.int32) - 1000)
        put(root / "2d_masks" / f"{name}.tif", MASK)
    put(root / "lung_stats.csv", "lung_area_px\n")


def lung_volumes(root: Path) -> None:
    for name in ("0002", "0031"):
        put(root / "3d_images" / f"IMG_{name}.nii.gz", VOXELS)
        put(root / "3d_images" / f"MASK_{name}.nii.gz", LABELS * 255)


def organs(root: Path) -> None:
    put(root / "images" / "ct 1.nii.gz", VOXELS)
    put(root / "labels" / "ct 1.nii.gz", LABELS * 40)


WRITERS: dict[str, Callable[[Path], None]] = {
    "isic-2018": isic,
    "lgg-mri": lgg,
    "glas-2015": glas,
    "dsb-2018": dsb,
    "nuclei-3627": dsb,
    "murphy-lab": murphy,
    "cvc-clinicdb": lambda root: cvc(root, range(1, 4)),
    "kvasir-seg": kvasir,
    "brats": brats_2017,
    "covid-19-ct": covid,
    "finding-lungs-ct": lungs,
    "finding-lungs-ct-volumes": lung_volumes,
    "multi-organ-ct": organs,
}


def test_every_data_set_has_a_layout_here() -> None:
    assert set(WRITERS) | {"isbi-2012"} == set(DATASETS)


@pytest.mark.parametrize("name", WRITERS)
def test_layout(tmp_path: Path, name: str) -> None:
    root = tmp_path / "größe 1"
    WRITERS[name](root)
    dataset = read(name, root)
    checked = check_dataset(dataset, workers=1)
    assert len({case.id for case in dataset.cases}) == len(dataset.cases) > 0
    assert checked.values == dataset.values
    assert max(sum(fact.shares[1:]) for fact in checked.cases) > 0
    assert read(name, tmp_path).cases == dataset.cases  # the folder above will do


@pytest.mark.parametrize("name", WRITERS)
def test_another_folder(tmp_path: Path, name: str) -> None:
    put(tmp_path / "photos" / "a.png", GREY)
    line = refusal(name, tmp_path)
    assert "\n" not in line
    assert str(tmp_path) in line
    assert DATASETS[name].layout in line


def test_isic_pairs_that_do_not_fit(tmp_path: Path) -> None:
    isic(tmp_path)
    (tmp_path / "ISIC2018_Task1_Training_GroundTruth" / "ISIC_0000001_segmentation.png").unlink()
    assert "ISIC_0000001.jpg: an image without a mask" in refusal("isic-2018", tmp_path)
    put(tmp_path / "ISIC2018_Task1_Training_GroundTruth" / "ISIC_0000009_segmentation.png", MASK)
    assert "2 problems" in refusal("isic-2018", tmp_path)


def test_isic_folders_that_hold_themselves(tmp_path: Path) -> None:
    isic(tmp_path / "x")
    for name in ("ISIC2018_Task1-2_Training_Input", "ISIC2018_Task1_Training_GroundTruth"):
        (tmp_path / name).mkdir()
        shutil.move(tmp_path / "x" / name, tmp_path / name / name)
    assert len(read("isic-2018", tmp_path).cases) == 3


def test_lgg_takes_one_of_the_two_trees(tmp_path: Path) -> None:
    lgg(tmp_path)
    dataset = read("lgg-mri", tmp_path)
    assert [case.id.rsplit("_", 1)[1] for case in dataset.cases] == ["1", "2", "10"] * 2
    assert {case.images[0].path.relative_to(tmp_path).parts[0] for case in dataset.cases} == {"kaggle_3m"}
    assert {case.group for case in dataset.cases} == {"TCGA_CS_4941_19960909", "TCGA_CS_4942_19970222"}


def test_glas_patients(tmp_path: Path) -> None:
    glas(tmp_path)
    dataset = read("glas-2015", tmp_path)
    assert {case.id: case.group for case in dataset.cases} == {
        "testA_1": "patient-9",
        "testB_1": "patient-7",
        "train_1": "patient-7",
        "train_2": "patient-7",
        "train_10": "patient-8",
    }
    put(tmp_path / "train_2_anno.png", MASK)
    put(tmp_path / "train_2.png", RGB)
    assert "the same name as" in refusal("glas-2015", tmp_path)
    put(tmp_path / "Warwick QU Dataset (Released 2016_07_08)" / "Grade.csv", "a,b\n")
    (tmp_path / "train_2.png").unlink()
    (tmp_path / "train_2_anno.png").unlink()
    assert "no columns 'name' and 'patient ID'" in refusal("glas-2015", tmp_path)


def test_glas_same_name_in_one_folder(tmp_path: Path) -> None:
    glas(tmp_path)
    put(tmp_path / "Warwick QU Dataset (Released 2016_07_08)" / "train_1.png", RGB)
    assert "train_1.png: has the same name as train_1.bmp" in refusal("glas-2015", tmp_path)


def test_nuclei_are_united(tmp_path: Path) -> None:
    dsb(tmp_path)
    dataset = read("dsb-2018", tmp_path)
    assert [case.id for case in dataset.cases] == ["0a", "0b"]
    image, label = load(dataset.cases[0], dataset)
    assert image.shape == (3, 8, 10)
    np.testing.assert_array_equal(label, (MASK | MASK[::-1]) > 0)
    shutil.rmtree(tmp_path / "stage1_train" / "0b" / "masks")
    assert "0b: a picture without masks" in refusal("dsb-2018", tmp_path)


def test_nuclei_of_several_parts(tmp_path: Path) -> None:
    dsb(tmp_path)
    nuclei(tmp_path / "external", ("0d", "0e"))
    assert [case.id for case in read("nuclei-3627", tmp_path).cases] == ["0d", "0e", "0a", "0b"]
    assert [case.id for case in read("dsb-2018", tmp_path).cases] == ["0a", "0b"]
    nuclei(tmp_path / "more", ("0a",))
    assert "0a: stands a second time" in refusal("nuclei-3627", tmp_path)


def test_murphy_pairs_by_name(tmp_path: Path) -> None:
    murphy(tmp_path)
    ids = [case.id for case in read("murphy-lab", tmp_path).cases]
    assert ids == ["gnf-dna-0", "gnf-dna-2", "gnf-dna-10", "ic100-dna-1", "ic100-dna-3"]
    (tmp_path / "data" / "images" / "dna-images" / "ic100" / "dna-3.png").unlink()
    assert "dna-3.png: a mask without an image" in refusal("murphy-lab", tmp_path)


def test_cvc_sequences(tmp_path: Path) -> None:
    cvc(tmp_path)
    dataset = read("cvc-clinicdb", tmp_path)
    assert [case.id for case in dataset.cases] == [str(n) for n in range(1, 613)]
    groups = [case.group for case in dataset.cases]
    assert len(set(groups)) == 29
    assert groups == sorted(groups)  # frames of a sequence follow each other
    assert groups[24] != groups[25] == groups[49] != groups[50]  # 25, 26, 50, 51
    _, label = load(dataset.cases[0], dataset)
    np.testing.assert_array_equal(label, MASK > 0)  # the soft 90 is background


def test_cvc_from_kaggle(tmp_path: Path) -> None:
    for kind in ("PNG", "TIF"):
        for n in (1, 2, 3):
            put(tmp_path / kind / "Original" / f"{n}.{kind.lower()}", RGB)
            put(tmp_path / kind / "Ground Truth" / f"{n}.{kind.lower()}", MASK)
    put(tmp_path / "class_dict.csv", "name,r,g,b\n")
    dataset = read("cvc-clinicdb", tmp_path)
    assert [case.images[0].path.suffix for case in dataset.cases] == [".tif"] * 3
    assert {case.group for case in dataset.cases} == {"sequence-unknown"}
    put(tmp_path / "metadata.csv", "frame_id,sequence_id,tif_image_path\n1,1,a\n2,1,b\n3,2,c\n")
    assert [case.group for case in read("cvc-clinicdb", tmp_path).cases] == [
        "sequence-1",
        "sequence-1",
        "sequence-2",
    ]


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
        "0 segmentations where one belongs",
        "Brats17_TCIA_101_1: the case stands in",
        "of 2015, whose labels differ",
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


def test_covid_slices(tmp_path: Path) -> None:
    covid(tmp_path)
    dataset = read("covid-19-ct", tmp_path)
    assert [case.id for case in dataset.cases] == [f"tr-{i:03d}" for i in range(5)]
    assert len({case.group for case in dataset.cases}) == 5
    image, label = load(dataset.cases[1], dataset)
    assert image.shape == (1, 12, 12)
    assert set(np.unique(label)) == {0, 1, 3}
    np.testing.assert_array_equal(image[0], VOXELS[::-1, ::-1, 1].T)  # the file runs right and front
    nine = tmp_path / "second"
    put(nine / "rp_im" / "1.nii.gz", VOXELS)
    put(nine / "rp_msk" / "1.nii.gz", LABELS)
    put(nine / "rp_im" / "2.nii.gz", VOXELS)
    put(nine / "rp_msk" / "2.nii.gz", LABELS)
    put(nine / "rp_lung_msk" / "1.nii.gz", LABELS)
    second = read("covid-19-ct", nine)
    assert len(second.cases) == 10
    assert {case.group for case in second.cases} == {"rp-1", "rp-2"}
    put(nine / "rp_msk" / "2.nii.gz", LABELS[..., :4])
    assert "12 x 12 x 4 voxels but its image" in refusal("covid-19-ct", nine)


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


def test_organs(tmp_path: Path) -> None:
    for case in ("s1", "s2"):
        put(tmp_path / case / "ct.nii.gz", VOXELS)
        put(tmp_path / case / "seg.nii.gz", LABELS * (7 if case == "s1" else 9))
    dataset = read("multi-organ-ct", tmp_path)
    assert dataset.classes == ("background", "organ 7", "organ 9")
    put(tmp_path / "labels.json", '{"background": 0, "bladder": 7, "rectum": 9, "prostate": 12}')
    assert read("multi-organ-ct", tmp_path).classes == ("background", "bladder", "rectum", "prostate")
    single = tmp_path / "total" / "s3"
    put(single / "ct.nii.gz", VOXELS)
    put(single / "segmentations" / "liver.nii.gz", LABELS)
    assert "combine the organs of a case" in refusal("multi-organ-ct", tmp_path / "total")

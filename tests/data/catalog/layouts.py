"""Writes tiny files in the layouts of the catalogue's data sets, with their traps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import tifffile
from PIL import Image

from isthmus.data.catalog import DATASETS
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

"""The readers on real files of other public data sets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from isthmus.data.cases import Case, Dataset, Source
from isthmus.data.checks.check import Checked, check_dataset
from isthmus.data.sources import from_folder
from isthmus.io.images import probe, read_image, read_mask


def check(name: str, pairs: list[tuple[Path, Path]]) -> Checked:
    assert pairs
    cases = tuple(Case(image.stem, (Source(image),), (Source(mask),), image.stem) for image, mask in pairs)
    return check_dataset(Dataset(name, cases), workers=2)


def test_kvasir_jpeg_masks_are_cut(shared_data: Path) -> None:
    checked = check_dataset(from_folder(shared_data / "kvasir-seg" / "Kvasir-SEG"))
    assert (len(checked.cases), checked.channels, checked.values.rule) == (10, 3, "threshold")
    assert all(0 < facts.shares[1] < 0.85 for facts in checked.cases)


def test_glas_numbers_its_glands(shared_data: Path) -> None:
    root = shared_data / "glas-2015" / "converted-jpg-png"
    checked = check(
        "glas", [(image, image.with_name(f"{image.stem}_anno.png")) for image in sorted(root.glob("*.jpg"))]
    )
    assert checked.values.rule == "objects"
    (image,) = (shared_data / "glas-2015").glob("Warwick*/train_1.bmp")
    assert read_image(Source(image)).shape == (3, 522, 775)
    assert read_mask(Source(image.with_name("train_1_anno.bmp"))).max() < 40


def test_lgg_and_cvc(shared_data: Path) -> None:
    masks = sorted((shared_data / "lgg-mri").rglob("*_mask.tif"))
    checked = check("lgg", [(mask.with_name(mask.name.replace("_mask", "")), mask) for mask in masks])
    assert checked.channels == 3
    assert checked.values.pairs == ((0, 0), (255, 1))
    root = shared_data / "cvc-clinicdb" / "CVC-ClinicDB"
    checked = check(
        "cvc", [(image, root / "Ground Truth" / image.name) for image in (root / "Original").iterdir()]
    )
    assert {facts.shape for facts in checked.cases} == {(3, 288, 384)}


def test_isic(shared_data: Path) -> None:
    root = shared_data / "isic-2018"
    images = sorted((root / "ISIC2018_Task1-2_Training_Input").glob("*.jpg"))
    truth = root / "ISIC2018_Task1_Training_GroundTruth"
    checked = check("isic", [(image, truth / f"{image.stem}_segmentation.png") for image in images])
    assert checked.values.pairs == ((0, 0), (255, 1))


def test_dsb_drops_alpha_and_unites_nuclei(shared_data: Path) -> None:
    folders = sorted((shared_data / "dsb-2018" / "stage1_train").iterdir())[:4]
    cases = []
    for folder in folders:
        (image,) = (folder / "images").iterdir()
        masks = tuple(Source(path) for path in sorted((folder / "masks").iterdir()))
        cases.append(Case(folder.name, (Source(image),), masks, folder.name))
    checked = check_dataset(Dataset("dsb", tuple(cases)))
    assert checked.channels == 3
    first = np.logical_or.reduce([read_mask(source) > 0 for source in cases[0].masks])
    assert checked.cases[0].shares[1] == pytest.approx(first.mean())


def test_headers_tell_what_reading_gives(shared_data: Path) -> None:
    suffixes = {".png", ".jpg", ".bmp", ".tif"}
    files = [
        path
        for path in sorted(shared_data.rglob("*"))
        if path.suffix in suffixes and "dsb-2018" not in path.parts
    ]
    for path in files:
        page = 0 if "isbi" in str(path) else None
        image = read_image(Source(path, page))
        assert probe(Source(path, page)) == (image.shape, image.dtype), path

"""The check before training: every problem at once, and what mask values mean."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import nibabel
import numpy as np
import pytest
import tifffile
from PIL import Image

from isthmus.data.cases import Dataset, load, to_channels
from isthmus.data.checks.check import check_dataset
from isthmus.data.checks.facts import Bad
from isthmus.data.masks.values import ValueMap
from isthmus.data.sources import from_folder
from isthmus.errors import IsthmusError
from isthmus.io.writing import write_image, write_mask


def test_all_problems_together(pairs: Any) -> None:
    root = pairs(8)
    (root / "images" / "im0.png").write_bytes(b"")
    content = (root / "images" / "im1.png").read_bytes()
    (root / "images" / "im1.png").write_bytes(content[: len(content) // 2])
    Image.fromarray(np.zeros((24, 21), np.uint8)).save(root / "masks" / "im2.png")
    (root / "images" / "im3.png").unlink()
    pixels = np.zeros((24, 20), np.float32)
    pixels[3, 3] = np.nan
    tifffile.imwrite(root / "images" / "im3.tif", pixels)
    with pytest.raises(IsthmusError) as caught:
        check_dataset(from_folder(root))
    lines = str(caught.value).splitlines()
    assert lines[0].startswith("4 problems in ")
    for line, part in zip(lines[1:], ("empty", "truncated", "21 x 24 but its image", "NaN"), strict=True):
        assert part in line
        assert str(root) in line


def test_sizes_that_differ_by_a_turn(pairs: Any) -> None:
    root = pairs(2)
    Image.fromarray(np.zeros((20, 24), np.uint8)).save(root / "masks" / "im1.png")
    with pytest.raises(IsthmusError, match=r"24 x 20 but .* 20 x 24 \(one is rotated: .*orientation"):
        check_dataset(from_folder(root))


def test_a_mask_value_that_fits_no_class(pairs: Any) -> None:
    root = pairs(6)
    mask = np.zeros((24, 20), np.uint8)
    mask[:4], mask[5] = 255, 77
    Image.fromarray(mask).save(root / "masks" / "im4.png")
    with pytest.raises(IsthmusError, match=r"im4\.png: mask value 77 \(20 pixels\) fits no class"):
        check_dataset(from_folder(root))
    known = Dataset("x", from_folder(root).cases, ValueMap(((0, 0), (255, 1))), ("background", "cell"))
    with pytest.raises(
        IsthmusError, match=r"im4\.png: mask value 77 \(20 pixels\) fits no class \(known: 0, 255\)"
    ):
        check_dataset(known)


def test_cases_whose_values_go_with_no_others_can_be_left_out(pairs: Any) -> None:
    random = np.random.default_rng(1)
    plain = [(random.random((24, 20)) < 0.4).astype(np.uint8) for _ in range(8)]
    odd = plain[0].copy()
    odd[5] = 77
    root = pairs(8, masks=[*(mask * np.uint8(255) for mask in plain[:6]), plain[6], plain[7] * np.uint8(255)])
    assert check_dataset(from_folder(root), skip_bad=True).bad == (
        Bad("im6", "values", f"{root}/masks/im6.png: a mask of 0 and 1 among masks of 0 and 255 (such as "
            f"{root}/masks/im0.png); save all with the same values"),
    )  # fmt: skip
    root = pairs(8, masks=[odd, *plain[1:]])
    with pytest.raises(IsthmusError, match=r"im0\.png: mask value 77 \(20 pixels\) fits no class"):
        check_dataset(from_folder(root))
    checked = check_dataset(from_folder(root), skip_bad=True)
    assert checked.values == ValueMap(((0, 0), (1, 1)))
    assert [(bad.case, bad.kind) for bad in checked.bad] == [("im0", "values")]
    assert [facts.id for facts in checked.cases] == [f"im{i}" for i in range(1, 8)]


def test_negative_and_blurred_masks_can_be_left_out(pairs: Any, tmp_path: Path) -> None:
    bands = np.repeat(np.arange(4, dtype=np.uint8), 6)[:, None] * np.ones(20, np.uint8)
    root = pairs(6, masks=[bands] * 6)
    for name in ("im1.png", "im2.png"):
        (root / "masks" / name).unlink()
    tifffile.imwrite(root / "masks" / "im1.tif", bands.astype(np.int16) - 1)
    Image.fromarray(bands * np.uint8(60)).save(root / "masks" / "im2.jpg", quality=60)
    with pytest.raises(IsthmusError, match=r"(?s)2 problems.*im1\.tif: mask value -1.*im2\.jpg: a JPEG mask"):
        check_dataset(from_folder(root))
    checked = check_dataset(from_folder(root), skip_bad=True)
    assert checked.values.classes == 4
    assert [bad.case for bad in checked.bad] == ["im1", "im2"]


def test_classes_keep_their_names(pairs: Any) -> None:
    dataset = Dataset("x", from_folder(pairs(3)).cases, ValueMap(((0, 0), (255, 1))), ("background", "cell"))
    assert check_dataset(dataset).dataset.classes == ("background", "cell")


def test_soft_jpeg_masks(pairs: Any) -> None:
    root = pairs(3, (64, 64))
    for i in range(3):
        (root / "masks" / f"im{i}.png").unlink()
        mask = cv2.circle(np.zeros((64, 64), np.uint8), (30, 30), 12 + i, 255, -1)
        Image.fromarray(mask).save(root / "masks" / f"im{i}.jpg", quality=90)
    checked = check_dataset(from_folder(root))
    assert checked.values.rule == "threshold"
    truth = float((cv2.circle(np.zeros((64, 64)), (30, 30), 12, 1, -1)).mean())
    assert checked.cases[0].shares[1] == pytest.approx(truth, abs=0.002)


def test_masks_that_hold_one_value(pairs: Any) -> None:
    with pytest.raises(IsthmusError, match="all 3 masks hold 0 only, so there is nothing to learn"):
        check_dataset(from_folder(pairs(3, masks=[np.zeros((24, 20), np.uint8)] * 3)))


def test_grey_and_colour_mixed(pairs: Any) -> None:
    root = pairs(3)
    Image.fromarray(np.zeros((24, 20, 3), np.uint8)).save(root / "images" / "im1.png")
    checked = check_dataset(from_folder(root))
    assert checked.channels == 3
    image, label = load(checked.dataset.cases[0], checked.dataset, checked.channels)
    assert image.shape == (3, 24, 20)
    assert (image[0] == image[2]).all()
    assert label.dtype == np.uint8
    tifffile.imwrite(root / "images" / "im2.tif", np.zeros((2, 24, 20), np.uint8), metadata={"axes": "CYX"})
    (root / "images" / "im2.png").unlink()
    with pytest.raises(IsthmusError, match=r"different numbers of channels: 1 in .* 2 in .* 3 in "):
        check_dataset(from_folder(root))


def test_no_cases() -> None:
    with pytest.raises(IsthmusError, match="without cases"):
        check_dataset(Dataset("x", ()))


def test_faults_of_every_kind_are_told_together(tmp_path: Path) -> None:
    """A file that cannot be read, and a mask of odd values: one list, not two rounds."""
    for name in "abcd":
        image = np.random.default_rng(ord(name)).integers(0, 255, (12, 12), dtype=np.uint8)
        write_image(tmp_path / "images" / f"{name}.png", image[None])
        mask = np.zeros((12, 12), np.uint8)
        mask[3:9, 3:9] = 255
        if name == "c":
            mask[5, 5] = 77
        write_mask(tmp_path / "masks" / f"{name}.png", mask)
    (tmp_path / "images" / "d.png").write_bytes(b"")
    with pytest.raises(IsthmusError) as caught:
        check_dataset(from_folder(tmp_path))
    assert "d.png: the file is empty" in str(caught.value)
    assert "77" in str(caught.value)


def test_a_mask_that_lies_elsewhere_is_told(tmp_path: Path) -> None:

    label = np.zeros((8, 8, 6), np.uint8)
    label[2:5, 2:5, 2:4] = 1
    noise = np.random.default_rng(0).integers(0, 99, (3, 8, 8, 6)).astype(np.int16)
    for kind in ("images", "masks"):
        (tmp_path / kind).mkdir()
    places = {"same": np.eye(4), "turned": np.diag([-1.0, -1.0, 1.0, 1.0]), "moved": np.eye(4)}
    for index, (name, affine) in enumerate(places.items()):
        nibabel.save(nibabel.Nifti1Image(noise[index], affine), tmp_path / "images" / f"{name}.nii.gz")
        if name == "moved":
            affine = affine.copy()
            affine[0, 3] = 5
        nibabel.save(nibabel.Nifti1Image(label, affine), tmp_path / "masks" / f"{name}.nii.gz")
    checked = check_dataset(from_folder(tmp_path))
    assert {facts.id: facts.elsewhere for facts in checked.cases} == {
        "same": "",
        "turned": "",
        "moved": "5 mm",
    }
    assert any("moved (5 mm)" in line for line in checked.summary_lines())


def test_one_channel_where_two_are_expected_is_refused() -> None:
    with pytest.raises(IsthmusError, match="has 1 channel where 2 are expected; files of one channel each"):
        to_channels(np.zeros((1, 4, 4)), 2, "flair.nii.gz")

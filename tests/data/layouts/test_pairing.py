"""Which mask belongs to which image."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.data.layouts.pairing import (
    IMAGE_FOLDERS,
    MASK_ENDINGS,
    MASK_FOLDERS,
    find_folders,
    flat_masks,
    masks_of,
)


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        *(("c7", f"c7{ending}") for ending in MASK_ENDINGS),
        ("c7", "c7_GT"),
        ("c7", "C7_Mask"),
        ("c7", "c7.mask"),
        ("c7", "c7_manual1"),
        ("img_7", "mask_7"),
        ("c7_image", "c7_mask"),
        ("image 7", "label-007"),
        ("p/image", "p/mask"),
        ("p1/c7", "P1/c7_seg"),
    ],
)
def test_habits(image: str, mask: str) -> None:
    others = {"other": "other_mask", "c17": "c17"}
    expected = {image: [mask]} | {name: [own] for name, own in others.items()}
    assert masks_of([image, *others], [mask, *others.values()]) == expected


HABITS = [
    ("a{}", "a{}_masks"),
    ("a{}", "a{}_cp_masks"),
    ("img{}", "mask{}"),
    ("a{}", "a{}.tif"),  # a1.tif.png of a1.tif
    ("t{:03d}", "man_seg{:03d}"),
    ("a{}", "a{}_GT"),
    ("a{}", "a{}-labelled"),
    ("a{}", "a{}_lbl"),
    ("a{}", "a{}_Simple Segmentation"),
    ("fine_3_{}_fram", "fine_3_{}_mask"),
    ("case_{:03d}_0000", "case_{:03d}"),  # nnU-Net
    ("a{}", "seg_a{}"),
    ("{}", "{:03d}_mask"),
    ("IMG{:03d}", "img{:03d}_SEG"),
    ("{}_training", "{}_manual1"),
    ("Image_{:02d}L", "Image_{:02d}L_1stHO"),
    ("cell_img_{}", "cell_mask_{}"),
    ("scan{}", "scan{} ground truth"),
    ("fluo_{}", "a_gt_{}"),
    ("a ({})", "a ({})_mask"),
    ("a{}_rgb", "a{}_labels"),
    ("A{}", "a{}_Mask"),
    ("cell{}", "cell{}Mask"),
    ("p{}/img", "p{}/mask"),
]


@pytest.mark.parametrize(("image", "mask"), HABITS)
def test_habits_of_a_whole_set(image: str, mask: str) -> None:
    images, masks = ([name.format(i) for i in range(1, 12)] for name in (image, mask))
    expected = dict(zip(images, ([name] for name in masks), strict=True))
    if (image, mask) != ("fluo_{}", "a_gt_{}"):
        assert masks_of(images, masks) == expected
        assert masks_of(images[::-1], masks) == dict(reversed(expected.items()))
    if "0000" not in image:
        assert flat_masks(images + masks) in ({one[0]: name for name, one in expected.items()}, {})


def test_both_in_one_folder() -> None:
    for image, mask in HABITS:
        images, masks = ([name.format(i) for i in range(1, 12)] for name in (image, mask))
        found = flat_masks([*masks, *images])
        assert all(found[one] == images[masks.index(one)] for one in found)


@given(
    st.lists(st.text("ab01_ -.", min_size=1, max_size=4), unique=True, max_size=5),
    st.lists(st.text("ab01_ -.", min_size=1, max_size=4), unique=True, max_size=5),
)
def test_no_mask_is_given_twice_and_numbers_agree(images: list[str], masks: list[str]) -> None:
    found = masks_of(images, masks)
    given_ = [mask for own in found.values() for mask in own]
    assert len(given_) == len(set(given_))
    for image, own in found.items():
        for mask in own:
            assert [int(n) for n in re.findall(r"\d+", image)] == [int(n) for n in re.findall(r"\d+", mask)]


@pytest.mark.parametrize(
    ("images", "masks"),
    [
        (["control_1", "control_2"], ["treated_1", "treated_2"]),
        (["patient1_a", "patient1_b"], ["patient2_a", "patient2_b"]),
        (["t1", "t2", "t3"], ["man_seg1", "man_seg2"]),  # words in common count only where none is left over
        (["x_a", "y_a"], ["a_mask", "a_gt"]),
        (["cat", "car"], ["t_mask", "r_mask"]),  # letters are no words
    ],
)
def test_a_pairing_that_could_be_wrong_is_none(images: list[str], masks: list[str]) -> None:
    assert masks_of(images, masks) == {}


@pytest.mark.parametrize(
    ("images", "masks"),
    [
        (["c7"], ["c70"]),
        (["c7"], ["q/c7"]),
        (["c7"], ["c7_GT", "c7_manual1"]),  # two that a loose look finds: neither
        (["img_7", "image_7"], ["label_7"]),  # and of two images neither
        (["limage"], ["lmask"]),  # no word of its own
        (["c7"], []),
    ],
)
def test_what_is_not_plain_is_left(images: list[str], masks: list[str]) -> None:
    assert masks_of(images, masks) == {}


@pytest.mark.parametrize("image", ["a+", "a-", "a", "z_-3", "z_+3", "z_3", "CD4+_1", "CD4-_1", "CD4_1", "a'"])
def test_names_that_differ_in_a_sign_are_not_paired(image: str) -> None:
    names = ["a+", "a-", "a", "z_-3", "z_+3", "z_3", "CD4+_1", "CD4-_1", "CD4_1", "a'"]
    for pattern in ("mask_{}", "{}_mask", "{} mask", "{}.mask", "{}-mask", "label {}", "{}_cp_masks"):
        others = [pattern.format(name) for name in names if name != image]
        for mask in others:
            assert masks_of([image], [mask]) == {}
        assert masks_of(["other", image], [*others, "other"]) == {"other": ["other"]}
        assert masks_of([image], [*others, pattern.format(image)]) == {image: [pattern.format(image)]}


def test_signs_in_common_are_not_taken_away() -> None:
    assert masks_of(["a+", "b+"], ["a", "b"]) == {}
    assert masks_of(["x-1", "x-2"], ["x_1_mask", "x_2_mask"]) == {"x-1": ["x_1_mask"], "x-2": ["x_2_mask"]}
    assert masks_of(["cell"], ["cell - mask"]) == {"cell": ["cell - mask"]}


def test_strict_habits_go_first() -> None:
    assert masks_of(["a", "a_mask"], ["a", "a_mask"]) == {"a": ["a"], "a_mask": ["a_mask"]}
    assert masks_of(["a"], ["a", "a_mask"]) == {"a": ["a", "a_mask"]}  # for the caller to refuse
    assert masks_of(["1", "01"], ["1", "01"]) == {"1": ["1"], "01": ["01"]}
    assert masks_of(["a", "b"], ["a", "b_gt", "a_gt"]) == {"a": ["a"], "b": ["b_gt"]}


def test_masks_beside_images() -> None:
    assert flat_masks(["a", "a_mask", "x/a_mask", "mask"]) == {"a_mask": "a"}
    assert flat_masks(["a", "b"]) == {}


@pytest.mark.parametrize("depth", ["", "archive", "archive/data"])
@pytest.mark.parametrize(
    ("images", "masks"),
    [
        ("Imgs", "Ground Truth"),
        ("JPEG", "masks"),
        ("images", "LABELS"),
        ("image", "label"),
        ("raw images", "binary_masks"),
    ],
)
def test_folders_by_many_names(tmp_path: Path, depth: str, images: str, masks: str) -> None:
    for name in (images, masks, ".hidden", "thumbs"):
        (tmp_path / depth / name).mkdir(parents=True)
    expected = (tmp_path / depth / images, tmp_path / depth / masks)
    assert find_folders(tmp_path) == (None if images == "JPEG" else expected)


def test_the_usual_name_goes_first(tmp_path: Path) -> None:
    for name in ("labels", "masks", "frames", "images"):
        (tmp_path / name).mkdir()
    assert find_folders(tmp_path) == (tmp_path / "images", tmp_path / "masks")
    assert (IMAGE_FOLDERS[0], MASK_FOLDERS[0]) == ("images", "masks")


def test_two_folders_above_are_not_chosen_between(tmp_path: Path) -> None:
    for name in ("a/images", "a/masks", "b"):
        (tmp_path / name).mkdir(parents=True)
    assert find_folders(tmp_path) is None
    (tmp_path / "b").rmdir()
    assert find_folders(tmp_path) == (tmp_path / "a" / "images", tmp_path / "a" / "masks")

"""Which mask belongs to which image."""

from __future__ import annotations

from pathlib import Path

import pytest

from isthmus.data.pairing import IMAGE_FOLDERS, MASK_ENDINGS, MASK_FOLDERS, find_folders, flat_masks, masks_of


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
    [("Imgs", "Ground Truth"), ("JPEG", "masks"), ("images", "LABELS"), ("image", "label")],
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

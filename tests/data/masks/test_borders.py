"""Values that lie only along borders."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFilter

from isthmus.data.checks.check import check_dataset
from isthmus.data.checks.inspect import inspect_dataset
from isthmus.data.checks.survey import count_values
from isthmus.data.masks.borders import border_values, borders, class_values, soft_top, summed
from isthmus.data.masks.values import ValueMap
from isthmus.data.sources import from_folder


def discs(seed: int, h: int = 96, w: int = 128, radius: int = 9) -> np.ndarray[Any, Any]:
    """0, and the number of each of eight discs."""
    random, rows, columns = np.random.default_rng(seed), *np.mgrid[:h, :w]
    mask = np.zeros((h, w), np.uint8)
    for number in range(1, 9):
        y, x = random.integers(radius, h - radius), random.integers(radius, w - radius)
        mask[(rows - y) ** 2 + (columns - x) ** 2 < radius**2] = number
    return mask


def binary(seed: int) -> Image.Image:
    return Image.fromarray((discs(seed) > 0).astype(np.uint8) * 255)


SOFT = {
    "halved": lambda m: m.resize((64, 48), Image.Resampling.BOX),
    "halved and enlarged": lambda m: m.resize((64, 48), Image.Resampling.BILINEAR).resize(
        (128, 96), Image.Resampling.BICUBIC
    ),
    "enlarged": lambda m: m.resize((300, 200), Image.Resampling.BILINEAR),
    "turned": lambda m: m.rotate(17, Image.Resampling.BILINEAR),
    "blurred": lambda m: m.filter(ImageFilter.GaussianBlur(1.5)),
    "lanczos": lambda m: m.resize((90, 70), Image.Resampling.LANCZOS),
}


@pytest.mark.parametrize("soften", SOFT.values(), ids=SOFT.keys())
def test_a_resampled_mask_is_thresholded(pairs: Any, soften: Any) -> None:
    masks = [np.asarray(soften(binary(seed))) for seed in range(4)]
    checked = check_dataset(from_folder(pairs(4, masks[0].shape, masks)))
    assert (checked.values.rule, checked.values.pairs) == ("threshold", ((0, 0), (255, 1)))
    for facts, mask in zip(checked.cases, masks, strict=True):
        assert facts.foreground == pytest.approx((mask >= 128).mean())
    assert "soft edges" in checked.values.describe()


def test_the_cut_is_in_the_middle_of_any_range() -> None:
    mask = np.repeat([[0, 0, 0, 500, 1000, 1500, 2000, 2000, 2000]], 9, axis=0)
    found = borders(mask)
    assert soft_top(found) == 2000
    values = ValueMap.infer(count_values(mask), borders=found)
    assert values.apply(mask)[0].tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 1]
    assert values.half == 1000


def outlined() -> np.ndarray[Any, Any]:
    mask = (discs(0) > 0).astype(np.uint8) * 255
    inside = np.asarray(Image.fromarray(mask).filter(ImageFilter.MinFilter(3)))
    return np.where((mask > 0) & (inside == 0), 128, mask)


@pytest.mark.parametrize(
    "mask",
    [
        discs(0),
        discs(0) * 31,
        outlined(),  # somebody drew that class
        np.kron(np.arange(64).reshape(8, 8), np.ones((3, 3), int)),  # confluent, small
        np.pad(np.kron(np.arange(1, 250).reshape(3, 83), np.pad(np.ones((2, 2), int), 1)), 2),  # specks
        np.repeat(np.arange(6) * 51, 9)[None].repeat(9, 0),  # layers
        np.repeat([0, 1, 2, 3, 4, 0], [9, 1, 1, 1, 9, 9])[None].repeat(9, 0),  # thin ones
    ],
)
def test_classes_and_objects_are_none(mask: Any) -> None:
    assert soft_top(borders(mask)) is None


def test_between_classes_the_nearest_is_taken(pairs: Any) -> None:
    plain = [np.choose(discs(seed) % 3, [0, 100, 200]).astype(np.uint8) for seed in range(3)]
    masks = [
        np.asarray(Image.fromarray(mask).resize((200, 150), Image.Resampling.BILINEAR)) for mask in plain
    ]
    checked = check_dataset(from_folder(pairs(3, (150, 200), masks)))
    assert (checked.values.rule, checked.values.classes) == ("exact", 3)
    assert checked.values.pairs[:3] == ((0, 0), (100, 1), (200, 2))
    probe = np.array([0, 1, 49, 51, 100, 149, 151, 200], np.uint8)
    known = np.isin(probe, [value for value, _ in checked.values.pairs])
    expected = np.array([0, 0, 0, 1, 1, 1, 2, 2])
    assert known.sum() > 3
    np.testing.assert_array_equal(checked.values.apply(probe[known]), expected[known])
    assert "values between them → the nearest of these" in checked.values.describe()
    assert checked.values.invert(np.arange(3)).tolist() == [0, 100, 200]


FILTERS = ("BOX", "BILINEAR", "BICUBIC", "LANCZOS")


@pytest.mark.parametrize("filter_", FILTERS)
@pytest.mark.parametrize("size", [(256, 192), (600, 450)])
@pytest.mark.parametrize("levels", [(0, 100, 200), (0, 127, 255), (0, 85, 170, 255)])
def test_classes_stay_classes_whatever_resampled_them(levels: Any, size: Any, filter_: str) -> None:
    """Cubic filters overshoot the values on both sides; 127 is not a soft edge of 255."""
    plain = [np.choose(discs(seed, 384, 512, 36) % len(levels), levels).astype(np.uint8) for seed in range(3)]
    masks = {
        str(at): np.asarray(Image.fromarray(mask).resize(size, Image.Resampling[filter_]))
        for at, mask in enumerate(plain)
    }
    edges = {name: borders(mask) for name, mask in masks.items()}
    values = ValueMap.infer_masks({name: count_values(mask) for name, mask in masks.items()}, borders=edges)
    assert (values.rule, values.pairs[: values.classes]) == (
        "exact",
        tuple(zip(levels, range(9), strict=False)),
    )


def test_a_rare_class_beside_a_large_one_is_kept() -> None:
    """Linear filters do not overshoot, so a value that lies between no others was drawn."""
    plain = np.choose(discs(0), [0, 20, 40, 60, 80, 100, 120, 140, 160]).astype(np.uint8)
    plain[40:90, 40:120] = 180
    plain[50:53, 50:53] = 200
    mask = np.asarray(Image.fromarray(plain).resize((512, 384), Image.Resampling.BILINEAR))
    kept = class_values(borders(mask))
    assert kept is not None
    assert {180, 200} <= set(kept)


def test_labels_that_were_resampled_are_told(pairs: Any) -> None:
    masks = [
        np.asarray(Image.fromarray(discs(seed) * 25).resize((200, 150), Image.Resampling.BILINEAR))
        for seed in range(3)
    ]
    found = inspect_dataset(from_folder(pairs(3, (150, 200), masks)))
    (row,) = [row for row in found.findings() if row.what == "resampled masks?"]
    assert row.level == "warning"
    assert "nearest neighbour" in row.detail


def test_lines_and_sums() -> None:
    mask = np.array([[0, 0, 4, 9, 9]] * 3)
    assert borders(mask) == {0: (0, 6, 3), 4: (3, 3, 0), 9: (0, 6, 3)}
    assert border_values(summed([borders(mask), borders(mask)])) == [4]
    volume = np.stack([mask] * 40)
    assert borders(volume)[4] == (48, 48, 0)  # 16 of the slices

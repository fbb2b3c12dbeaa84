"""New images beside those of a training: silence about the same kind, one line for each way of being different."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from isthmus.data.likeness.appearance import appearance
from isthmus.data.likeness.familiar import Familiar
from isthmus.errors import IsthmusError
from isthmus.inference.unfamiliar import REMEDY, SINGULAR, WORDS, Unfamiliar, read_familiar
from isthmus.runs.folder import RunFolder

Image = NDArray[Any]


def picture(seed: int, channels: int = 1) -> Image:
    """Smooth blobs and noise on a dark ground, as bright as the seed has it; of three channels red is the brightest."""
    random = np.random.default_rng(seed)
    blobs = cv2.GaussianBlur(random.random((64, 64)), (0, 0), 2.0)
    blobs = np.clip((blobs - blobs.mean()) / blobs.std() - 0.5, 0, None)
    grey = (20 + 50 * blobs + random.normal(0, 2, blobs.shape)) * random.uniform(0.9, 1.1)
    shares = (1.0, 0.7, 0.4)[:channels]
    return np.stack([np.clip(grey * share, 0, 255) for share in shares]).astype(np.uint8)


def trained(images: Sequence[Image], spacing: tuple[float, ...] | None = None, **options: Any) -> Unfamiliar:
    looks = [look for image in images if (look := appearance(image))]
    known = Familiar.of(
        looks, groups=len(images), spacings=[spacing] * len(images) if spacing else [], **options
    )
    assert known is not None
    return Unfamiliar(known)


def lines(seen: Unfamiliar, images: Sequence[Image], spacing: tuple[float, ...] | None = None) -> list[str]:
    for image in images:
        seen.image(image, spacing)
    return seen.lines()


GREY = [picture(seed) for seed in range(12)]
COLOUR = [picture(seed, 3) for seed in range(12)]
NEW = range(100, 108)


def enlarged(image: Image) -> Image:
    return np.stack([cv2.resize(plane, None, fx=2, fy=2) for plane in image])


CHANGES: list[tuple[str, int, Callable[[Image], Image], str]] = [
    ("half", 1, lambda x: x // 2, "are dimmer than any training image (mean"),
    ("brighter", 1, lambda x: np.clip(x.astype(int) * 3, 0, 255).astype(np.uint8), "are brighter than any"),
    ("inverted", 1, lambda x: 255 - x, "look inverted"),
    (
        "flat",
        1,
        lambda x: (0.2 * x + 0.8 * x.mean()).astype(np.uint8),
        "have less contrast than any training",
    ),
    ("16 bits", 1, lambda x: x.astype(np.uint16) * 257, "(uint16) where training had up to"),
    ("shares", 1, lambda x: x.astype(np.float32) / 255, "(float32) where training had up to"),
    ("coloured", 1, lambda x: np.concatenate([x, x // 2, x // 3]), "are in colour where training was grey"),
    ("grey", 3, lambda x: x[:1].repeat(3, 0), "are grey where training was in colour"),
    ("one channel", 3, lambda x: x[:1], "are grey where training was in colour"),
    ("bgr", 3, lambda x: x[::-1], "seem to have their channels in another order"),
    ("tinted", 3, lambda x: np.stack([x[0], x[1] // 2, x[2]]), "have channels in other proportions"),
    ("enlarged", 1, enlarged, "show coarser detail than any training image"),
    (
        "noise",
        1,
        lambda x: np.clip(x + np.random.default_rng(0).normal(0, 12, x.shape), 0, 255).astype(np.uint8),
        "show finer detail than any training image",
    ),
]


@pytest.mark.parametrize(
    ("channels", "change", "words"), [each[1:] for each in CHANGES], ids=[each[0] for each in CHANGES]
)
def test_each_kind_of_shift_is_told_once(channels: int, change: Callable[[Image], Image], words: str) -> None:
    seen = trained(GREY if channels == 1 else COLOUR)
    (line,) = lines(seen, [change(picture(seed, channels)) for seed in NEW])
    assert words in line
    assert line.startswith("all 8 images ")


@pytest.mark.parametrize("channels", [1, 3])
def test_images_of_the_same_kind_are_hardly_ever_told(channels: int) -> None:
    told = 0
    for draw in range(10):
        seen = trained([picture(1000 * draw + seed, channels) for seed in range(10)])
        for seed in range(20):
            one = Unfamiliar(seen.known)
            told += bool(lines(one, [picture(1000 * draw + 500 + seed, channels)]))
    assert told <= 2  # of 200


def test_grey_stored_as_colour_is_grey() -> None:
    assert lines(trained(GREY), [picture(seed).repeat(3, 0) for seed in NEW]) == []


def test_the_numbers_are_those_of_the_image_and_of_the_training() -> None:
    flat = [np.full((1, 8, 8), level, np.uint8) for level in (100, 110, 120)]
    assert lines(trained(flat), [np.full((1, 8, 8), 2, np.uint8)]) == [
        "the image is dimmer than any training image (mean 2, training 100 to 120)"
    ]


def test_one_training_image_knows_what_is_far_from_it() -> None:
    seen = trained(GREY[:1])
    assert lines(seen, GREY) == []
    (line,) = lines(trained(GREY[:1]), [np.zeros((1, 64, 64), np.uint8)])
    assert line.startswith("the image is dimmer than any training image")
    (line,) = lines(trained(GREY[:1]), [GREY[0].astype(np.uint16) * 257])
    assert "has numbers up to" in line


def test_constant_and_empty_images_end_nothing() -> None:
    flat = [np.full((1, 16, 16), 7, np.uint8)] * 4
    assert lines(trained(flat), flat) == []
    seen = trained(GREY)
    assert lines(seen, [np.full((1, 9, 9), np.nan), np.empty((1, 0, 3), np.uint8)]) == []
    assert seen.images == 0
    broken = picture(5).astype(np.float32)
    broken[:, :3] = np.nan
    assert lines(trained([image.astype(np.float32) for image in GREY]), [broken]) == []


@pytest.mark.parametrize(
    ("spacing", "line"),
    [
        ((1.1, 1.0, 1.0), None),
        ((2.0, 2.0, 2.0), "the image has voxels of 2 mm where training had 1 mm"),
        ((5.0, 1.0, 1.0), "the image has voxels of 1 x 1 x 5 mm where training had 1 mm"),
        ((1.0, 1.0), None),
        (None, None),
    ],
)
def test_spacings(spacing: tuple[float, ...] | None, line: str | None) -> None:
    volumes = [np.stack([picture(seed)[0]] * 3)[None] for seed in range(6)]
    seen = trained(volumes, (1.0, 1.0, 1.0))
    assert lines(seen, [volumes[0]], spacing) == ([f"{line}{REMEDY}"] if line else [])
    assert lines(Unfamiliar(seen.known, resampled=True), [volumes[0]], spacing) == []
    if line:
        assert lines(Unfamiliar(seen.known, resized=True), [volumes[0]], spacing) == [line]


def test_a_stated_size_of_pixels_stands_for_the_detail() -> None:
    seen = trained(GREY, (1.0, 1.0))
    (line,) = lines(seen, [enlarged(picture(seed)) for seed in NEW], (0.5, 0.5))
    assert line == f"all 8 images have pixels of 0.5 mm where training had 1 mm{REMEDY}"


def test_channels_of_volumes_that_were_exchanged() -> None:
    def volume(seed: int) -> Image:
        plane = picture(seed).astype(np.float32)[0]
        return np.stack([np.stack([plane * share] * 2) for share in (1.0, 4.0)])

    seen = trained([volume(seed) for seed in range(10)])
    (line,) = lines(seen, [volume(seed)[::-1] for seed in NEW])
    assert "seem to have their channels in another order" in line


def test_sizes_of_pixels_are_compared_between_like_sizes_where_images_are_resized() -> None:
    known = trained(GREY).known
    assert lines(Unfamiliar(known, resized=True), [enlarged(picture(seed)) for seed in NEW]) == []
    cut = [enlarged(picture(seed))[:, :64, :64] for seed in NEW]
    (line,) = lines(Unfamiliar(known, resized=True), cut)
    assert "coarser detail" in line


def test_a_few_of_many_are_left_to_chance_and_more_are_counted() -> None:
    dim, usual = picture(50) // 8, [picture(seed) for seed in range(200, 250)]
    assert lines(trained(GREY), [dim, *usual]) == []
    (line,) = lines(trained(GREY), [dim, dim, *usual])
    assert line.startswith("2 of 52 images are dimmer")
    (line,) = lines(trained(GREY), [dim, picture(200)])
    assert line.startswith("1 of 2 images is dimmer")


MASKS = {"shares": [0.1, 0.12, 0.15, 0.2, 0.11, 0.14], "thicknesses": [4.0, 5.0, 4.5, 6.0, 5.5, 5.0]}


@pytest.mark.parametrize(
    ("mask", "line"),
    [
        (np.kron(np.eye(10), np.ones((6, 6))), None),
        (
            np.zeros((60, 60)),
            "the mask holds less foreground than any training mask (0.0%, training 10.0% to 20.0%)",
        ),
        (
            np.ones((60, 60)),
            "the mask holds more foreground than any training mask (100.0%, training 10.0% to 20.0%)",
        ),
        (np.kron(np.eye(7), np.ones((99, 99))), "the mask holds larger objects than any training mask"),
    ],
)
@pytest.mark.parametrize("dtype", [np.uint8, np.int32, bool])
def test_masks(mask: Image, line: str | None, dtype: type) -> None:
    seen = trained(GREY, **MASKS)
    seen.mask(mask.astype(dtype))
    assert [told[: len(line or "")] for told in seen.lines()] == [line] * (line is not None)


def test_masks_are_told_of_where_images_are_not() -> None:
    seen = trained(GREY, **MASKS)
    seen.image(picture(100) // 4)
    seen.mask(np.zeros((64, 64), np.uint8))
    (line,) = seen.lines()
    assert "dimmer" in line


def test_lines_are_about_all_images_so_far() -> None:
    seen = Unfamiliar(trained(GREY).known)
    (line,) = lines(seen, [picture(seed) // 4 for seed in NEW])
    assert line.startswith("all 8 images are dimmer")
    (line,) = lines(seen, [picture(1)])
    assert line.startswith("8 of 9 images")


def test_what_is_said_of_many_can_be_said_of_one() -> None:
    assert {words.split()[0] for words in WORDS.values()} <= set(SINGULAR)


def test_without_a_training_nothing_is_said() -> None:
    seen = Unfamiliar()
    seen.image(GREY[0])
    seen.mask(GREY[0][0])
    assert seen.lines() == []


def test_runs_that_remember_nothing_are_silent_and_damage_is_told(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert read_familiar([folder]) is None
    known = trained(GREY).known
    assert known is not None
    folder.images.write_text(json.dumps({"training": known.to_dict(), "scored": []}))
    found = read_familiar([folder, folder])
    assert found is not None
    assert found.spreads["mean"].low == pytest.approx(known.spreads["mean"].low, rel=1e-5)
    folder.images.write_text('{"training": null, "scored": []}')
    assert read_familiar([folder]) is None
    for damaged in ("[]", "{}", '{"training": 3}', "{", '{"training": {"images": 1}}'):
        folder.images.write_text(damaged)
        with pytest.raises(IsthmusError, match=r"images\.json"):
            read_familiar([folder])

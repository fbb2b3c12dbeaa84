"""Windows, the papers' numbers of them, and pieces that find the foreground."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view

from isthmus.data.cases import Source
from isthmus.data.rng import rng
from isthmus.data.sampling.patches import (
    CentredPatches,
    EvenPatches,
    Patches,
    RandomPatches,
    foreground_window,
    windows,
)
from isthmus.io.images import read_image, read_mask


def corners(found: list[tuple[slice, ...]]) -> list[tuple[int, ...]]:
    return [tuple(axis.start for axis in window) for window in found]


def test_four_of_isbi() -> None:
    assert corners(windows((512, 512), (256, 256), 4)) == [(0, 0), (0, 256), (256, 0), (256, 256)]


def test_eleven_of_glas_are_all_but_the_last_of_three_by_four() -> None:
    rows, columns = (0, 133, 266), (0, 173, 346, 519)
    grid = [(row, column) for row in rows for column in columns]
    assert corners(windows((522, 775), (256, 256))) == grid
    assert corners(windows((522, 775), (256, 256), 11)) == grid[:11]


def test_the_numbers_of_the_paper() -> None:
    sizes = [(522, 775), (453, 589), (442, 581), (433, 574), (430, 567)]
    assert [len(windows(size, (256, 256), 11)) for size in sizes] == [11] * 5


@given(st.data())
def test_windows_cover_and_differ(data: Any) -> None:
    shape = data.draw(st.lists(st.integers(1, 12), min_size=1, max_size=3))
    patch = [data.draw(st.integers(1, size)) for size in shape]
    most = int(np.prod([size - wanted + 1 for size, wanted in zip(shape, patch, strict=True)]))
    count = data.draw(st.none() | st.integers(1, most))
    found = windows(shape, patch, count)
    assert len(set(corners(found))) == len(found)
    assert count is None or len(found) == count
    seen = np.zeros(shape, int)
    for window in found:
        assert all(axis.start >= 0 and axis.stop <= size for axis, size in zip(window, shape, strict=True))
        assert seen[window].shape == tuple(patch)
        seen[window] += 1
    assert count is not None or seen.min() >= 1


def test_too_large_or_too_many() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        windows((10, 5), (4, 6))
    with pytest.raises(ValueError, match="there are 4 patches"):
        windows((5, 5), (4, 4), 5)
    with pytest.raises(ValueError, match="does not fit"):
        foreground_window(np.zeros((4, 4), np.uint8), (5, 4), rng(0))


@pytest.mark.parametrize("size", [(3, 5), (6, 2), (2, 3), (7, 7), (2, 3, 4), (7, 2, 7)])
def test_every_way_to_cut_pads_small_images_evenly_by_reflection(size: tuple[int, ...]) -> None:
    """Image and label alike are padded to the patch; an axis that is long enough is cut instead."""
    patch = (6,) * len(size)
    label = rng(0).integers(1, 250, size).astype(np.uint8)
    missing = [max(0, 6 - side) for side in size]
    padded = np.pad(label, [(n // 2, n - n // 2) for n in missing], mode="reflect")
    ways: list[Patches] = [
        RandomPatches(patch),
        EvenPatches(patch),
        RandomPatches(patch, foreground=1e-9),
        RandomPatches(patch, foreground=1.0),
        CentredPatches(patch, jitter=0.1),
    ]
    for way in ways:
        image, piece = way.cut(np.stack([label, 255 - label]).astype(np.float32), label, rng(1))
        assert piece.shape == patch
        np.testing.assert_array_equal(image, [piece, 255.0 - piece])
        if padded.shape == patch:
            np.testing.assert_array_equal(piece, padded)
        else:
            assert any(
                (piece == found).all() for found in sliding_window_view(padded, patch).reshape(-1, *patch)
            )


def test_image_and_label_are_cut_alike() -> None:
    label = rng(0).integers(0, 256, (20, 30)).astype(np.uint8)
    for turn in range(11):
        image, piece = EvenPatches((8, 9), 11).cut(label[None], label, rng(1), turn=turn)
        np.testing.assert_array_equal(image[0], piece)
    label = rng(0).integers(0, 3, (6, 20, 30)).astype(np.uint8)
    for seed in range(9):
        image, piece = RandomPatches((8, 9, 9), 1 / 3).cut(label[None], label, rng(seed))
        assert piece.shape == (8, 9, 9)
        np.testing.assert_array_equal(image[0], piece)


@given(
    st.integers(0, 10**6), st.lists(st.tuples(st.integers(1, 9), st.integers(0, 9)), min_size=2, max_size=3)
)
def test_a_centre_is_in_the_middle_or_at_the_edge(seed: int, sides: list[tuple[int, int]]) -> None:
    patch = [wanted for wanted, _ in sides]
    shape = [wanted + more for wanted, more in sides]
    random = rng(seed)
    centre = [int(random.integers(size)) for size in shape]
    label = np.zeros(shape, np.uint8)
    label[tuple(centre)] = 3
    window = foreground_window(label, patch, random, share=1)
    for axis, at, wanted, size in zip(window, centre, patch, shape, strict=True):
        assert axis.start <= at < axis.stop
        middle = at - wanted // 2
        assert (
            axis.start == middle or (middle < 0 and axis.start == 0) or (middle > size - wanted == axis.start)
        )


def test_the_share_is_kept_and_small_classes_are_met_as_often() -> None:
    label = np.zeros((40, 40, 40), np.uint8)
    label[5, 5, 5] = 1
    label[25:35, 25:35, 25:35] = 2
    found = [label[foreground_window(label, (3, 3, 3), rng(i), share=0.5)] for i in range(600)]
    ones, twos = (sum(bool((piece[1, 1, 1] == index).all()) for piece in found) for index in (1, 2))
    assert 115 < ones < 185
    assert 115 < twos < 195
    nothing = np.zeros((40, 40), np.uint8)
    starts = {foreground_window(nothing, (38, 38), rng(i), share=1)[0].start for i in range(40)}
    assert starts == {0, 1, 2}


def test_all_places_are_as_likely_without_a_share() -> None:
    label = np.ones((6,), np.uint8)
    starts = [foreground_window(label, (4,), rng(i), share=0)[0].start for i in range(600)]
    assert all(150 < starts.count(start) < 250 for start in range(3))


def test_real_images(shared_data: Path) -> None:
    folder = shared_data / "glas-2015" / "Warwick QU Dataset (Released 2016_07_08)"
    image = read_image(Source(folder / "train_1.bmp"))
    label = (read_mask(Source(folder / "train_1_anno.bmp")) > 0).astype(np.uint8)
    glands = EvenPatches((256, 256), 11)
    pieces = [glands.cut(image, label, rng(0), turn=turn) for turn in range(glands.per_case)]
    assert [piece.shape for piece, _ in pieces] == [(3, 256, 256)] * 11
    assert all(part.shape == (256, 256) for _, part in pieces)
    stack = read_image(Source(shared_data / "isbi-2012" / "train-volume.tif", page=0))
    neurons, nothing = EvenPatches((256, 256), 4), np.zeros(stack.shape[1:], np.uint8)
    parts = [neurons.cut(stack, nothing, rng(0), turn=turn)[0][0] for turn in range(4)]
    np.testing.assert_array_equal(np.block([parts[:2], parts[2:]]), stack[0])

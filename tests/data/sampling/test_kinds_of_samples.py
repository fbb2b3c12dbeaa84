"""What a sample can be besides a whole image or a random patch: windows, slices, regions; and targets made of it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from numpy.typing import NDArray

from isthmus.data.augment import AUGMENTATIONS, flips_and_turns, make_augmentation
from isthmus.data.cases import Dataset
from isthmus.data.checks.check import check_dataset
from isthmus.data.sampling.grid import Grid
from isthmus.data.sampling.patches import (
    CentredPatches,
    EvenPatches,
    RandomPatches,
    foreground_centre,
    window_around,
    windows,
)
from isthmus.data.sampling.slices import Slices
from isthmus.data.sources import open_dataset
from isthmus.io.writing import write_image, write_mask

from .makers import ZSCORE, make


def save(path: Path, volume: NDArray[Any]) -> None:
    """A NIfTI whose array is read as `volume` (depth, height, width)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(volume.T, np.diag([-1.0, -1.0, 1.0, 1.0])), path)


def numbered(path: Path, count: int, depth: int = 0) -> Dataset:
    """Images of 20 x 24 whose pixels say where they are: 1000 case + 100 slice + column."""
    for k in range(count):
        plane = np.add.outer(np.arange(20) * 0, np.arange(24))
        mask = np.zeros((20, 24), np.uint8)
        mask[4:9, 14:20] = 1
        if depth:
            volume = np.stack([plane + 100 * d + 1000 * k for d in range(depth)]).astype(np.float32)
            save(path / "images" / f"v{k}.nii.gz", volume)
            masks = np.stack([mask * (d == 1) for d in range(depth)]).astype(np.uint8)
            save(path / "masks" / f"v{k}.nii.gz", masks)
        else:
            write_image(path / "images" / f"im{k}.tif", (plane + 1000 * k)[None].astype(np.uint16))
            write_mask(path / "masks" / f"im{k}.png", mask)
    return check_dataset(open_dataset(str(path))).dataset


def test_fixed_windows_come_once_an_epoch(tmp_path: Path) -> None:
    samples = make(numbered(tmp_path, 3), patches=EvenPatches((16, 16), 4))
    assert samples.per_epoch == 12
    corners = {(w[0].start, w[1].start) for w in windows((20, 24), (16, 16), 4)}
    seen = Counter(
        (int(image[0, 0, 0]) // 1000, int(image[0, 0, 0]) % 1000, float(label.sum()))
        for images, labels, _ in samples.batches(0)
        for image, label in zip(images, labels, strict=True)
    )
    assert sum(seen.values()) == 12
    assert {case for case, *_ in seen} == {0, 1, 2}
    assert {column for _, column, _ in seen} == {column for _, column in corners}
    assert Counter(case for case, *_ in seen.elements()) == {0: 4, 1: 4, 2: 4}


def test_a_slice_comes_with_its_neighbours_and_its_own_label(tmp_path: Path) -> None:
    samples = make(numbered(tmp_path, 2, depth=4), slices=Slices(5), per_epoch=60)
    middles = set()
    for index in range(60):
        image, label, _ = samples.sample(0, index)
        assert image.shape == (5, 20, 24)
        case, at = divmod(int(image[2, 0, 0]), 1000)
        here = at // 100
        expected = np.clip(np.arange(here - 2, here + 3), 0, 3) * 100 + 1000 * case
        np.testing.assert_array_equal(image[:, 0, 0], expected)
        assert label.any() == (here == 1)
        middles.add((case, here))
    assert middles == {(case, here) for case in range(2) for here in range(4)}


def test_slices_centred_on_foreground(tmp_path: Path) -> None:
    samples = make(numbered(tmp_path, 2, depth=9), slices=Slices(3, foreground=1.0), per_epoch=40)
    assert all(samples.sample(0, index).labels.any() for index in range(40))


def test_slices_are_normalised_by_their_volume_and_patches_of_them_cut(tmp_path: Path) -> None:
    dataset = numbered(tmp_path, 1, depth=5)
    whole = make(dataset, slices=Slices(3), per_epoch=4, normaliser=ZSCORE, grid=Grid((20, 24)))
    cut = make(dataset, slices=Slices(3), per_epoch=4, normaliser=ZSCORE, patches=RandomPatches((20, 24)))
    for index in range(4):
        np.testing.assert_allclose(
            whole.sample(1, index).images, cut.sample(1, index).images, rtol=1e-4, atol=1e-5
        )


def test_a_volume_in_slices_is_scored_whole_on_the_grid_of_its_slices(tmp_path: Path) -> None:
    samples = make(
        numbered(tmp_path, 1, depth=4),
        slices=Slices(5),
        grid=Grid((10, 12)),
        targets={"twice": lambda label: 2.0 * label.astype(np.float32)},
    )
    image, label, targets = samples.cases.whole(0)
    assert image.shape == (1, 4, 10, 12)
    assert label.shape == (4, 10, 12)
    np.testing.assert_array_equal(targets["twice"], 2.0 * label)


@pytest.mark.parametrize("depth", [0, 4])
def test_the_stream_is_the_same_for_any_workers_and_memory(tmp_path: Path, depth: int) -> None:
    dataset = numbered(tmp_path, 11, depth)
    options: dict[str, Any] = {"augment": flips_and_turns, "per_epoch": 30}
    options["patches"] = RandomPatches((16, 16)) if depth else CentredPatches((16, 16), 0.25)
    options["slices"] = Slices(3) if depth else None
    options["targets"] = {"mask": lambda label: label.astype(np.float32)}
    expected = None
    for workers, size in ((0, 2**30), (1, 2**30), (2, 0), (4, 40_000)):
        samples = make(dataset, workers=workers, budget=size, **options)
        got = [
            (b.images.tobytes(), b.labels.tobytes(), b.targets["mask"].tobytes()) for b in samples.batches(2)
        ]
        expected = expected or got
        assert got == expected


def test_targets_of_fixed_geometry_are_made_once(tmp_path: Path) -> None:
    calls: list[int] = []

    def target(label: NDArray[Any]) -> NDArray[np.float32]:
        calls.append(1)
        return label.astype(np.float32)

    dataset = numbered(tmp_path, 2)
    for options, most in (
        ({}, 2),
        ({"augment": flips_and_turns}, 6),
        ({"patches": RandomPatches((8, 8))}, 6),
    ):
        calls.clear()
        samples = make(dataset, targets={"t": target}, grid=Grid((20, 24)), **options)
        for epoch in range(3):
            for batch in samples.batches(epoch):
                np.testing.assert_array_equal(batch.targets["t"], batch.labels)
        assert len(calls) == most
    calls.clear()
    samples.cases.whole(0), samples.cases.whole(0)
    assert len(calls) == 1


def test_few_volumes_are_needed_at_a_time(tmp_path: Path) -> None:
    samples = make(numbered(tmp_path, 20, depth=3), slices=Slices(1), per_epoch=100)
    order = [samples.place(0, index)[0] for index in range(100)]
    assert set(order) == set(range(20))
    for first in range(0, 100, 10):
        assert len(set(order[first : first + 10])) <= 16
    assert len({tuple(samples.place(epoch, i)[0] for i in range(100)) for epoch in range(3)}) == 3


def test_around_the_middle_of_the_foreground(tmp_path: Path) -> None:
    samples = make(numbered(tmp_path, 1), patches=CentredPatches((8, 8)))
    image, label, _ = samples.sample(0, 0)
    assert image[0, 0, 0] == 12  # the box spans columns 14 to 19, its middle is 16
    assert label.sum() == 5 * 6
    moved = make(numbered(tmp_path / "b", 1), patches=CentredPatches((8, 8), 0.5), per_epoch=40)
    starts = {int(moved.sample(0, index).images[0, 0, 0]) for index in range(40)}
    assert {8, 16} <= starts | {8, 16}
    assert len(starts) > 4
    assert starts <= set(range(8, 17))


def test_the_middle_and_the_window_stay_inside() -> None:
    label = np.zeros((9, 7), np.uint8)
    assert foreground_centre(label, 2) == (4, 3)
    label[8, 6] = 1
    assert foreground_centre(label, 2) == (8, 6)
    assert window_around((9, 7), (4, 4), (8, 6)) == (slice(5, 9), slice(3, 7))
    assert window_around((3, 7), (4, 4), (1, 0)) == (slice(0, 4), slice(0, 4))  # padded before it is cut
    image, cut = CentredPatches((4, 4), 0.1).cut(np.ones((1, 3, 7)), label[:3], np.random.default_rng(0))
    assert image.shape == (1, 4, 4)
    assert cut.shape == (4, 4)


def test_targets_see_the_numbers_of_the_objects_after_augmentation(tmp_path: Path) -> None:
    numbers = np.zeros((20, 20), np.uint16)
    for index in range(16):
        y, x = divmod(index, 4)
        numbers[5 * y : 5 * y + 4, 5 * x : 5 * x + 4] = 300 + index
    write_image(
        tmp_path / "images" / "a.png", np.zeros((1, 20, 20), np.uint8) + (numbers > 0).astype(np.uint8)
    )
    write_mask(tmp_path / "masks" / "a.png", numbers)
    dataset = check_dataset(open_dataset(str(tmp_path)), rule="objects").dataset
    augment = make_augmentation("mildnet")
    samples = make(
        dataset,
        patches=RandomPatches((16, 16)),
        instances=True,
        augment=augment,
        targets={"numbers": lambda label: label.astype(np.float32)},
    )
    seen = set()
    for epoch in range(8):
        _, label, targets = samples.sample(epoch, 0)
        assert label.dtype == np.uint8
        np.testing.assert_array_equal(label, targets["numbers"] > 0)
        seen |= set(np.unique(targets["numbers"]).astype(int))
    assert seen <= set(range(17))
    assert len(seen) > 10
    assert set(np.unique(samples.cases[0].label)) == set(range(17))


@pytest.mark.parametrize("name", sorted(AUGMENTATIONS))
def test_every_augmentation_takes_five_slices(name: str) -> None:
    augment = make_augmentation(name)
    assert augment is not None or name == "none"
    if augment is None:
        return
    random = np.random.default_rng(0)
    image = random.normal(size=(5, 24, 24)).astype(np.float32)
    label = (random.random((24, 24)) > 0.5).astype(np.uint16) * np.uint16(700)
    for seed in range(4):
        changed, mask = augment(image, label, np.random.default_rng(seed))
        assert changed.shape == (5, 24, 24)
        assert np.isfinite(changed).all()
        assert set(np.unique(mask)) <= {0, 700}

"""Crowded nuclei: seeded, touching, and a data set like any other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from isthmus.data.cases import load_mask
from isthmus.data.checks.check import check_dataset
from isthmus.data.phantoms.nuclei import touching_nuclei, write_touching_nuclei
from isthmus.data.sources import from_folder
from isthmus.errors import IsthmusError

MANY = [touching_nuclei(seed) for seed in range(12)]


def test_every_nucleus_has_its_number_and_most_touch_another() -> None:
    touching, found = 0, 0
    for _, numbers in MANY:
        present = np.unique(numbers)
        assert present.tolist() == list(range(numbers.max() + 1))
        found += numbers.max()
        for number in present[1:]:
            one = numbers == number
            beside = numbers[ndimage.binary_dilation(one) & ~one]
            touching += bool((beside > 0).any())
            assert one.sum() >= 40
    assert found > 12 * 15
    assert touching / found > 0.6


def test_they_are_brighter_than_what_is_between_them() -> None:
    for image, numbers in MANY:
        assert image.dtype == np.uint8
        assert image[numbers > 0].mean() > 2.5 * image[numbers == 0].mean()
        assert 0.28 < (numbers > 0).mean() < 0.42


def test_the_seed_decides() -> None:
    for ours, again in zip(MANY[3], touching_nuclei(3), strict=True):
        assert np.array_equal(ours, again)
    assert not np.array_equal(MANY[3][0], MANY[4][0])


def test_a_data_set_on_disk(tmp_path: Path) -> None:
    write_touching_nuclei(tmp_path, 3, 128, seed=5)
    checked = check_dataset(from_folder(tmp_path))
    assert [case.id for case in checked.dataset.cases] == ["nuclei-000", "nuclei-001", "nuclei-002"]
    assert checked.values.rule == "objects"
    masks = [load_mask(case) for case in checked.dataset.cases]
    assert all(mask.dtype == np.uint16 and mask.max() > 3 for mask in masks)
    assert not np.array_equal(masks[0], masks[1])


@pytest.mark.parametrize(("size", "share"), [(16, 0.3), (64, 0.0), (64, 0.6)])
def test_impossible_ones(tmp_path: Path, size: int, share: float) -> None:
    with pytest.raises(IsthmusError, match="request at least 32 pixels"):
        touching_nuclei(0, size, share)
    with pytest.raises(IsthmusError, match="request at least one"):
        write_touching_nuclei(tmp_path, 0)

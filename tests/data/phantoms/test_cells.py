"""Phantoms: seeded, plausible, and a data set like any other."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy import ndimage

from isthmus.data.checks.check import check_dataset
from isthmus.data.phantoms.cells import phantom, write_phantoms
from isthmus.data.rng import rng
from isthmus.data.sources import from_folder
from isthmus.errors import IsthmusError

MANY = [phantom(128, rng(3, i)) for i in range(40)]


def test_a_data_set_on_disk(tmp_path: Path) -> None:
    write_phantoms(tmp_path, 3, 64, seed=5)
    checked = check_dataset(from_folder(tmp_path))
    assert [facts.shape for facts in checked.cases] == [(1, 64, 64)] * 3
    assert [case.id for case in checked.dataset.cases] == ["phantom-000", "phantom-001", "phantom-002"]
    assert checked.values.describe() == "mask values 0 → background, 255 → foreground"


def test_the_seed_decides(tmp_path: Path) -> None:
    for name, n, seed in (("a", 3, 0), ("b", 2, 0), ("c", 2, 1)):
        write_phantoms(tmp_path / name, n, 64, seed)

    def content(name: str) -> list[bytes]:
        return [(tmp_path / name / kind / "phantom-001.png").read_bytes() for kind in ("images", "masks")]

    assert content("a") == content("b")  # whatever their number
    assert content("a") != content("c")


def test_nuclei_cover_a_part_of_every_picture() -> None:
    shares = [float((mask > 0).mean()) for _, mask in MANY]
    assert min(shares) > 0.03
    assert max(shares) < 0.6
    assert 0.12 < np.mean(shares) < 0.3
    assert all(set(np.unique(mask)) == {0, 255} for _, mask in MANY)


def test_some_touch_and_sizes_vary() -> None:
    areas = np.concatenate([np.bincount(ndimage.label(mask)[0].ravel())[1:] for _, mask in MANY])
    assert np.percentile(areas, 90) > 3 * np.percentile(areas, 10)
    assert areas.max() > np.pi * 14**2  # more than the largest nucleus alone


def test_some_debris_is_brighter_than_most_nuclei_and_some_nuclei_are_faint() -> None:
    outside = [image[cv2.dilate(mask, np.ones((9, 9), np.uint8)) == 0] for image, mask in MANY]
    inside = np.concatenate([image[mask > 0] for image, mask in MANY])
    assert np.mean([pixels.max() > np.median(inside) for pixels in outside]) > 0.8
    assert np.percentile(inside, 5) < 60 < 110 < np.percentile(inside, 60)
    background = np.concatenate(outside)
    assert np.percentile(background, 90) < 60


def test_a_threshold_alone_does_not_solve_them() -> None:
    scores = []
    for image, mask in MANY:
        _, found = cv2.threshold(cv2.GaussianBlur(image, (0, 0), 1.5), 0, 255, cv2.THRESH_OTSU)
        scores.append(2 * ((found > 0) & (mask > 0)).sum() / ((found > 0).sum() + (mask > 0).sum()))
    assert 0.7 < np.mean(scores) < 0.9


@pytest.mark.parametrize(("n", "size"), [(0, 128), (1, 16)])
def test_impossible_ones(tmp_path: Path, n: int, size: int) -> None:
    with pytest.raises(IsthmusError, match="request at least one"):
        write_phantoms(tmp_path, n, size)

"""Organ phantoms: seeded, adjacent organs, hard for a threshold, and volumes like any other on disk."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from isthmus.data.cases import Source, load_mask
from isthmus.data.checks.check import check_dataset
from isthmus.data.phantoms.organs import ORGANS, organ_phantom, write_organ_phantoms
from isthmus.data.sources import from_folder
from isthmus.errors import IsthmusError
from isthmus.io.images import read_image
from isthmus.io.volumes import geometry

MANY = [organ_phantom(seed) for seed in range(10)]


def dice(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    return float(2 * (a & b).sum() / max(1, a.sum() + b.sum()))


def soft(image: NDArray[np.int16]) -> NDArray[np.float64]:
    """Without most of the noise."""
    smooth: NDArray[np.float64] = ndimage.gaussian_filter(image.astype(float), (0.4, 1.2, 1.2))
    return smooth


def test_three_organs_in_one_piece_each_that_touch() -> None:
    for image, mask in MANY:
        assert image.shape == mask.shape == (24, 96, 96)
        assert (image.dtype, mask.dtype) == (np.int16, np.uint8)
        assert np.unique(mask).tolist() == list(range(len(ORGANS)))
        for organ in (1, 2, 3):
            assert ndimage.label(mask == organ)[1] == 1
        for organ, other in ((1, 2), (2, 3)):
            assert (ndimage.binary_dilation(mask == organ) & (mask == other)).sum() > 10
        shares = np.bincount(mask.ravel())[1:] / mask.size
        assert ((shares > 0.008) & (shares < 0.12)).all()


def test_the_bladder_lies_above_the_prostate_and_the_rectum_behind_both() -> None:
    for _, mask in MANY:
        bladder, prostate, rectum = (ndimage.center_of_mass(mask == organ) for organ in (1, 2, 3))
        assert bladder[0] > prostate[0] + 4  # z runs to the head
        assert min(rectum[1] - bladder[1], rectum[1] - prostate[1]) > 12  # y to the back
        assert {0, 23} <= set(np.nonzero(mask == 3)[0].tolist())  # through the whole volume


def test_no_window_of_brightness_finds_an_organ() -> None:
    for image, mask in MANY:
        smooth = soft(image)
        window = np.clip((smooth + 140) / 240 * 255, 0, 255).astype(np.uint8)
        level, _ = cv2.threshold(window.reshape(-1, 96), 0, 255, cv2.THRESH_OTSU)
        assert dice(window > level, mask > 0) < 0.6
        for organ in (1, 2, 3):
            one = mask == organ
            ends = np.quantile(smooth[one], np.linspace(0, 1, 13))
            windows = combinations(ends, 2)
            assert max(dice((smooth >= low) & (smooth <= high), one) for low, high in windows) < 0.6


def test_organs_differ_in_the_mean_by_less_than_the_noise_of_two_pixels() -> None:
    means = []
    for image, mask in MANY:
        inner = [(ndimage.binary_erosion(mask == organ)) & (image > -200) for organ in (1, 2, 3)]
        bladder, prostate, rectum = (float(np.median(image[one])) for one in inner)
        noise = float(image[inner[0]].std())
        means.append((bladder, prostate, rectum))
        assert bladder + 8 < min(prostate, rectum)
        assert prostate - bladder < 4 * noise
        assert 8 < noise < 40
    assert (np.mean(means, axis=0)[1] - np.mean(means, axis=0)[2]) > 4


def test_borders_vanish_in_part() -> None:
    """In some places there is fat just outside an organ, and in others tissue as bright as the organ."""
    for image, mask in MANY:
        smooth = soft(image)
        outside = (ndimage.distance_transform_edt(mask == 0, sampling=(3, 1, 1)) < 5) & (mask == 0)
        level = np.median(smooth[mask == 2])
        alike = np.abs(smooth[outside] - level) < 25
        assert 0.12 < alike.mean() < 0.85
        assert (smooth[outside] < level - 40).mean() > 0.08


def test_gas_bones_and_streaks() -> None:
    gas = [bool(((mask == 3) & (image < -500)).any()) for image, mask in MANY]
    assert 3 <= sum(gas) < len(MANY)
    for image, mask in MANY:
        assert not ((image < -500) & ndimage.binary_erosion(mask != 3, iterations=3)).any()  # nowhere else
        assert not (mask[image > 330] > 0).sum() > 20
        assert (image[:, :, :3] > 250).any()
        assert (image[:, :, -3:] > 250).any()
    rough = []  # the roughest slice of the middle against the others of the same scan
    for image, _ in MANY:
        fine = image - ndimage.gaussian_filter(image.astype(float), (0, 2, 2))
        steep = ndimage.binary_dilation(image < -250, ndimage.generate_binary_structure(3, 1), iterations=5)
        steep[:, :, :20] = steep[:, :, -20:] = True  # what is left has neither bones nor gas
        sheets = [float(sheet[~away].std()) for sheet, away in zip(fine, steep, strict=True)]
        rough.append(max(sheets) / float(np.median(sheets)))
    assert 3 <= sum(ratio > 1.25 for ratio in rough) <= 7  # those with metal
    assert min(rough) < 1.1  # and some without gas too


def test_the_seed_decides() -> None:
    for ours, again in zip(MANY[3], organ_phantom(3), strict=True):
        assert np.array_equal(ours, again)
    assert not np.array_equal(MANY[3][1], MANY[4][1])


@pytest.mark.parametrize(
    ("shape", "spacing"),
    [((12, 48, 48), (6.0, 2.0, 2.0)), ((30, 64, 90), (2.5, 1.5, 1.0)), ((8, 20, 20), (1.0, 1.0, 1.0))],
)
def test_any_grid_holds_all_organs(shape: tuple[int, ...], spacing: tuple[float, ...]) -> None:
    for seed in range(4):
        image, mask = organ_phantom(seed, shape, spacing)
        assert image.shape == mask.shape == shape
        assert np.unique(mask).tolist() == [0, 1, 2, 3]


def test_the_same_anatomy_on_a_coarser_grid() -> None:
    """Half as many pixels of twice the side show organs of about the same volume."""
    fine, coarse = (
        [np.bincount(organ_phantom(seed, *grid)[1].ravel())[1:] * np.prod(grid[1]) for seed in range(5)]
        for grid in (((24, 96, 96), (3.0, 1.0, 1.0)), ((24, 48, 48), (3.0, 2.0, 2.0)))
    )
    assert np.allclose(np.mean(fine, axis=0), np.mean(coarse, axis=0), rtol=0.2)


def test_a_data_set_on_disk(tmp_path: Path) -> None:
    write_organ_phantoms(tmp_path, 2, seed=7, shape=(10, 32, 40), spacing=(5.0, 2.5, 2.0))
    checked = check_dataset(from_folder(tmp_path))
    assert [case.id for case in checked.dataset.cases] == ["pelvis-000", "pelvis-001"]
    assert [case.spacing for case in checked.dataset.cases] == [(5.0, 2.5, 2.0)] * 2
    assert (
        sorted(path.name for path in tmp_path.rglob("*.nii.gz"))
        == ["pelvis-000.nii.gz"] * 2 + ["pelvis-001.nii.gz"] * 2
    )
    image = read_image(Source(tmp_path / "images" / "pelvis-001.nii.gz"))
    mask = load_mask(checked.dataset.cases[1])
    assert image.shape == (1, 10, 32, 40)
    assert image.dtype == np.int16
    assert np.unique(mask).tolist() == [0, 1, 2, 3]
    bladder, rectum = (ndimage.center_of_mass(mask == organ) for organ in (1, 3))
    assert rectum[1] > bladder[1]  # the axes of the arrays came back
    assert geometry(tmp_path / "images" / "pelvis-000.nii.gz").orientation == "LPS"


def test_more_cases_do_not_change_the_first(tmp_path: Path) -> None:
    for name, n, seed in (("a", 1, 3), ("b", 2, 3), ("c", 1, 4)):
        write_organ_phantoms(tmp_path / name, n, seed=seed, shape=(8, 24, 24), spacing=(9.0, 4.0, 4.0))

    def content(name: str) -> list[bytes]:
        return [(tmp_path / name / kind / "pelvis-000.nii.gz").read_bytes() for kind in ("images", "masks")]

    assert content("a") == content("b")
    assert content("a") != content("c")


def test_impossible_ones(tmp_path: Path) -> None:
    for shape, spacing in (
        ((24, 96), (1.0, 1.0)),
        ((4, 96, 96), (1, 1, 1)),
        ((9, 9, 9), (1, 0, 1)),
        ((9, 9, 9), (1, 1)),
    ):
        with pytest.raises(IsthmusError, match="give slices, rows and columns"):
            organ_phantom(0, shape, spacing)
    with pytest.raises(IsthmusError, match="request at least one"):
        write_organ_phantoms(tmp_path, 0)

"""ISBI-2012: the real stack, where it is present, and files written in its layout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from isthmus.data.cases import load
from isthmus.data.catalog import DATASETS
from isthmus.data.checks.check import check_dataset
from isthmus.data.sources import open_dataset
from isthmus.data.splits.folds import holdout
from isthmus.errors import IsthmusError


def test_isbi_2012_real(shared_data: Path) -> None:
    dataset = open_dataset("isbi-2012", shared_data / "isbi-2012")
    assert [case.id for case in dataset.cases] == [f"slice-{i:02d}" for i in range(30)]
    assert {case.group for case in dataset.cases} == {case.id for case in dataset.cases}
    assert (dataset.classes, dataset.resize) == (("background", "cell"), (256, 256))
    assert "10.1371/journal.pbio.1000502" in dataset.citation
    assert "non-commercial" in dataset.terms
    checked = check_dataset(dataset)
    assert {facts.shape for facts in checked.cases} == {(1, 512, 512)}
    assert np.mean([facts.shares[0] for facts in checked.cases]) == pytest.approx(
        0.22, abs=0.01
    )  # its README
    image, label = load(dataset.cases[4], dataset)
    np.testing.assert_array_equal(
        image[0], tifffile.imread(shared_data / "isbi-2012" / "train-volume.tif")[4]
    )
    np.testing.assert_array_equal(
        label * 255, tifffile.imread(shared_data / "isbi-2012" / "train-labels.tif")[4]
    )
    named = [f"slice-{i:02d}" for i in (0, 3, 12, 15, 21, 25)]
    assert holdout(dataset.cases, validation=named).validation == tuple(named)


def test_isbi_2012_cells_are_the_foreground(tmp_path: Path) -> None:
    stack = np.zeros((30, 8, 9), np.uint8)
    tifffile.imwrite(tmp_path / "train-volume.tif", stack)
    stack[:, 2:, :] = 255
    stack[7, :, 4] = 0
    tifffile.imwrite(tmp_path / "train-labels.tif", stack)
    dataset = open_dataset("isbi-2012", tmp_path)
    np.testing.assert_array_equal(load(dataset.cases[7], dataset)[1] == 1, stack[7] == 255)


def test_isbi_2012_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(IsthmusError, match=r"no train-volume\.tif here; isbi-2012 is a folder with"):
        DATASETS["isbi-2012"].read(tmp_path)
    for name in ("train-volume.tif", "train-labels.tif"):
        tifffile.imwrite(tmp_path / name, np.zeros((29, 8, 8), np.uint8))
    with pytest.raises(IsthmusError, match="has 29 pages, not 30; download"):
        DATASETS["isbi-2012"].read(tmp_path)

"""Every data set of the catalogue is read from its layout, and refuses any other folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from isthmus.data.catalog import DATASETS
from isthmus.data.checks.check import check_dataset

from .layouts import GREY, WRITERS, put, read, refusal


def test_every_data_set_has_a_layout_here() -> None:
    assert set(WRITERS) | {"isbi-2012"} == set(DATASETS)


@pytest.mark.parametrize("name", WRITERS)
def test_layout(tmp_path: Path, name: str) -> None:
    root = tmp_path / "größe 1"
    WRITERS[name](root)
    dataset = read(name, root)
    checked = check_dataset(dataset, workers=1)
    assert len({case.id for case in dataset.cases}) == len(dataset.cases) > 0
    assert checked.values == dataset.values
    assert max(sum(fact.shares[1:]) for fact in checked.cases) > 0
    assert read(name, tmp_path).cases == dataset.cases  # the folder above will do


@pytest.mark.parametrize("name", WRITERS)
def test_another_folder(tmp_path: Path, name: str) -> None:
    put(tmp_path / "photos" / "a.png", GREY)
    line = refusal(name, tmp_path)
    assert "\n" not in line
    assert str(tmp_path) in line
    assert DATASETS[name].layout in line

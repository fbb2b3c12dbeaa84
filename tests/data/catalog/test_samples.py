"""The catalog on real files of its data sets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from isthmus.data.cases import Dataset, load
from isthmus.data.catalog import DATASETS
from isthmus.data.checks.check import Checked, check_dataset
from isthmus.data.sources import open_dataset
from isthmus.data.splits.folds import kfold
from isthmus.errors import IsthmusError


@pytest.fixture
def opened(shared_data: Path) -> object:
    return lambda name, folder: open_dataset(name, shared_data / folder)


def checked(dataset: Dataset, cases: int, groups: int, channels: int) -> Checked:
    """Checks that every file can be read, that every mask fits, and that nothing the entry states was guessed."""
    found = check_dataset(dataset, workers=2)
    assert (len(found.cases), len({case.group for case in dataset.cases})) == (cases, groups)
    assert found.channels == channels
    entry = DATASETS[dataset.name]
    assert found.values == dataset.values
    assert dataset.citation == entry.citation
    assert dataset.resize == entry.resize
    assert found.dataset.instances == entry.instances
    assert entry.tried or dataset.name == "nuclei-3627"
    assert all(0 < fact.shares[0] < 1 for fact in found.cases)
    return found


def test_isic_2018(opened) -> None:
    checked(opened("isic-2018", "isic-2018"), 9, 9, 3)


def test_lgg_mri(opened, shared_data: Path) -> None:
    dataset = opened("lgg-mri", "lgg-mri")
    checked(dataset, 22, 7, 3)
    numbers = [int(c.id.rsplit("_", 1)[1]) for c in dataset.cases if c.group == "TCGA_CS_4944_20010208"]
    assert numbers == sorted(numbers)
    assert numbers[-1] > 9 > numbers[0]  # as text, 13 would come first
    assert opened("lgg-mri", "lgg-mri/kaggle_3m").cases == dataset.cases
    for split in kfold(dataset.cases, 5):
        assert not {i.rsplit("_", 1)[0] for i in split.train} & {
            i.rsplit("_", 1)[0] for i in split.validation
        }


def test_glas_2015_original_and_converted(opened) -> None:
    whole = opened("glas-2015", "glas-2015")
    checked(whole, 20, 20, 3)
    assert [case.id for case in whole.cases][:4] == ["testA_8", "testA_19", "testA_33", "testA_41"]
    original = opened("glas-2015", "glas-2015/Warwick QU Dataset (Released 2016_07_08)")
    assert [case.id for case in original.cases] == ["train_1"]
    assert len(opened("glas-2015", "glas-2015/converted-jpg-png").cases) == 19
    _, label = load(original.cases[0], original)
    assert (label.shape, set(np.unique(label))) == ((522, 775), {0, 1})


@pytest.mark.parametrize("name", ["dsb-2018", "nuclei-3627"])
def test_nuclei(opened, name: str) -> None:
    dataset = opened(name, "dsb-2018")
    assert len(dataset.cases) == 120
    assert sum(len(case.masks) for case in dataset.cases) == 5060
    few = sorted(dataset.cases, key=lambda case: len(case.masks))[:8]
    checked(
        Dataset(name, tuple(few), dataset.values, dataset.classes, dataset.resize, dataset.citation), 8, 8, 3
    )


def test_cvc_clinicdb_is_one_sequence(opened) -> None:
    dataset = opened("cvc-clinicdb", "cvc-clinicdb")
    checked(dataset, 10, 1, 3)
    assert [case.id for case in dataset.cases] == [str(n) for n in range(1, 20, 2)]
    with pytest.raises(IsthmusError, match="10 cases of one group"):
        kfold(dataset.cases, 5)


def test_kvasir_seg(opened) -> None:
    assert checked(opened("kvasir-seg", "kvasir-seg"), 10, 10, 3).values.rule == "threshold"


def test_brats_named_by_deepmedic(opened) -> None:
    dataset = opened("brats", "brats-2015-deepmedic")
    found = checked(dataset, 4, 4, 2)
    assert [case.group for case in dataset.cases] == [f"Brats15_2013_pat000{n}" for n in (3, 4, 5, 6)]
    assert [case.spacing for case in dataset.cases] == [(2, 2, 2)] * 3 + [(1, 1, 1)]
    assert [fact.shape for fact in found.cases] == [(2, 78, 120, 120)] * 3 + [(2, 48, 240, 240)]
    assert len(dataset.classes) == 5  # label 3 is there, unlike from 2017 on
    assert sum(fact.shares[3] for fact in found.cases) > 0
    assert [source.path.name.rsplit("_", 1)[1] for source in dataset.cases[0].images] == [
        "flair.nii.gz",
        "t1ce.nii.gz",
    ]


def test_finding_lungs_ct(opened) -> None:
    checked(opened("finding-lungs-ct", "finding-lungs-ct"), 10, 10, 1)


def test_multi_organ_ct(opened) -> None:
    dataset = opened("multi-organ-ct", "ct-totalsegmentator")
    (fact,) = checked(dataset, 1, 1, 1).cases
    assert fact.shape == (1, 30, 101, 122)
    assert len(dataset.classes) == 42  # 41 organs, which is too many to be told from object numbers by number
    assert dataset.classes[-1] == "organ 117"
    assert dataset.cases[0].spacing == (3, 3, 3)

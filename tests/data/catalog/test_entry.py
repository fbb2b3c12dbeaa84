"""The registry of data sets: complete entries, and names that are unique."""

from __future__ import annotations

from dataclasses import replace

import pytest

from isthmus.data.catalog import DATASETS, register_dataset


def test_every_entry_is_complete() -> None:
    for name, entry in DATASETS.items():
        assert entry.name == name
        assert entry.title
        assert entry.layout


def test_a_name_is_registered_once() -> None:
    with pytest.raises(ValueError, match="a data set named 'brats' is registered already"):
        register_dataset(replace(DATASETS["isbi-2012"], name="brats"))

"""DSB-2018: the masks of single nuclei are united."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from isthmus.data.cases import load

from .layouts import MASK, dsb, read, refusal


def test_nuclei_are_united(tmp_path: Path) -> None:
    dsb(tmp_path)
    dataset = read("dsb-2018", tmp_path)
    assert [case.id for case in dataset.cases] == ["0a", "0b"]
    image, label = load(dataset.cases[0], dataset)
    assert image.shape == (3, 8, 10)
    np.testing.assert_array_equal(label, (MASK | MASK[::-1]) > 0)
    shutil.rmtree(tmp_path / "stage1_train" / "0b" / "masks")
    assert "0b: an image without masks" in refusal("dsb-2018", tmp_path)

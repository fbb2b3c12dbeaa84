"""What is written of measured objects replaces nothing but what was written before."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from isthmus.errors import IsthmusError
from isthmus.measurement.measure import measure
from isthmus.report import objects_page
from isthmus.report.measured import save

TWO = np.zeros((8, 12), np.uint8)
TWO[1:3, 1:5] = 1
TWO[4:8, 6:8] = 1


@pytest.mark.parametrize("name", ["t.csv", "t-images.csv", "t.html"])
def test_only_earlier_results_are_replaced(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects_page, "_charts", lambda _: [])
    found = measure(TWO)
    save(found, tmp_path / "t.csv")
    save(found, tmp_path / "t.csv")  # its own, without a word
    (tmp_path / name).write_text("mine")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(IsthmusError, match=rf"{re.escape(name)} exists already"):
        save(found, tmp_path / "t.csv")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    save(found, tmp_path / "t.csv", overwrite=True)
    assert (tmp_path / name).read_text(encoding="utf-8") != "mine"

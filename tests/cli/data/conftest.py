"""Data sets that every test may change."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from isthmus.data.phantoms.cells import write_phantoms


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Ten phantoms in a folder whose name holds a blank and an umlaut."""
    write_phantoms(tmp_path / "my däta", 10, 64, seed=2)
    return tmp_path / "my däta"


@pytest.fixture
def leaky(data: Path) -> Path:
    for kind in ("images", "masks"):
        shutil.copy(data / kind / "phantom-003.png", data / kind / "other.png")
    return data

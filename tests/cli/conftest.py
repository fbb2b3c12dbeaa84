"""A data set and a run that several commands are tried on; no test changes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from isthmus.data.phantoms.cells import write_phantoms

from .calls import SMALL, call


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli") / "my data ü"
    write_phantoms(folder, 5, 64, seed=2)
    return folder


@pytest.fixture(scope="session")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "run"
    assert call("train", data, *SMALL, "--out", out) == 0
    return out

"""A small data set of the user's own and a recipe that trains on it in a second or two."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from isthmus import training
from isthmus.data.phantoms.cells import write_phantoms
from isthmus.runs.folder import RunFolder
from isthmus.runs.recipe import Recipe, make_recipe
from isthmus.training.loop.stop import Stopped

from .watches import Asking


@pytest.fixture(scope="session")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("phantoms")
    write_phantoms(folder, 6, 64, seed=1)
    return folder


@pytest.fixture(scope="session")
def small(phantoms: Path) -> Any:
    """A function from overrides to a recipe."""

    def recipe(**sections: dict[str, Any]) -> Recipe:
        base: dict[str, Any] = {
            "data": {"source": str(phantoms)},
            "network": {"model": "unet_instance", "options": {"widths": [4, 8]}},
            "training": {"epochs": 4, "batch": 2, "samples": 4},
            "input": {"patch": 32},
            "hardware": {"threads": 1, "device": "cpu"},
        }
        return make_recipe("default", base, sections)

    return recipe


@pytest.fixture
def stopped(small: Any, tmp_path: Path) -> RunFolder:
    """A run of 4 epochs that was stopped in its third."""
    with pytest.raises(Stopped):
        training.train(small(), tmp_path / "stopped", watch=Asking(4))
    return RunFolder.open(tmp_path / "stopped")

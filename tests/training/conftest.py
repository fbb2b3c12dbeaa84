"""A small data set of the user's own and a recipe that trains on it in a second or two."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from isthmus.data.phantoms.cells import write_phantoms
from isthmus.runs.recipe import Recipe, make_recipe


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

"""Every row is the recipe of `isthmus train`, and the page shows medians."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.accuracy import isbi_2012
from isthmus.runs.recipe import make_recipe


@pytest.mark.parametrize("row", isbi_2012.CHANGES)
def test_every_row_is_a_recipe(row: str, tmp_path: Path) -> None:
    recipe = make_recipe("default", isbi_2012.sections(row, 2, tmp_path))
    assert recipe.training.seed == 2
    assert list(recipe.protocol.validation or ()) == list(isbi_2012.VALIDATION)


def test_the_page_shows_the_median_of_the_seeds() -> None:
    runs = {
        str(seed): {"dice": seed / 10, "iou": seed / 20, "minutes": 1.0, "epochs": 5} for seed in (1, 2, 9)
    }
    machine = {"processor": "p", "cores": 2, "python": "3", "versions": {}}
    page = isbi_2012.page([{"rows": [{"name": "unet", "values": runs, "machine": machine}]}])
    assert "| unet | 3 | 5 | 1.0 | 0.2000 | **0.1000** | 0.0500 to 0.4500 |" in page[2]

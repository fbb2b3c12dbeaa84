"""Every row of the ablation is a recipe, and each is compared over scans and seeds."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.boundaries import organs_runs
from isthmus.runs.recipe import make_recipe


@pytest.mark.parametrize("row", organs_runs.OVERRIDES)
def test_every_row_of_the_ablation_is_a_recipe(row: str, tmp_path: Path) -> None:
    recipe = make_recipe("default", organs_runs.sections(row, 3, tmp_path))
    assert recipe.training.seed == 3
    assert recipe.cleanup.merge
    assert not set(recipe.protocol.validation or ()) & set(recipe.protocol.test or ())

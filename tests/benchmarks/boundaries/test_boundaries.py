"""The page of the boundaries is what its JSON says, and its recipes are recipes."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.boundaries import nuclei, organs
from benchmarks.boundaries.page import page
from benchmarks.boundaries.runs import PAGE, PICTURES

from isthmus.runs.recipe import make_recipe

LARGEST = 3 * 2**20  # bytes of all pictures together


def test_the_page_is_made_of_the_committed_results() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()


def test_its_pictures_are_all_there_and_small() -> None:
    named = set(re.findall(r"\(boundaries/([^)]+)\)", page()))
    assert named == {path.name for path in PICTURES.iterdir()}
    assert sum(path.stat().st_size for path in PICTURES.iterdir()) < LARGEST


def test_no_image_is_on_two_sides(shared_data: Path) -> None:
    test, choosing = nuclei.divide(shared_data / "dsb-2018")
    assert (len(set(test)), len(set(choosing))) == (40, 8)
    assert not set(test) & set(choosing)


@pytest.mark.parametrize("row", organs.OVERRIDES)
def test_every_row_of_the_ablation_is_a_recipe(row: str, tmp_path: Path) -> None:
    recipe = make_recipe("default", organs.sections(row, 3, tmp_path))
    assert recipe.training.seed == 3
    assert recipe.cleanup.merge
    assert not set(recipe.protocol.validation or ()) & set(recipe.protocol.test or ())

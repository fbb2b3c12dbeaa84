"""`Settings`: one default for each parameter, whether a loss is called directly or by a recipe."""

from __future__ import annotations

import inspect
import subprocess
import sys
from dataclasses import asdict

import pytest

from isthmus.objectives import LOSSES, Settings, contour_map, difficulty_map

CALLS = [
    (entry.function, keyword, setting)
    for entry in LOSSES.values()
    for keyword, setting in entry.parameters.items()
    if setting != "class_weights"  # must be given
] + [
    (contour_map, "sigma", "contour_sigma"),
    *((difficulty_map, key, f"difficulty_{key}") for key in ("sigma", "base", "weight", "normalise")),
]


@pytest.mark.parametrize(("function", "keyword", "setting"), CALLS)
def test_the_default_of_a_function_is_that_of_the_settings(function, keyword, setting) -> None:
    assert inspect.signature(function).parameters[keyword].default == asdict(Settings())[setting]


def test_the_recipe_can_read_them_without_torch() -> None:
    code = "import isthmus.runs.recipe, sys; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)

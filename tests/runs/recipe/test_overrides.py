"""Recipe values from the command line: ``section.key=value``."""

from __future__ import annotations

import pytest

from isthmus.errors import IsthmusError
from isthmus.runs.recipe import make_recipe, parse_overrides


def test_overrides_are_read_as_yaml_and_may_leave_out_the_section() -> None:
    assert parse_overrides(
        ["epochs=5", "training.learning_rate=1e-3", "input.resize=[64, 32]", "augment=none"]
    ) == {
        "training": {"epochs": 5, "learning_rate": 1e-3, "augment": "none"},
        "input": {"resize": [64, 32]},
    }


@pytest.mark.parametrize("word", ["epochs", "=5", "training..epochs=5", "epochz=5", "input.resize=[1,"])
def test_what_is_no_override_is_refused(word: str) -> None:
    with pytest.raises(IsthmusError):
        parse_overrides([word])


def test_powers_of_ten_without_a_point_are_numbers_in_lists_too() -> None:
    given = parse_overrides(["input.spacing=[1e-1,1]", "training.milestones=[5e-1]"])
    recipe = make_recipe("default", {"data": {"source": "x"}}, given)
    assert recipe.input.spacing == (0.1, 1.0)
    assert recipe.training.milestones == [0.5]
    with pytest.raises(IsthmusError, match="must be auto, or the millimetres along each axis"):
        make_recipe("default", {"data": {"source": "x"}}, parse_overrides(["input.spacing=[fine,1]"]))

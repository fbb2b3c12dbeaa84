"""Recipe values from the command line: ``section.key=value``."""

from __future__ import annotations

import pytest

from isthmus.errors import IsthmusError
from isthmus.runs.recipe import parse_overrides


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

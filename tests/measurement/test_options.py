"""Options that cannot be."""

from __future__ import annotations

from typing import Any

import pytest

from isthmus.errors import IsthmusError
from isthmus.measurement.options import MeasureOptions


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"unit": "inch"}, "unit='inch' is not one in which lengths are given"),
        ({"pixel_size": 0}, "not a positive number"),
        ({"pixel_size": (1, -1)}, "not a positive number"),
        ({"pixel_size": float("nan")}, "not a positive number"),
        ({"classes": {1: "a"}, "instances": True}, "give one of them"),
    ],
)
def test_options_that_cannot_be(given: dict[str, Any], said: str) -> None:
    with pytest.raises(IsthmusError, match=said):
        MeasureOptions(**given)


def test_sizes_are_in_the_unit() -> None:
    assert MeasureOptions().size_of((0.5, 0.25), 2, "m") == (0.5, 0.25)
    assert MeasureOptions(unit="nm").size_of((0.5, 0.25), 2, "m") == (500, 250)
    assert MeasureOptions(unit="mm").size_of(None, 2, "m") is None
    assert MeasureOptions(unit="mm", pixel_size=2).size_of((0.5, 0.25), 3, "m") == (2, 2, 2)
    assert MeasureOptions(pixel_size=(1, 2)).size_of(None, 2, "m") == (1, 2)

"""Sections: ranges, help texts, and settings taken over from plain dataclasses."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import pytest
from pydantic import ValidationError

from isthmus.runs.recipe.recipe import sections
from isthmus.runs.recipe.section import Section, help_of, range_of
from isthmus.settings import Range


@dataclass
class Plain:
    share: Annotated[float | None, Range(0, below=1), "A share."] = 0.5
    counts: Annotated[list[int], Range(1), "Counts."] = None  # type: ignore[assignment]


class Wrapped(Section, Plain):
    names: Annotated[dict[str, int] | bool, Range(2), "Sizes by name."] = False


def test_a_field_of_a_dataclass_is_a_key_with_its_default_range_and_help() -> None:
    made = Wrapped(share=0.25)
    assert isinstance(made, Plain)
    assert (made.share, Wrapped().share) == (0.25, 0.5)
    assert (range_of(Wrapped, "share"), help_of(Wrapped, "share")) == (Range(0, below=1), "A share.")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("share", 1),
        ("share", -1e-9),
        ("share", math.nan),
        ("counts", [1, 0]),
        ("names", {"a": 3, "b": 1}),
    ],
)
def test_each_number_of_a_value_must_be_in_range(key: str, value: object) -> None:
    with pytest.raises(ValidationError, match="must be at least"):
        Wrapped(**{key: value})


@pytest.mark.parametrize(("key", "value"), [("share", True), ("counts", [1, True]), ("counts", {"a": False})])
def test_true_is_not_the_number_1(key: str, value: object) -> None:
    with pytest.raises(ValidationError, match="must be a number, not true or false"):
        Wrapped(**{key: value})


@pytest.mark.parametrize(
    "values", [{"share": 0}, {"share": None}, {"counts": []}, {"names": True}, {"names": {"a": 2}}]
)
def test_what_is_in_range_or_no_number_is_taken(values: dict[str, object]) -> None:
    assert Wrapped(**values).model_dump(include=set(values)) == values


def test_every_key_of_the_recipe_has_a_help_text_that_is_a_sentence() -> None:
    for section in sections().values():
        for key in section.model_fields:
            text = help_of(section, key)
            assert text.endswith((".", ")."))
            assert text[0].isupper() or text[0] == "`"

"""What every section of the recipe has: strict keys, and ranges that are checked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator

from isthmus.settings import Range


class Section(BaseModel):
    """A part of the recipe; unknown keys are refused.

    Each key is annotated with its help text, and with a `Range` where its numbers are bounded. A section can inherit
    from a plain dataclass of settings (`isthmus.settings`): its fields become keys of the recipe.
    """

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    @field_validator("*")
    @classmethod
    def _in_range(cls, value: Any, info: ValidationInfo) -> Any:
        bounds = range_of(cls, str(info.field_name))
        if bounds and not all(number in bounds for number in _numbers(value)):
            raise ValueError(f"must be {bounds}")
        return value


def range_of(section: type[BaseModel], key: str) -> Range | None:
    """Returns the bounds of a key's numbers."""
    return next((mark for mark in section.model_fields[key].metadata if isinstance(mark, Range)), None)


def help_of(section: type[BaseModel], key: str) -> str:
    """Returns the help text of a key."""
    return next(mark for mark in section.model_fields[key].metadata if isinstance(mark, str))


def _numbers(value: Any) -> Iterator[float]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for each in value:
            yield from _numbers(each)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield value

"""What every section of the recipe has: strict keys, and ranges that are checked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator

from isthmus.settings import Range


class Section(BaseModel):
    """A part of the recipe; unknown keys are refused.

    Each key is annotated with its help text, and with a `Range` where its numbers are bounded. A section can inherit
    from a plain dataclass of settings (`isthmus.settings`): its fields become keys of the recipe.
    """

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_value(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuses true and false, and YAML's yes and no, where a number is meant: they would be read as 1 and 0."""
        kinds = set(_parts(cls.model_fields[str(info.field_name)].annotation))
        numeric = kinds & {int, float} and not kinds & {bool, Any}
        if numeric and any(isinstance(each, bool) for each in _leaves(value)):
            raise ValueError("must be a number, not true or false")
        return value

    @field_validator("*")
    @classmethod
    def _in_range(cls, value: Any, info: ValidationInfo) -> Any:
        bounds = range_of(cls, str(info.field_name))
        if bounds and not all(number in bounds for number in _numbers(value)):
            raise ValueError(f"must be {bounds}")
        return value


def number_of(value: Any) -> Any:
    """Returns the number in a text; anything else as it is. YAML 1.1 reads 1e-3, which has no point, as text.

    >>> number_of("1e-3"), number_of("auto"), number_of(2)
    (0.001, 'auto', 2)
    """
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


def range_of(section: type[BaseModel], key: str) -> Range | None:
    """Returns the bounds of a key's numbers."""
    return next((mark for mark in section.model_fields[key].metadata if isinstance(mark, Range)), None)


def help_of(section: type[BaseModel], key: str) -> str:
    """Returns the help text of a key."""
    return next(mark for mark in section.model_fields[key].metadata if isinstance(mark, str))


def _numbers(value: Any) -> Iterator[float]:
    return (each for each in _leaves(value) if isinstance(each, int | float) and not isinstance(each, bool))


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for each in value:
            yield from _leaves(each)
    else:
        yield value


def _parts(annotation: Any) -> Iterator[Any]:
    """Yields the types that an annotation is made of."""
    yield annotation
    for each in get_args(annotation) if get_origin(annotation) is not Literal else ():
        yield from _parts(each)

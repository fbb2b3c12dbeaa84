"""Validates the plain values of text files against the types that they should have.

A shape is a dataclass or a table such as ``dict[str, list[str]]``; keys that it does not name are ignored. Only this
module, `isthmus.runs` and `isthmus.studies` use pydantic.
"""

from __future__ import annotations

from collections.abc import Hashable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

from isthmus.errors import IsthmusError
from isthmus.files import read_json

T = TypeVar("T")

RESTORE = "restore the file"


def read_as(path: Path, shape: type[T], cure: str = RESTORE) -> T:
    """Reads a JSON file of this shape.

    Args:
        cure: what the user can do if it has another one.

    Raises:
        IsthmusError: as `isthmus.files.read_json`; a value has another type, and is named by its key.
    """
    return shaped(read_json(path), shape, str(path), cure)


def shaped(value: Any, shape: type[T], where: str, cure: str = RESTORE) -> T:
    """Returns plain values as an instance of a shape.

    Raises:
        IsthmusError: a value has another type; the first one is named by its key.

    >>> shaped({"a": ["x"], "b": 3}, dict[str, list[str]], "list.json")
    Traceback (most recent call last):
        ...
    isthmus.errors.IsthmusError: list.json, key 'b': input should be a valid list, found 3; restore the file
    """
    from pydantic import ValidationError

    try:
        checked: T = _adapter(cast(Hashable, shape)).validate_python(value)
        return checked
    except ValidationError as error:
        raise IsthmusError(f"{where}{fault(error)}; {cure}") from error


def fault(error: Any) -> str:
    """Returns the first mistake of a pydantic ``ValidationError``: its key, what is expected, and what was found."""
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "missing":
        return f": no '{key}'"
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] in ("dataclass_type", "dict_type", "model_type"):
        message = "should be a table of named values"
    where = f", key {key!r}" if key else ""
    return f"{where}: {message[:1].lower()}{message[1:]}, found {shown(first['input'])}"


def shown(value: Any) -> str:
    """Returns a value for a message, in at most 60 characters.

    >>> shown([1, 2]), shown("x" * 100)[-5:]
    ('[1, 2]', 'xxxx…')
    """
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a number of thousands of digits
        text = f"a very large {type(value).__name__}"
    return text if len(text) <= 60 else text[:59] + "…"


@cache
def _adapter(shape: Hashable) -> Any:
    from pydantic import TypeAdapter

    adapter: TypeAdapter[Any] = TypeAdapter(cast(Any, shape))
    return adapter

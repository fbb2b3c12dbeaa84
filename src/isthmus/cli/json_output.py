"""Results as one JSON object on standard output, for programs."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from typing import Any

from isthmus.errors import IsthmusError

FLAG = "--json"


class AlreadyPrinted(IsthmusError):
    """An error that the JSON object on standard output states already."""


def emit(value: Mapping[str, Any]) -> None:
    """Prints one JSON object in ASCII, which is the same whatever the encoding of the terminal."""
    print(json.dumps(plain(value), allow_nan=False), flush=True)


def plain(value: Any) -> Any:
    """Turns values into those that JSON has; a number that is not finite becomes null.

    >>> plain({"mean": float("nan"), "size": (256, 256), 1: True})
    {'mean': None, 'size': [256, 256], '1': True}
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set):
        return [plain(each) for each in value]
    if hasattr(value, "item"):  # a number of NumPy's
        return plain(value.item())
    return str(value)

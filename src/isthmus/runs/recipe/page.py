"""The tables of ``docs/recipe.md``: ``python -m isthmus.runs.recipe.page docs`` updates them.

The page is prose with a table for each section. A table is found by its first cell, ``key of `SECTION```, and rewritten
from the types, ranges, defaults and help texts of the recipe; the prose stays as it is.
"""

from __future__ import annotations

import argparse
import inspect
import json
import re
import types
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from isthmus.runs.recipe.presets import PRESETS, TUNED
from isthmus.runs.recipe.recipe import sections
from isthmus.runs.recipe.section import Section, help_of, range_of

TABLE = re.compile(r"^\| key of `(\w+)` \|.*\n(?:\|.*\n)+", re.MULTILINE)
PRESET_TABLE = re.compile(r"^\| key \|.*\n(?:\|.*\n)+", re.MULTILINE)

NAMES = {int: "integer", float: "number", str: "string", bool: "`true` or `false`", Any: "any value"}


def updated(page: str) -> str:
    """Returns the page with its tables as the recipe is now."""
    page = TABLE.sub(lambda found: table(found[1]), page)
    return PRESET_TABLE.sub(lambda _: presets(), page)


def table(name: str) -> str:
    """Returns the table of a section: a row for each key."""
    section = sections()[name]
    lines = [f"| key of `{name}` | values | default | meaning |", "|---|---|---|---|"]
    own = inspect.get_annotations(section)
    for key in sorted(section.model_fields, key=lambda key: key not in own):  # inherited ones last
        default = section.model_fields[key].get_default(call_default_factory=True)
        cells = (f"`{key}`", values_of(section, key), _value(default), help_of(section, key))
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines) + "\n"


def presets() -> str:
    """Returns the table of what the presets set: a row for each key."""
    shown = [TUNED, PRESETS["paper"], PRESETS["keras"]]
    keys = [(name, key) for name, section in sections().items() for key in section.model_fields]
    lines = [
        "| key | `bare` | `default`, with our own network | `paper` | `keras` |",
        "|---|---|---|---|---|",
    ]
    for name, key in keys:
        own = sections()[name].model_fields[key].get_default(call_default_factory=True)
        values = [own, *(preset.get(name, {}).get(key, own) for preset in shown)]
        if any(value != own for value in values):
            lines.append(f"| `{name}.{key}` | {' | '.join(map(_value, values))} |")
    return "\n".join(lines) + "\n"


def values_of(section: type[Section], key: str) -> str:
    """Returns which values a key takes: their type and range.

    >>> from isthmus.runs.recipe import Data, Objective
    >>> values_of(Objective, "focal_alpha"), values_of(Data, "values")
    ('number from 0 to 1, or open', 'mapping from integers to integers')
    """
    kinds = _alternatives(section.model_fields[key].annotation)
    text = _listed([type_name(kind) for kind in kinds if kind is not type(None)])
    bounds = str(range_of(section, key) or "")
    text += f" {bounds}" if bounds.startswith("from") else f", {bounds}" if bounds else ""
    return f"{text}, or open" if type(None) in kinds else text


def type_name(kind: Any, several: bool = False) -> str:
    """Returns the name of a type, in the plural if several are meant.

    >>> type_name(dict[str, list[int]]), type_name(tuple[int, int]), type_name(Literal["a", "b"])
    ('mapping from strings to lists of integers', '2 integers', '`a` or `b`')
    """
    s = "s" * several
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Literal:
        return _listed([f"`{part}`" for part in parts])
    if origin is tuple and parts[-1] is not Ellipsis:
        return f"{len(parts)} {type_name(parts[0], several=True)}"
    if origin in (list, tuple):
        return f"list{s} of {type_name(parts[0], several=True)}"
    if origin is dict:
        key, value = (type_name(part, several=True) for part in parts)
        return f"mapping{s} from {key} to {value}"
    name = NAMES[kind]
    return name if name.startswith("`") or not several else name.replace("any value", "value") + "s"


def _listed(words: list[str]) -> str:
    """Returns alternatives in words: ``a, b or c``."""
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _alternatives(kind: Any) -> tuple[Any, ...]:
    """Returns the types of a union, or the single type."""
    return get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)


def _value(value: Any) -> str:
    """Returns a default as it is written in YAML."""
    if value is None:
        return "open"
    if isinstance(value, str):
        return f"`{value}`" if value else "none"
    if isinstance(value, float):
        return f"`{value:g}`"
    return f"`{json.dumps(value)}`"


def main() -> None:
    parser = argparse.ArgumentParser(description="Update the tables of recipe.md.")
    parser.add_argument("docs", type=Path, help="the folder of the documentation")
    page = parser.parse_args().docs / "recipe.md"
    page.write_text(updated(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()

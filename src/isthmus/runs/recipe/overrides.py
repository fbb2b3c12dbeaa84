"""Recipe values from the command line: ``training.epochs=80``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from isthmus.errors import IsthmusError, nearest
from isthmus.runs.files import parse_yaml
from isthmus.runs.recipe.layers import overlaid
from isthmus.runs.recipe.recipe import sections
from isthmus.runs.recipe.section import number_of


def parse_overrides(assignments: Iterable[str]) -> dict[str, Any]:
    """Reads nested values from ``section.key=value`` words, the value as YAML; the section may be left out.

    >>> parse_overrides(["training.epochs=5", "input.resize=[64, 64]"])
    {'training': {'epochs': 5}, 'input': {'resize': [64, 64]}}
    """
    values: dict[str, Any] = {}
    for word in assignments:
        key, equals, text = word.partition("=")
        parts = key.strip().split(".")
        if not equals or not all(parts):
            raise IsthmusError(
                f"'{word}' is not an override; write section.key=value, e.g. training.epochs=80"
            )
        if len(parts) == 1 and parts[0] not in sections():
            parts = [_section_of(parts[0], word), *parts]
        value = parse_yaml(text, f"the value in '{word}' is not valid YAML", "quote it")
        value = number_of(value)
        for part in reversed(parts):
            value = {part: value}
        values = overlaid(values, value)
    return values


def _section_of(key: str, word: str) -> str:
    """Returns the section that a key belongs to; ``seed``, which exists twice, must be named in full."""
    keys = [(section, key) for section, model in sections().items() for key in model.model_fields]
    owners = {name: section for section, name in keys if name != "seed"}
    if key not in owners:
        full = {name: f"{section}.{name}" for section, name in keys}
        raise IsthmusError(f"'{word}': the recipe has no key '{key}': {nearest(key, full)}")
    return owners[key]

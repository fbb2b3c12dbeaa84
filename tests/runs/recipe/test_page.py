"""The page of the recipe names every key, and no other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from pydantic import BaseModel

from isthmus.runs.recipe import Recipe

PAGE = Path(__file__).resolve().parents[3] / "docs" / "recipe.md"


def test_the_page_has_every_key_of_every_section() -> None:
    tables = re.findall(
        r"\| key of `(\w+)` \|[^\n]*\n\|[-|]+\|\n((?:\|[^\n]*\n)+)", PAGE.read_text(encoding="utf-8")
    )
    named = {
        section: {key for row in rows.splitlines() for key in re.findall(r"`(\w+)`", row.split("|")[1])}
        for section, rows in tables
    }
    sections: dict[str, set[str]] = {}
    for name, field in Recipe.model_fields.items():
        kinds = [field.annotation, *get_args(field.annotation)]
        (model,) = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
        sections[name] = set(model.model_fields)
    sections["input"] -= {"mean", "deviation"}  # filled in, and told beside "normalise"
    assert named == sections

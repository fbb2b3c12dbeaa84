"""Markdown of a page: paragraphs, tables, pictures, YAML, spreads."""

from __future__ import annotations

import statistics
import textwrap
from collections.abc import Sequence
from typing import Any

import yaml


def text(*pieces: str) -> list[str]:
    """Pieces joined to one paragraph."""
    return [*textwrap.wrap(" ".join(pieces), 118, break_long_words=False, break_on_hyphens=False), ""]


def table(heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    """A table; None is a dash."""
    body = [f"| {' | '.join('-' if cell is None else str(cell) for cell in row)} |" for row in rows]
    return [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads), *body, ""]


def picture(name: str, about: str) -> list[str]:
    """A picture beside the page."""
    return [f"![{about}](boundaries/{name})", ""]


def recipe(sections: dict[str, Any]) -> list[str]:
    """Recipe sections as YAML."""
    return ["```yaml", *yaml.safe_dump(sections, sort_keys=False, width=110).rstrip().splitlines(), "```", ""]


def inline(values: Any) -> str:
    """Values as YAML on one line."""
    return yaml.safe_dump(values, default_flow_style=True, sort_keys=False, width=1000).strip()


def spread(values: Sequence[float], digits: int) -> str:
    """Mean ± standard deviation; of one value that value."""
    mean = f"{statistics.fmean(values):.{digits}f}"
    return mean if len(values) < 2 else f"{mean} ± {statistics.stdev(values):.{digits}f}"

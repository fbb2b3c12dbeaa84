"""The page of data sets says what the registry says."""

from __future__ import annotations

from pathlib import Path

from isthmus.data.catalog import DATASETS
from isthmus.data.catalog.page import page

PAGE = Path(__file__).resolve().parents[3] / "docs" / "data-sets.md"


def test_the_page_is_what_the_registry_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "write it anew: python -m isthmus.data.catalog.page"


def test_every_entry_says_where_it_is_from() -> None:
    text = page()
    for entry in DATASETS.values():
        assert f"## {entry.name}\n" in text
        assert entry.citation
        assert entry.terms
        assert entry.groups
        assert (entry.values is None) == (entry.classes == ())
        assert entry.values is None or entry.values.classes == len(entry.classes)
    assert text.count("not tried on the real files") == 2 * sum(
        not entry.tried for entry in DATASETS.values()
    )

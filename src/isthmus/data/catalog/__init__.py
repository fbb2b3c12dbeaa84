"""Public data sets by name, one small module each: cases, classes, citation and terms."""

from __future__ import annotations

from isthmus.data.catalog import isbi_2012
from isthmus.data.catalog.entry import Entry

__all__ = ["DATASETS", "Entry"]

DATASETS: dict[str, Entry] = {entry.name: entry for entry in (isbi_2012.ENTRY,)}

"""The pictures of the page are all there, and small."""

from __future__ import annotations

import re

from benchmarks.boundaries import PICTURES

LARGEST = 3 * 2**20  # bytes of all pictures together


def test_the_pictures_of_the_page_are_all_there_and_small() -> None:
    page = PICTURES.with_suffix(".md").read_text(encoding="utf-8")
    assert set(re.findall(r"\(boundaries/([^)]+)\)", page)) == {path.name for path in PICTURES.iterdir()}
    assert sum(path.stat().st_size for path in PICTURES.iterdir()) < LARGEST

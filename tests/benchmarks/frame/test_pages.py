"""The page of benchmarks says what the committed results say."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks import page


def test_the_committed_page_is_made_of_the_committed_results() -> None:
    assert page.PAGE.read_text(encoding="utf-8") == page.page()

"""The committed search is what its candidates and the calibration make."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

from benchmarks.accuracy import search
from isthmus.runs.files import read_yaml


def test_the_committed_search_is_up_to_date(shared_data: Path) -> None:
    assert read_yaml(search.STUDY) == search.study(shared_data)

"""The scores of a study: read from finished cells only, which must all have the same files."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from isthmus.errors import IsthmusError
from isthmus.studies.page import write_study
from isthmus.studies.results import better
from isthmus.studies.study import Measure

from .known import DICE, by_fold, make, rows


def test_runs_on_other_files_are_not_compared(small: Any, tmp_path: Path) -> None:
    folder = make(small(folds=2), tmp_path / "study", by_fold({}))
    data = folder.run(folder.plan().cells[0].name).data
    data.write_text(data.read_text().replace("digest of c0-1", "another"))
    with pytest.raises(IsthmusError, match="case 'c0-1' of phantoms had other files"):
        write_study(folder)


def test_tables_need_a_finished_cell(small: Any, tmp_path: Path) -> None:
    folder = make(small(), tmp_path / "study", by_fold({}))
    for cell in folder.plan().cells:
        folder.run(cell.name).cost.unlink()
    with pytest.raises(IsthmusError, match="no cell is finished yet"):
        write_study(folder)


def test_scores_that_are_undefined_are_left_out_of_all(small: Any, tmp_path: Path) -> None:
    """The distance of an empty case is undefined; the case is left out for every network."""

    def dices(network: str, fold: int, repeat: int) -> dict[str, float]:
        found = dict(by_fold({"U-Net": 0.1})(network, fold, repeat))
        if network == "U-Net":
            found["c0-3"] = math.nan
        return found

    folder = make(small(folds=4, measures=[DICE]), tmp_path / "study", dices)
    write_study(folder)
    assert rows(folder, "tests")[0]["cases"] == "39"


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("dice", 1),
        ("hausdorff_distance", -1),
        ("parameters", -1),
        ("peak_memory_bytes", -1),
        ("truth_objects", 0),
    ],
)
def test_which_direction_of_a_measure_is_better(column: str, expected: int) -> None:
    assert better(Measure(name="a", column=column)) == expected

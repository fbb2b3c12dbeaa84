"""The table of pairwise comparisons: which cases are compared, and what it says where nothing can be tested."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from isthmus.studies.page import write_study

from ..known import DICE, by_fold, make, rows


def test_unfinished_cells_are_counted_and_only_shared_cases_are_tested(small: Any, tmp_path: Path) -> None:
    folder = make(small(folds=4, measures=[DICE]), tmp_path / "study", by_fold({"U-Net": 0.1}))
    lost = next(cell for cell in folder.plan().cells if cell.network == "U-Net" and cell.fold == 2)
    folder.run(lost.name).cost.unlink()
    write_study(folder)
    assert [(row["network"], row["cells"]) for row in rows(folder, "scores")] == [
        ("U-Net", "3"),
        ("Sharp U-Net", "4"),
    ]
    assert rows(folder, "tests")[0]["cases"] == "30"
    assert "3 of 4" in (folder.tables / "scores.md").read_text()


def test_one_case_and_one_fold_are_told_without_tests_of_nothing(small: Any, tmp_path: Path) -> None:
    for test in ("wilcoxon", "t", "t-folds", "corrected"):
        study = small(folds=1, recipe={}, test=test, measures=[DICE])
        folder = make(study, tmp_path / test, lambda network, *_: {"only": 0.5 + 0.1 * (network == "U-Net")})
        write_study(folder)
        assert [row["DC, bold"] for row in rows(folder, "scores")] == ["1", "1"]
        assert [row["DC, sd"] for row in rows(folder, "scores")] == ["", ""]

"""The page of a study is whole, and is rewritten when a table is lost."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from isthmus.studies.page import write_study

from .known import DICE, by_fold, make


def test_the_page_is_whole_and_needs_nothing_else(small: Any, tmp_path: Path) -> None:
    study = small(
        folds=4,
        title="Nets & <nets>",
        figures=["curves", "boxes", "bars", "influence"],
        grid={"training.batch": [2, 4]},
        measures=[DICE],
    )
    folder = make(study, tmp_path / "study", by_fold({"U-Net": 0.1}))
    write_study(folder)
    page = folder.page.read_text(encoding="utf-8")
    assert "Nets &amp; &lt;nets&gt;" in page
    assert not re.search(r'(src|href)="(?!#|data:)', page)
    anchors = set(re.findall(r'href="#((?:table|figure)-[\w-]+)"', page))
    assert anchors <= set(re.findall(r'id="([\w-]+)"', page))
    assert len(anchors) == 4 + 4
    assert page.count("<svg") >= 4
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert {path.suffix for path in folder.tables.iterdir()} == {".csv", ".tex", ".md"}


def test_lost_tables_are_written_anew(small: Any, tmp_path: Path) -> None:
    folder = make(small(folds=4, measures=[DICE]), tmp_path / "study", by_fold({}))
    write_study(folder)
    assert folder.page_is_current()
    (folder.tables / "scores.md").unlink()
    assert not folder.page_is_current()

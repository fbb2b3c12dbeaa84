"""What every table says about scale, data, grid and protocol."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from isthmus.studies.page import write_study

from ..known import by_fold, make, rows


def test_every_table_says_scale_grid_protocol_and_phantoms(small: Any, tmp_path: Path) -> None:
    plan = {"scale": "small", "drawn": ("phantoms",), "absent": ("ISIC-2018",)}
    notes = ["the best epoch is chosen on the scored cases, so scores are optimistic"]
    folder = make(small(folds=4), tmp_path / "study", by_fold({}), plan=plan, notes=notes)
    for each in write_study(folder):
        if each.name == "cells":
            continue
        for text in (each.caption, each.markdown(), each.latex()):
            assert "Scale: small" in text
            assert "on the grid the network sees" in text
            assert "Protocol: kfold" in text
            assert "Cases: phantoms 40." in text
            assert "Phantoms replace missing data: phantoms." in text
            assert "Not given, and left out: ISIC-2018." in text
            assert "The best epoch is chosen on the scored cases" in text
        assert {row["scale"] for row in rows(folder, each.name)} == {"small"}
    assert "| phantoms (phantoms) | U-Net |" in (folder.tables / "scores.md").read_text()

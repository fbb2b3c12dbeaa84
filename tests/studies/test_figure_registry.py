"""The figures that a study can name, and their order on the page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from isthmus.errors import IsthmusError
from isthmus.studies import register_figure
from isthmus.studies.figure_registry import FIGURES
from isthmus.studies.page import write_study

from .known import by_fold, make


def test_a_figure_that_there_is_not_is_refused_with_the_nearest(small: Any) -> None:
    with pytest.raises(IsthmusError, match="no such figure: did you mean 'boxes'"):
        small(figures=["box"])


def test_a_name_is_registered_once() -> None:
    with pytest.raises(ValueError, match="a figure named 'boxes' is registered already"):
        register_figure("boxes", lambda source: [])


def test_sections_stand_in_the_order_of_the_study(small: Any, tmp_path: Path) -> None:
    """Those that have nothing to show are left out: the study has no grid and no volumes."""
    names = [name for name in reversed(list(FIGURES)) if name not in ("saliency", "grad-cam")]
    folder = make(small(figures=names), tmp_path / "study", by_fold({}))
    write_study(folder)
    page = folder.page.read_text(encoding="utf-8")
    shown = ["volumes", "gallery", "extremes", "extremes-2", "bars", "boxes", "curves"]
    anchors = re.findall(r'<section id="figure-([\w-]+)">', page)
    assert anchors == [name for name in shown if name in anchors]
    assert {"extremes", "bars", "boxes", "curves"} <= set(anchors)
    assert page.count("Pictures of phantoms are missing") <= 1

"""The page of a study in a real browser without a network, and what lies beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isthmus.io.images import Source, read_mask
from isthmus.io.writing import write_mask
from isthmus.studies.page import write_study
from isthmus.studies.study import Study

from ..browser import (
    Tab,
    check_contents,
    check_offline_and_quiet,
    check_phone,
    check_print,
    check_schemes,
    check_tables,
)
from .weighted import finish

pytestmark = pytest.mark.slow
CASES = [f"phantom-{i:03d}" for i in range(6)]


@pytest.fixture
def page(small: Any, pictures: Path, tmp_path: Path) -> Path:
    """Two networks, two folds, three cases each; every figure that two dimensions have."""
    options = {"in_channels": 1, "classes": 1, "widths": [2, 4]}
    study: Study = small(
        title="Two bridges",
        data={"cells": {"data": {"source": str(pictures), "channels": 1, "values": {0: 0, 255: 1},
                                 "classes": ["background", "cell"]}}},
        networks={name: {"network": {"model": model, "options": options}}
                  for name, model in (("U-Net", "unet"), ("Sharp U-Net", "sharp_unet"))},
        grid={"training.learning_rate": [0.001, 0.01]},
        figures=["curves", "boxes", "bars", "influence", "extremes", "gallery", "saliency", "grad-cam"],
    )  # fmt: skip
    folder = finish(
        study,
        tmp_path / "study",
        lambda cell: {
            case: 0.5 + 0.05 * i + 0.03 * (cell.network == "U-Net")
            for i, case in enumerate(CASES)
            if i % 2 == cell.fold
        },
    )
    for cell in folder.plan().cells:  # each network answers with the true mask, moved by some pixels
        for case in CASES[cell.fold :: 2]:
            mask = read_mask(Source(pictures / "masks" / f"{case}.png"))
            moved = np.roll(mask, 1 + (cell.network == "U-Net"), axis=1)
            write_mask(folder.run(cell.name).predictions / f"{case}.png", moved)
    write_study(folder)
    return folder.page


def test_the_page_of_a_study_works(page: Path, tab: Tab) -> None:
    check_offline_and_quiet(tab, page)
    assert tab.value("document.images.length") > 10
    check_phone(tab, page)
    check_schemes(tab, page)
    assert check_print(tab, page) >= 3
    names = check_contents(tab, page)
    assert names[0] == "Two bridges"
    for name in ("Progress of training", "Spread and significance", "Means", "Saliency", "Grad-CAM", "Cells"):
        assert name in names
    tables = check_tables(tab, page)
    assert tables >= 4
    # every table lies beside the page, whole, in each form
    written = tab.value(
        "Array.from(document.querySelectorAll('table.sortable'), t => t.closest('section').id)"
    )
    for name in (anchor.removeprefix("table-") for anchor in written):
        for suffix in ("csv", "tex", "md"):
            assert (page.parent / "tables" / f"{name}.{suffix}").stat().st_size > 0
    assert len(written) == tables

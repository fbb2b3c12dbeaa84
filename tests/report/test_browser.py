"""Pages of runs, comparisons, cross-validations and data in a real browser without a network."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from isthmus.data.checks.inspect import inspect_dataset
from isthmus.data.phantoms.cells import write_phantoms
from isthmus.data.sources import open_dataset
from isthmus.report import write_comparison, write_folds, write_report
from isthmus.report.data_page import write_data_page

from ..browser import Tab, check_offline_and_quiet, check_phone, check_print, check_schemes, check_tables
from .conftest import MakeRun, one_class, pictures

pytestmark = pytest.mark.slow
DICE = {"a": 0.5, "b": 0.9, "c": 0.7}


def of_run(make_run: MakeRun, tmp_path: Path) -> Path:
    rows = one_class(DICE)
    rows[1] = (*rows[1][:7], "nan")  # Hausdorff distance of b is undefined: a 5, c 3
    return write_report(make_run(rows=rows), images=pictures(list(DICE)))


def of_comparison(make_run: MakeRun, tmp_path: Path) -> Path:
    other = {case: 1.1 * dice - 0.1 for case, dice in DICE.items()}
    runs = [make_run("one", one_class(DICE)), make_run("two", one_class(other), model="sharp_unet")]
    return write_comparison(runs, tmp_path / "page.html", "Two", images=[pictures(list(DICE))] * 2)


def of_folds(make_run: MakeRun, tmp_path: Path) -> Path:
    for fold, case in enumerate(DICE):
        rows = [(*row[:3], fold, *row[4:]) for row in one_class({case: DICE[case]})]
        make_run(f"cv/fold-{fold}", rows)
    return write_folds(tmp_path / "cv", images=pictures(list(DICE)))


def of_data(make_run: MakeRun, tmp_path: Path) -> Path:
    write_phantoms(tmp_path / "cells", 5, 32)
    return write_data_page(inspect_dataset(open_dataset(tmp_path / "cells")), tmp_path / "data.html")


@pytest.mark.parametrize(
    ("make", "tables"),
    [(of_run, 1), (of_comparison, 1), (of_folds, 1), (of_data, 0)],
    ids=["run", "comparison", "folds", "data"],
)
def test_a_page_works(
    make: Callable[[MakeRun, Path], Path], tables: int, make_run: MakeRun, tmp_path: Path, tab: Tab
) -> None:
    page = make(make_run, tmp_path)
    check_offline_and_quiet(tab, page)
    assert tab.value("document.images.length") >= 3
    check_phone(tab, page)
    check_schemes(tab, page)
    assert check_print(tab, page) >= 1
    assert check_tables(tab, page) == tables


def test_what_is_undefined_is_last_whichever_way_a_table_is_sorted(
    make_run: MakeRun, tmp_path: Path, tab: Tab
) -> None:
    tab.open(of_run(make_run, tmp_path))
    names = (
        "Array.from(document.querySelectorAll('table.sortable tbody tr'), r => r.cells[1].textContent.trim())"
    )
    assert tab.value(names) == ["b", "c", "a"]
    for order in (["c", "a", "b"], ["a", "c", "b"]):
        tab.click("document.querySelectorAll('table.sortable th button')[4]")
        assert tab.value(names) == order


@pytest.mark.parametrize(("dark", "low", "high"), [(False, 200, 256), (True, 0, 80)])
def test_a_page_is_drawn_in_both_schemes(
    make_run: MakeRun, tmp_path: Path, tab: Tab, dark: bool, low: int, high: int
) -> None:
    tab.open(of_run(make_run, tmp_path), 1200, 1600, dark=dark)
    pixels = np.asarray(Image.open(io.BytesIO(tab.screenshot())).convert("L"))
    assert pixels.shape == (1600, 1200)
    assert low <= np.median(pixels) < high
    assert pixels.std() > 10

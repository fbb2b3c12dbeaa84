"""The folds of a cross-validation on one page."""

from __future__ import annotations

from pathlib import Path

import pytest

from isthmus.errors import IsthmusError
from isthmus.report import write_folds, write_page
from isthmus.report.crossval import folds_in

from .conftest import MakeRun, one_class, pictures
from .page import Page

FOLDS = [{"a": 0.5, "b": 0.7}, {"c": 0.9}, {"d": 0.8, "e": 0.6, "f": 0.7}]


@pytest.fixture
def folder(make_run: MakeRun, tmp_path: Path) -> Path:
    for number, dice in enumerate(FOLDS):
        rows = [(*row[:3], number, *row[4:]) for row in one_class(dice)]
        make_run(f"cv/fold-{number}", rows)
    return tmp_path / "cv"


def test_mean_over_folds_and_every_case_once(folder: Path) -> None:
    """On paper: the folds' means are 0.6, 0.9 and 0.7; over all six cases the mean is 0.7 as well."""
    out = write_folds(folder, images=pictures("abcdef"))
    assert out == folder / "report.html"
    page = Page(out)
    rows = {row[0]: row for row in page.rows if row}
    assert rows["fold-0"][1] == "0.600 ± 0.141"
    assert rows["fold-1"][1] == "0.900"
    assert rows["fold-2"][4:] == ["3", "0", "0", "2 of 3", "3 min 20 s"]
    assert rows["mean over folds"][1] == "0.733 ± 0.153"
    assert rows["all cases"][1] == "0.700 ± 0.141"
    assert "0.733 ± 0.153 3 folds, n = 6, none missed" in page.text
    assert "trained in 10 min 00 s in all" in page.text
    assert sorted(row[1] for row in page.cases[1:]) == list("abcdef")
    assert {row[1]: row[2] for row in page.cases[1:]} == dict(zip("abcdef", "001222", strict=True))
    assert len(page.all("article")) == 6
    assert "on the images' own grid" in page.text
    assert "Not finished" not in page.text
    for words in ("Cross-validation of 3 folds", "6 cases of the validation sets", "The epoch was chosen"):
        assert words in page.text


def test_folds_that_are_not_finished_are_named_and_not_counted(folder: Path) -> None:
    (folder / "fold-1" / "cases.csv").unlink()
    page = Page(write_folds(folder))
    assert "Not finished, and not counted here: fold-1. `isthmus train --resume --out cv`" in page.text
    assert "0.650 ± 0.071 2 folds, n = 5" in page.text
    for number in (0, 2):
        (folder / f"fold-{number}" / "cases.csv").unlink()
    with pytest.raises(IsthmusError, match="cv: no fold is finished; resume with"):
        write_folds(folder)


def test_a_test_set_that_all_folds_share_keeps_every_score(make_run: MakeRun, tmp_path: Path) -> None:
    for number, dice in enumerate((0.5, 0.7)):
        rows = [(*row[:3], number, *row[4:]) for row in one_class({"t": dice}, "test")]
        make_run(f"cv/fold-{number}", rows)
    page = Page(write_folds(tmp_path / "cv"))
    assert [row[1:3] for row in page.cases[1:]] == [["t, fold 1", "1"], ["t, fold 0", "0"]]
    assert "0.600 ± 0.141 2 folds, n = 2" in page.text


def test_many_folds_are_in_the_order_of_their_numbers(make_run: MakeRun, tmp_path: Path) -> None:
    for number in range(11):
        make_run(f"cv/fold-{number}", one_class({f"c{number}": 0.5}))
    (tmp_path / "cv" / "fold-old").mkdir()
    assert [path.name for path in folds_in(tmp_path / "cv")] == [f"fold-{i}" for i in range(11)]
    assert "11 folds, n = 11" in Page(write_folds(tmp_path / "cv")).text


def test_a_folder_says_what_it_is(folder: Path) -> None:
    assert write_page(folder) == folder / "report.html"
    assert "Cross-validation" in Page(folder / "report.html").text
    assert write_page(folder / "fold-0") == folder / "fold-0" / "report.html"
    with pytest.raises(IsthmusError, match="not a run folder"):
        write_page(folder.parent)


def test_folds_scored_otherwise_are_refused(folder: Path, make_run: MakeRun) -> None:
    make_run(
        "cv/fold-3",
        [("z", "z", "test", 3, "cell", 0.5)],
        columns=("case", "group", "set", "fold", "class", "auc"),
    )
    with pytest.raises(IsthmusError, match=r"fold-3: scored differently from .*fold-0"):
        write_folds(folder)
    with pytest.raises(IsthmusError, match=r"holds no fold-0, fold-1, …"):
        write_folds(folder / "fold-0")

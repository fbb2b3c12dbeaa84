"""Cells that have not learned are named, and their tables compare nothing."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import pytest

from isthmus.studies.figures import boxes
from isthmus.studies.figures.source import FigureSource
from isthmus.studies.floors import levels, warning
from isthmus.studies.page import write_study
from isthmus.studies.results import read_results
from isthmus.studies.study_folder import StudyFolder

from .known import DICE, by_fold, make, rows, table

SHIFT = {"U-Net": 0.1}


def counts(folder: StudyFolder, network: str, *points: tuple[int, int, int]) -> None:
    """Writes predicted, true and all points of the cases of a network, in turn."""
    for cell in (cell for cell in folder.plan().cells if cell.network == network):
        path = folder.run(cell.name).cases
        with path.open(newline="") as file:
            found = list(csv.DictReader(file))
        with path.open("w", newline="") as file:
            names = [f"{name}_points" for name in ("prediction", "truth", "image")]
            writer = csv.DictWriter(file, [*found[0], *names, "shared_points"])
            writer.writeheader()
            for i, line in enumerate(found):
                values = dict(zip(names, points[i % len(points)], strict=True))
                writer.writerow(line | values | {"shared_points": 0})


def test_a_study_above_its_floor_compares(small: Any, tmp_path: Path) -> None:
    folder = make(small(folds=4, measures=[DICE], floor=0.5), tmp_path / "study", by_fold(SHIFT))
    assert warning(read_results(folder)) == ""
    tables = write_study(folder)
    assert "**" in table(tables, "scores").markdown().split("\n", 1)[1]
    assert "Bold: the best mean" in table(tables, "scores").caption
    assert any(row["shown to differ, bold"] == "1" for row in rows(folder, "tests"))
    assert "No comparison" not in folder.page.read_text()


@pytest.mark.parametrize("floor", [0.7, {"phantoms": 0.7}])
def test_a_study_below_its_floor_says_so_everywhere_and_prints_no_bold(
    floor: Any, small: Any, tmp_path: Path
) -> None:
    study = small(folds=4, measures=[DICE], floor=floor, figures=["boxes", "curves"])
    folder = make(study, tmp_path / "study", by_fold(SHIFT))
    tables = write_study(folder)
    for name in ("scores", "tests"):
        assert "No comparison: 4 of 8 cells did not learn" in table(tables, name).caption
        assert "Sharp U-Net, fold 0, repeat 0: Dice 0.6" in table(tables, name).caption
        assert "floor 0.7" in table(tables, name).caption
        assert "Bold:" not in table(tables, name).caption
        assert "**" not in table(tables, name).markdown().split("\n", 1)[1]
        assert "textbf" not in (folder.tables / f"{name}.tex").read_text()
    assert {row["DC, bold"] for row in rows(folder, "scores")} == {"0"}
    assert {row["shown to differ, bold"] for row in rows(folder, "tests")} == {"0"}
    page = folder.page.read_text()
    assert page.count("No comparison: 4 of 8 cells") == 4  # two tables and two figures
    assert "<td><b>" not in page.replace(' class="number"', "")


@pytest.mark.parametrize(("floor", "tested"), [(0.5, True), (0.7, False)])
def test_boxes_below_a_floor_have_no_stars(
    floor: float, tested: bool, small: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make(small(folds=4, measures=[DICE], floor=floor), tmp_path / "study", by_fold(SHIFT))
    drawn: list[Any] = []
    chart = boxes.box_chart
    monkeypatch.setattr(boxes, "box_chart", lambda *given: drawn.append(given[-1]) or chart(*given))
    (figure,) = boxes.draw(FigureSource(read_results(folder), folder))
    assert [bool(marks) for marks in drawn] == [tested]
    assert ("Bars compare" in figure.caption) == tested


def test_a_cell_without_any_dice_has_not_learned(small: Any, tmp_path: Path) -> None:
    study = small(networks={"U-Net": "unet"}, folds=1, measures=[DICE])
    folder = make(study, tmp_path / "study", lambda *_: {"a": math.nan, "b": math.nan})
    (level,) = levels(read_results(folder))
    assert (level.floor, level.has_learned, level.margin) == (None, False, -math.inf)
    assert "no Dice" in warning(read_results(folder))


def test_dice_is_the_mean_over_classes_and_a_cell_at_its_floor_is_not_above_it(
    small: Any, tmp_path: Path
) -> None:
    dices = {"a": 0.5, "b": 0.75}
    study = small(networks={"U-Net": "unet"}, folds=1, measures=[DICE], floor=0.625)
    folder = make(study, tmp_path / "study", lambda *_: dices, labels=("x", "y"))
    (level,) = levels(read_results(folder))
    assert (level.dice, level.has_learned) == (0.625, False)


@pytest.mark.parametrize(
    ("points", "blank"),
    [
        ([(0, 5, 100), (0, 0, 100)], "all background"),
        ([(100, 5, 100), (100, 100, 100)], "all foreground"),
        ([(0, 5, 100), (1, 5, 100)], ""),
        ([(100, 5, 100), (80, 5, 100)], ""),
        ([(2, 50, 100), (0, 60, 100)], ""),
        ([(1, 50, 100), (0, 60, 100)], "all background"),  # a stray point
        ([(99, 5, 100), (100, 4, 100)], "all foreground"),
        ([(0, 0, 100)], ""),  # as it is
        ([(100, 100, 100)], ""),
    ],
)
def test_networks_that_find_nothing_or_everything_are_named_without_a_floor(
    points: list[tuple[int, int, int]], blank: str, small: Any, tmp_path: Path
) -> None:
    folder = make(small(folds=4, measures=[DICE]), tmp_path / "study", by_fold({}))
    counts(folder, "Sharp U-Net", *points)
    found = read_results(folder)
    assert {level.blank for level in levels(found) if level.cell.network == "Sharp U-Net"} == {blank}
    assert blank in warning(found)
    assert ("No comparison" in warning(found)) is bool(blank)
    assert not any(level.blank for level in levels(found) if level.cell.network == "U-Net")


def test_a_caption_names_some_and_counts_the_rest(small: Any, tmp_path: Path) -> None:
    folder = make(small(folds=4, measures=[DICE], floor=0.99), tmp_path / "study", by_fold({}))
    assert "8 of 8 cells" in warning(read_results(folder))
    assert "; and 2 more)" in warning(read_results(folder))

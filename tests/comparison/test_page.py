"""The page, its tables as files, and the places where neither is written."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

import isthmus
from isthmus.comparison.pictures import most_different
from isthmus.errors import IsthmusError

from ..masks import save
from ..report.page import Page
from .perturbed import shifted, square


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    truth, moved = shifted(8)
    save(tmp_path / "truth", **truth)
    save(tmp_path / "shifted", **{case: mask for case, mask in moved.items() if case != "c3"})
    save(tmp_path / "eroded", **{case: square(shrink=1) for case in truth})
    save(tmp_path / "images", **{case: mask * 100 + 20 for case, mask in truth.items()})
    return tmp_path


def compared(folder: Path, **options: object) -> isthmus.ProgramComparison:
    programs = {name: folder / name for name in ("shifted", "eroded")}
    return isthmus.compare(folder / "truth", programs, **options)  # type: ignore[arg-type]


def test_the_page_shows_every_part(folders: Path) -> None:
    found = compared(folders, margin=0.02, images=folders / "images")
    out = found.save(folders / "out")
    page = Page(out)
    assert out == folders / "out" / "report.html"
    for words in (
        "shifted and eroded",
        "shifted has no mask of 1 case, which counts as a miss.",
        "Pairwise differences",
        "Non-inferiority",
        "Spread and significance",
        "Agreement between readers",
        "The cases that differ most",
        "Case by case",
        "How the masks were read",
        "shifted: Dice 0.000, no mask",
        "give --group if several come from one patient",
    ):
        assert words in page.text
    assert "c3" in page.text.partition("The cases that differ most")[2].partition("c7")[0]
    assert page.source.count("<img") == 6 * 4
    assert 'src="http' not in page.source
    names = {path.name for path in (folders / "out" / "tables").iterdir()}
    assert names == {
        f"{name}.{kind}"
        for name in ("scores", "differences", "non-inferiority", "agreement", "cases")
        for kind in ("csv", "tex", "md")
    }
    with (folders / "out" / "tables" / "differences.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    want = found.tables["differences"][0]
    assert float(rows[0]["difference"]) == pytest.approx(want["difference"])
    assert r"\begin{tabular}" in (folders / "out" / "tables" / "differences.tex").read_text(encoding="utf-8")


def test_without_images_the_truth_is_the_background(folders: Path) -> None:
    page = Page(compared(folders).save(folders / "out"))
    assert page.source.count("<img") == 6 * 3


def test_a_page_by_name_and_again(folders: Path) -> None:
    found = compared(folders)
    assert found.save(folders / "pages" / "masks.html") == folders / "pages" / "masks.html"
    assert (folders / "pages" / "masks-tables" / "scores.csv").is_file()
    found.save(folders / "pages" / "masks.html")  # its own page and tables


def test_a_table_of_an_earlier_comparison_does_not_stay(folders: Path) -> None:
    compared(folders, margin=0.02).save(folders / "out")
    mine = folders / "out" / "tables" / "notes.csv"
    mine.write_text("mine")
    assert (folders / "out" / "tables" / "non-inferiority.csv").is_file()
    compared(folders).save(folders / "out")
    assert not list((folders / "out" / "tables").glob("non-inferiority*"))
    assert mine.is_file()


def test_overwriting_a_foreign_folder_removes_nothing(folders: Path) -> None:
    theirs = folders / "mine" / "tables" / "non-inferiority.csv"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("theirs")
    compared(folders).save(folders / "mine", overwrite=True)
    assert theirs.read_text() == "theirs"


def test_the_file_of_groups_is_not_replaced(folders: Path) -> None:
    compared(folders).save(folders / "out")
    groups = folders / "out" / "tables" / "cases.csv"
    groups.write_text("case,group\n" + "".join(f"c{i},{i // 2}\n" for i in range(8)))
    before = groups.read_text()
    with pytest.raises(IsthmusError, match="originals are never replaced"):
        compared(folders, groups=groups).save(folders / "out", overwrite=True)
    assert groups.read_text() == before


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("truth", "lies in"),
        ("shifted/out", "lies in"),
        ("eroded/page.html", "lies in"),
        ("mine", "report.html exists already"),
        ("others", "tables exists already"),
    ],
)
def test_files_of_others_stay(folders: Path, place: str, message: str) -> None:
    save(folders / "mine" / "tables")
    (folders / "mine" / "report.html").write_text("mine")
    (folders / "others" / "tables").mkdir(parents=True)
    with pytest.raises(IsthmusError, match=message):
        compared(folders).save(folders / place)
    assert (folders / "mine" / "report.html").read_text() == "mine"


def test_the_cases_that_differ_most_come_first() -> None:
    truth, moved = shifted(4)
    found = isthmus.compare(truth, {"a": truth, "b": moved}, metrics=["dice"])
    assert most_different(found.scores, "foreground", "dice", 2) == ["c3", "c2"]
    same = isthmus.compare(truth, {"a": truth, "b": truth}, metrics=["dice"])
    assert most_different(same.scores, "foreground", "dice") == []


def test_volumes_and_classes_are_drawn(tmp_path: Path) -> None:
    volume = np.zeros((4, 12, 12), np.uint8)
    volume[1:3, 2:6, 2:6], volume[1:3, 7:10, 7:10] = 1, 2
    worse = np.roll(volume, 1, axis=2)
    found = isthmus.compare({"v": volume}, {"a": {"v": volume}, "b": {"v": worse}}, images={"v": volume * 40})
    page = Page(found.save(tmp_path / "out"))
    assert "slice 2 of 4" in page.text
    assert "one colour for each class" in page.text


def test_a_picture_that_does_not_fit_is_told_and_not_drawn(tmp_path: Path) -> None:
    truth, moved = shifted(2)
    found = isthmus.compare(truth, {"a": truth, "b": moved}, images={"c0": np.zeros((3, 3)), "c1": square()})
    page = Page(found.save(tmp_path / "out"))
    assert "1 case could not be drawn. c0: case 'c0': image (3, 3)" in page.text


def test_an_image_folder_without_the_cases_is_refused(folders: Path) -> None:
    save(folders / "other images", q=square())
    with pytest.raises(IsthmusError, match=r"no image in .*other images has the name of a true mask"):
        compared(folders, images=folders / "other images")


def test_names_are_text_on_the_page_and_in_latex(tmp_path: Path) -> None:
    truth, moved = shifted(3)
    found = isthmus.compare(truth, {"<b>_1": truth, "50 %": moved}, metrics=["dice"])
    page = Page(found.save(tmp_path / "out"))
    assert "&lt;b&gt;_1" in page.source
    assert r"\textless{}b\textgreater{}\_1 &" in (tmp_path / "out" / "tables" / "scores.tex").read_text()
    assert r"50 \%" in (tmp_path / "out" / "tables" / "scores.tex").read_text(encoding="utf-8")


def test_long_names_and_letters_of_any_script_are_drawn(tmp_path: Path) -> None:
    truth, moved = shifted(3)
    page = Page(isthmus.compare(truth, {"日本": truth, "x" * 300: moved}).save(tmp_path / "out"))
    assert "日本</text>" in page.source
    assert f"{'x' * 31}…</text>" in page.source


def test_a_case_of_two_lines_stays_in_its_row(tmp_path: Path) -> None:
    found = isthmus.compare({"a\nb": square()}, {"one": {"a\nb": square()}, "two": {"a\nb": square(1)}})
    assert "| a b |" in found.printed["cases"].markdown()


def test_pandas_is_asked_for_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    truth, moved = shifted(3)
    found = isthmus.compare(truth, {"a": truth, "b": moved}, metrics=["dice"])
    with pytest.raises(IsthmusError, match=r"no table 'diferences'.*did you mean 'differences'"):
        found.to_pandas("diferences")
    monkeypatch.setattr("isthmus.comparison.result.import_module", _absent)
    with pytest.raises(IsthmusError, match="pandas is not installed"):
        found.to_pandas()


def _absent(name: str) -> None:
    raise ImportError(name)

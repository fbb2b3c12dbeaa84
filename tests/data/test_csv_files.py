"""Tables of images and masks: columns, names, and everything that does not fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from isthmus.data.cases import Case, Source
from isthmus.data.csv_files import from_csv
from isthmus.errors import IsthmusError

from .makers import table, touch


def test_a_table(files: Path) -> None:
    lines = ["image,mask,group,id", "p1/a.png,p1/a_m.png,one,first", "p2/b.png, p2/b_m.png,two,"]
    dataset = from_csv(table(files / "set.csv", *lines))
    assert dataset.name == "set"
    assert dataset.cases == (
        Case("first", (Source(files / "p1/a.png"),), (Source(files / "p1/a_m.png"),), "one"),
        Case("b", (Source(files / "p2/b.png"),), (Source(files / "p2/b_m.png"),), "two"),
    )


@pytest.mark.parametrize(("separator", "encoding"), [(";", "utf-8-sig"), ("\t", "utf-8"), (",", "utf-8")])
def test_as_spreadsheets_write_it(files: Path, separator: str, encoding: str) -> None:
    lines = [separator.join(row) for row in (("Mask", "IMAGE"), ("p1/a_m.png", "p1/a.png"), ("", ""))]
    (case,) = from_csv(table(files / "x.csv", *lines, encoding=encoding)).cases
    assert (case.id, case.group) == ("a", "a")


def test_images_of_one_name_are_told_apart_by_their_folders(files: Path) -> None:
    lines = ["image,mask", "p1/a.png,p1/a_m.png", f"{files}/p2/a.png,./p2/a_m.png"]
    assert [case.id for case in from_csv(table(files / "x.csv", *lines)).cases] == ["p1/a", "p2/a"]


def test_a_stack_keeps_its_group(files: Path) -> None:
    touch(files / "s.tif", pages=6)
    touch(files / "t.tif", pages=6)
    cases = from_csv(table(files / "x.csv", "image,mask,group", "s.tif,t.tif,patient 1")).cases
    assert [case.id for case in cases][:2] == ["s-000", "s-001"]
    assert {case.group for case in cases} == {"patient 1"}


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (
            ["images,masks", "a,b"],
            r"no column 'image' in its first line \(images, masks\); the columns are image, mask",
        ),
        (["image,grop,mask"], "unknown column 'grop'; did you mean 'group'"),
        (["image,mask,mask"], "'mask' occurs twice"),
        (["image,mask"], "no lines below the header"),
        ([""], "no column 'image'"),
        (["image,mask", "p1/a.png,"], "line 2: names no mask"),
        (["image,mask", "p1/a.png,p1/none.png"], r"line 2: no file .*none\.png; paths are relative"),
        (["image,mask", "p1/a.png,p1/a_m.png,extra"], "line 2: more values than columns"),
        (["image,mask,id", "p1/a.png,p1/a_m.png,../../x"], "cannot be the name of a file"),
        (["image,mask,id", "p1/a.png,p1/a_m.png,/x"], "cannot be the name of a file"),
        (["image,mask,id", "p1/a.png,p1/a_m.png,a\\b"], "cannot be the name of a file"),
        (["image,mask,id", "p1/a.png,p1/a_m.png,x", "p2/a.png,p2/a_m.png,x"], "would be called 'x' like"),
    ],
)
def test_tables_that_do_not_fit(files: Path, lines: list[str], says: str) -> None:
    with pytest.raises(IsthmusError, match=says):
        from_csv(table(files / "x.csv", *lines))


def test_a_table_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(IsthmusError, match="not text in UTF-8"):
        from_csv(tmp_path / "x.csv")

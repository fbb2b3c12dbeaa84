"""``isthmus measure``: what the command takes, writes and prints."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from isthmus.io.images import write_mask

from ..io.outlines_back import of_geojson, of_rois
from ..masks import save
from .calls import call, error_of, table

TWO = np.zeros((8, 12), np.uint8)
TWO[1:3, 1:5] = 1
TWO[4:8, 6:8] = 1


@pytest.fixture
def masks(tmp_path: Path) -> Path:
    folder = tmp_path / "masks"
    folder.mkdir()
    write_mask(folder / "a.png", TWO, (0.5, 0.5))
    return folder


def test_a_row_for_each_object(masks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "new/table.csv"
    assert call("measure", masks, "--out", out) == 0
    with out.open(encoding="utf-8", newline="") as file:
        first, second = csv.DictReader(file)
    assert (first["image"], first["number"], first["area_px"], first["area_um2"]) == ("a", "1", "8", "2.0")
    assert (first["touches_border"], second["touches_border"]) == ("False", "True")
    printed = capsys.readouterr()
    assert ["Area, µm²", "2", "0", "2", "2", "2"] in table(printed.out)
    assert "masks have one value: connected components are counted" in printed.err
    assert sorted(path.name for path in out.parent.iterdir()) == [
        "table-images.csv",
        "table.csv",
        "table.html",
    ]


def test_the_table_may_lie_beside_the_masks(masks: Path) -> None:
    for _ in range(2):
        assert call("measure", masks, "--out", masks / "table.csv") == 0


def test_results_for_programs(masks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("measure", masks, masks, "--out", tmp_path / "t.csv", "--pixel-size", "1,2", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["objects"], found["unit"], found["images"][0]["area_um2_mean"]) == (2, "um", 16)
    assert Path(found["page"]).name == "t.html"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--out", "t.txt"], "t.txt: the table is written as CSV; give a name that ends in .csv"),
        (["--out", "t.csv", "--pixel-size", "small"], "--pixel-size small: write a number for each axis"),
        (["--out", "t.csv", "--pixel-size", "0"], "not a positive number"),
        (["--out", "t.csv", "--unit", "furlong"], "unit='furlong'"),
        (["--out", "t.csv", "--classes", "one"], "--classes one: write each mask value once"),
        (["--out", "t.csv", "--classes", "1=a", "--instances"], "give one of them"),
    ],
)
def test_mistakes_are_one_line(
    masks: Path, words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [str(tmp_path / word) if word.startswith("t.") else word for word in words]
    assert call("measure", masks, *words) == 2
    assert said in error_of(capsys)
    assert [path.name for path in tmp_path.iterdir()] == ["masks"]


def test_files_of_the_data_are_never_replaced(
    masks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (masks / "list.csv").write_text("image,mask\n")
    assert call("measure", masks, "--out", masks / "list.csv", "--overwrite") == 2
    assert "originals are never replaced" in error_of(capsys)
    assert (masks / "list.csv").read_text() == "image,mask\n"
    (tmp_path / "t.csv").write_text("mine")
    assert call("measure", masks, "--out", tmp_path / "t.csv") == 2
    assert "exists already" in error_of(capsys)
    assert call("measure", masks, "--out", tmp_path / "t.csv", "--overwrite") == 0


def test_numbers_or_classes(tmp_path: Path) -> None:
    folder = save(tmp_path / "m", a=np.array([[1, 0, 1], [0, 0, 0], [2, 2, 2]], np.uint8))
    for word, rows in (("--instances", 2), ("--no-instances", 3)):
        assert call("measure", folder, "--out", tmp_path / "t.csv", word) == 0
        assert len((tmp_path / "t.csv").read_text(encoding="utf-8").splitlines()) == rows + 1


def test_outlines_beside_the_table(masks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("measure", masks, "--out", tmp_path / "out/t.csv", "--rois", "--geojson")
    assert call(*words) == 0
    assert f"outlines in {tmp_path / 'out/rois'} and {tmp_path / 'out/geojson'}" in capsys.readouterr().err
    for found in (
        of_rois(tmp_path / "out/rois/a.zip", TWO.shape),
        of_geojson(tmp_path / "out/geojson/a.geojson", TWO.shape),
    ):
        np.testing.assert_array_equal(found, np.where(np.arange(12) > 5, 2, 1) * TWO)
    (tmp_path / "out/geojson/a.geojson").write_text("mine")
    assert call(*words) == 2
    assert "geojson/a.geojson exists already" in error_of(capsys)
    assert call(*words, "--overwrite", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["rois"] == str(tmp_path / "out/rois")
    assert call("measure", masks, "--out", tmp_path / "out/t.csv", "--json") == 0
    assert json.loads(capsys.readouterr().out)["geojson"] is None

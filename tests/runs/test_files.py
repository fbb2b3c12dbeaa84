"""Text, JSON and CSV: whole or not at all, and one line for what cannot be read or written."""

from __future__ import annotations

import csv
import errno
import os
from pathlib import Path

import pytest

from isthmus.errors import IsthmusError
from isthmus.runs.files import read_cell, read_json, write_csv, write_text


def test_a_write_that_fails_leaves_the_old_file_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(IsthmusError, match="No space left"):
        write_text(path, "new")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(IsthmusError, match="cannot be written"):
        write_csv(tmp_path / "file" / "x.csv", [], ["a"])


def test_broken_json_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(IsthmusError, match=r"x\.json: not valid JSON"):
        read_json(tmp_path / "x.json")


TEXTS = ["=1+1", "+x", "-x", "@x", "\tx", "\rx", "\nx", "'", "'=1", "''@", "a", "", "'a'", "-", "=", 'ü,;"\n']


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_that_a_spreadsheet_would_compute_is_text_and_reads_back(text: str, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    write_csv(path, [{"case": text, "dice": -0.5}], ["case", "dice"])
    with path.open(newline="", encoding="utf-8") as file:
        raw = list(csv.reader(file))
    assert raw[1][0][:1] not in {"=", "+", "-", "@", "\t", "\r", "\n"}
    assert raw[1][1] == "-0.5"
    assert read_cell(raw[1][0]) == text


@pytest.mark.parametrize("number", ["-1", "+2.5", "-1e-3", -3, -0.5, "-inf"])
def test_numbers_stay_numbers(number: object, tmp_path: Path) -> None:
    write_csv(tmp_path / "x.csv", [{"x": number}], ["x"])
    assert (tmp_path / "x.csv").read_text().splitlines() == ["x", str(number)]


def test_a_name_that_is_no_text_is_written_as_its_code(tmp_path: Path) -> None:
    write_csv(tmp_path / "x.csv", [{"x": "pr\udce4parat"}], ["x"])
    assert (tmp_path / "x.csv").read_text(encoding="utf-8").splitlines()[1] == "pr\\udce4parat"

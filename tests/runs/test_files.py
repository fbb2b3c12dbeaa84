"""Text, JSON and CSV: whole or not at all, and one line for what cannot be read or written."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from isthmus.errors import IsthmusError
from isthmus.runs.files import read_json, write_csv, write_text


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

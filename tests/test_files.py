"""Files and folders appear whole or not at all, and what killed processes left is found."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from isthmus import files
from isthmus.errors import IsthmusError
from isthmus.files import atomic_path, sweep, write_bytes


def test_a_full_disk_keeps_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.txt"
    write_bytes(path, b"old")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(IsthmusError, match=r"a\.txt: cannot be written \(No space left"):
        write_bytes(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_an_interrupt_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_bytes(tmp_path / "x.png", b"content")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("folder", [False, True])
def test_an_error_inside_leaves_nothing(tmp_path: Path, folder: bool) -> None:
    def fail() -> None:
        with atomic_path(tmp_path / "b") as aside:
            if folder:
                write_bytes(aside / "deep" / "x", b"half")
            else:
                aside.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_takes_its_name_when_it_is_whole(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "out") as aside:
        write_bytes(aside / "x", b"1")
        assert not (tmp_path / "out").exists()
    assert (tmp_path / "out" / "x").read_bytes() == b"1"


def test_folders_on_the_way_are_made_and_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    write_bytes(tmp_path / "a" / "b" / "x", b"1")
    assert (tmp_path / "a" / "b" / "x").read_bytes() == b"1"
    with pytest.raises(IsthmusError, match="cannot be written"):
        write_bytes(tmp_path / "a" / "b" / "x" / "y", b"1")


def test_leftovers_of_a_killed_process_are_swept_and_nothing_else(tmp_path: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path; from isthmus.files import atomic_path\n"
        "with atomic_path(Path(sys.argv[1])) as aside:\n"
        "    aside.mkdir() if sys.argv[2] else aside.write_text('half')\n"
        "    os._exit(9)"
    )
    for name, kind in (("a.txt", ""), ("folder", "folder")):
        subprocess.run([sys.executable, "-c", script, str(tmp_path / name), kind], check=False)
    left = sorted(path.name for path in tmp_path.iterdir())
    assert len(left) == 2
    for name in ("kept.part", ".kept.1.part", ".notes"):
        (tmp_path / name).write_text("")
    with atomic_path(tmp_path / "now") as aside:
        aside.write_text("being written")
        assert sorted(path.name for path in sweep(tmp_path)) == left
        assert aside.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == [".kept.1.part", ".notes", "kept.part", "now"]


def test_leftovers_of_another_machine_go_after_a_day(tmp_path: Path) -> None:
    path = tmp_path / ".x.elsewhere-1.part"
    path.write_text("")
    assert sweep(tmp_path) == []
    yesterday = path.stat().st_mtime - files.STALE - 60
    os.utime(path, (yesterday, yesterday))
    assert sweep(tmp_path) == [path]
    assert not path.exists()

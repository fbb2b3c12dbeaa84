"""What may be replaced: never the data, always a command's own output, and anything else on request."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from isthmus.errors import IsthmusError
from isthmus.outputs import Guard


def ours(path: Path) -> bool:
    return path.read_text() == "ours"


@pytest.mark.parametrize("overwrite", [False, True])
def test_files_of_the_data_are_kept_under_every_name(overwrite: bool, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    image, table = data / "a.png", tmp_path / "list.csv"
    image.write_text("ours")
    table.write_text("x")
    (tmp_path / "link.csv").symlink_to(image)
    os.link(image, tmp_path / "hard.csv")
    (tmp_path / "folder").symlink_to(data)
    guard = Guard([data, table, image], overwrite)
    for target in (
        image,
        table,
        tmp_path / "link.csv",
        tmp_path / "hard.csv",
        tmp_path / "folder" / "a.png",
        data / ".." / "data" / "a.png",
    ):
        with pytest.raises(IsthmusError, match="originals are never replaced"):
            guard.refuse(target, ours=ours, kind=".csv")
    assert guard.refuse(data / "new.csv", kind=".csv") is None
    (data / "mine.csv").write_text("ours")
    assert guard.refuse(data / "mine.csv", ours=ours, kind=".csv") is None
    with pytest.raises(IsthmusError, match="is a folder"):
        guard.refuse(data)


def test_other_files_need_leave_and_our_own_do_not(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    assert Guard().refuse(path) is None
    path.write_text("theirs")
    with pytest.raises(IsthmusError, match="--overwrite"):
        Guard().refuse(path, ours=ours)
    assert Guard(overwrite=True).refuse(path, ours=ours) is None
    path.write_text("ours")
    assert Guard().refuse(path, ours=ours) is None
    (tmp_path / "dead").symlink_to(tmp_path / "nowhere")  # replacing it would lose the link
    with pytest.raises(IsthmusError, match="exists already"):
        Guard().refuse(tmp_path / "dead")

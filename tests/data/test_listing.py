"""Which files below a folder are images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from isthmus.data.listing import files_in
from isthmus.data.new_images import images_in
from isthmus.data.sources import from_folder
from isthmus.errors import IsthmusError

from .conftest import save

PIXELS = np.arange(20, dtype=np.uint8).reshape(4, 5)


def link(at: Path, to: Path) -> None:
    try:
        at.symlink_to(to, target_is_directory=to.is_dir())
    except OSError:  # Windows asks for a right that few have
        pytest.skip("links cannot be made here")


def test_linked_folders_are_entered_and_loops_seen(tmp_path: Path) -> None:
    for kind in ("images", "masks"):
        save(tmp_path / "data" / kind / "a.png", PIXELS)
        save(tmp_path / "elsewhere" / kind / "b.png", PIXELS)
        link(tmp_path / "data" / kind / "plate2", tmp_path / "elsewhere" / kind)
        link(tmp_path / "elsewhere" / kind / "again", tmp_path / "data" / kind)
        link(tmp_path / "data" / kind / "self", tmp_path / "data")
    found = [case.id for case in from_folder(tmp_path / "data").cases]
    assert found == ["a", "plate2/b"]
    assert [case.id for case in images_in(tmp_path / "data")] == found


@pytest.mark.parametrize("name", ["b", "b.png"])
def test_a_dead_link_is_told(tmp_path: Path, name: str) -> None:
    for kind in ("images", "masks"):
        save(tmp_path / kind / "a.png", PIXELS)
    link(tmp_path / "images" / name, tmp_path / "gone")
    with pytest.raises(IsthmusError, match=r"a link to .*gone, which does not exist"):
        from_folder(tmp_path)


def test_what_other_programs_leave_is_passed_over_and_said(tmp_path: Path) -> None:
    save(tmp_path / "a.png", PIXELS)
    for name in ("a_seg.npy", "RoiSet.zip", "a.roi", "a_flows.tif"):
        (tmp_path / name).write_bytes(b"x")
    problems: list[str] = []
    notes: list[str] = []
    assert list(files_in(tmp_path, problems, notes)) == ["a"]
    assert not problems
    assert "1 .zip" in notes[0]
    (tmp_path / "b.npy").write_bytes(b"x")  # may well be an image
    files_in(tmp_path, problems)
    assert "b.npy: not an image format that is read" in problems[0]


def test_a_png_beside_a_jpeg_of_its_name_is_the_mask(tmp_path: Path) -> None:
    for name in ("a", "b"):
        save(tmp_path / f"{name}.jpg", PIXELS)
        save(tmp_path / f"{name}.png", PIXELS)
    found = from_folder(tmp_path).cases
    assert [(case.id, case.images[0].path.suffix, case.masks[0].path.suffix) for case in found] == [
        ("a", ".jpg", ".png"),
        ("b", ".jpg", ".png"),
    ]

"""Images to segment, from files, folders and tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isthmus.data.cases import Source
from isthmus.data.new_images import images_in
from isthmus.errors import IsthmusError
from isthmus.io.writing import write_image

from .makers import touch


def test_images_from_files_and_folders(tmp_path: Path) -> None:
    single, stack = touch(tmp_path / "one.png"), touch(tmp_path / "s.tif", pages=6)
    touch(tmp_path / "folder" / "deep" / "two.jpg")
    assert [case.id for case in images_in([single, tmp_path / "folder"])] == ["one", "deep/two"]
    (case, *_) = images_in(stack)
    assert (case.id, case.masks, case.images) == ("s-000", (), (Source(stack, 0),))
    assert len(images_in(stack)) == 6


def test_only_the_images_of_a_data_set(tmp_path: Path) -> None:
    touch(tmp_path / "images" / "a.png")
    touch(tmp_path / "masks" / "b.png")
    assert [case.id for case in images_in(tmp_path)] == ["a"]


def test_an_unreadable_image_does_not_hide_the_others(tmp_path: Path) -> None:
    touch(tmp_path / "good.png")
    (tmp_path / "bad.tif").write_bytes(b"II*\0")
    (tmp_path / "empty.png").write_bytes(b"")
    assert [case.id for case in images_in(tmp_path)] == ["bad", "empty", "good"]


@pytest.mark.parametrize("make", [lambda p: p / "none.png", lambda p: p])
def test_no_images(tmp_path: Path, make: Any) -> None:
    with pytest.raises(IsthmusError, match=r"no such file or folder|no images here"):
        images_in(make(tmp_path))


def test_two_images_that_would_get_one_name(tmp_path: Path) -> None:
    first, second = touch(tmp_path / "a" / "x.png"), touch(tmp_path / "b" / "x.png")
    with pytest.raises(IsthmusError, match="would be called 'x'"):
        images_in([first, second])


def test_masks_beside_their_images_are_not_segmented(tmp_path: Path) -> None:
    for name in ("a", "a_mask", "b", "b_anno", "c"):
        write_image(tmp_path / f"{name}.png", np.zeros((1, 4, 4), np.uint8))
    assert [case.id for case in images_in(tmp_path)] == ["a", "b", "c"]


def test_images_of_a_table(tmp_path: Path) -> None:
    write_image(tmp_path / "far" / "a.png", np.zeros((1, 4, 4), np.uint8))
    (tmp_path / "t.csv").write_text("image\nfar/a.png\n", encoding="utf-8")
    (case,) = images_in(tmp_path / "t.csv")
    assert (case.id, case.masks) == ("a", ())
    (tmp_path / "t.csv").write_text("image,mask\nfar/a.png,\nfar/b.png,x.png\n", encoding="utf-8")
    with pytest.raises(IsthmusError, match=r"line 3: no file .*b\.png"):
        images_in(tmp_path / "t.csv")

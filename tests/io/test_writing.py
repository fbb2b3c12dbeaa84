"""Files appear whole or not at all."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from isthmus.errors import IsthmusError
from isthmus.io.images import Source, read_mask, write_image, write_mask

NOISE = np.random.default_rng(0).integers(0, 65536, (64, 64), dtype=np.uint16)


@pytest.fixture
def full_disk() -> Iterator[None]:
    """Files cannot grow beyond 1000 bytes: the operating system itself refuses the write."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.usefixtures("full_disk")
def test_a_write_that_fails_leaves_nothing(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x.{suffix}"
    with pytest.raises(IsthmusError, match=rf"x\.{suffix}: cannot be written \(File too large\); free space"):
        write_mask(path, NOISE)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("full_disk")
def test_a_write_that_fails_keeps_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    write_mask(path, NOISE[:4, :4])
    with pytest.raises(IsthmusError):
        write_mask(path, NOISE)
    np.testing.assert_array_equal(read_mask(Source(path)), NOISE[:4, :4])
    assert list(tmp_path.iterdir()) == [path]


def test_any_viewer_reads_the_masks(tmp_path: Path) -> None:
    for dtype in (np.uint8, np.uint16):
        mask = NOISE.astype(dtype)
        write_mask(tmp_path / "x.png", mask)
        with Image.open(tmp_path / "x.png") as picture:
            np.testing.assert_array_equal(np.asarray(picture), mask)
    write_mask(tmp_path / "x.png", np.array([[True, False]]))
    assert read_mask(Source(tmp_path / "x.png")).tolist() == [[1, 0]]


def test_colours_in_their_order(tmp_path: Path) -> None:
    red = np.zeros((3, 2, 2), np.uint8)
    red[0] = 255
    for suffix in ("png", "tif"):
        write_image(tmp_path / f"x.{suffix}", red)
        with Image.open(tmp_path / f"x.{suffix}") as picture:
            assert picture.mode == "RGB"
            assert picture.getpixel((0, 0)) == (255, 0, 0)


@pytest.mark.parametrize(
    ("name", "pixels", "says"),
    [
        ("x.jpg", np.zeros((1, 2, 2), np.uint8), "without loss, as .png, .tif"),
        ("x.png", np.zeros((1, 2, 2), np.int32), "PNG cannot hold .* int32; choose .tif"),
        ("x.png", np.zeros((2, 2, 2), np.uint8), "PNG cannot hold"),
        ("x.png", np.zeros((1, 2, 2, 2), np.uint8), "PNG cannot hold"),
    ],
)
def test_what_a_format_cannot_hold(tmp_path: Path, name: str, pixels: Any, says: str) -> None:
    with pytest.raises(IsthmusError, match=says):
        write_image(tmp_path / name, pixels)
    assert list(tmp_path.iterdir()) == []

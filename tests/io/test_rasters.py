"""Pixel sizes in PNG: Pillow writes what we read, and reads what we write."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from isthmus.io.images import Source, pixel_size, read_mask, write_mask

PLANE = np.arange(24, dtype=np.uint8).reshape(4, 6)


def test_a_png_states_the_size_of_a_pixel_unless_it_is_a_print_setting(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    picture = Image.fromarray(PLANE)
    picture.save(path)
    assert pixel_size(Source(path)) is None
    for dots in (72, 96, 300):
        picture.save(path, dpi=(dots, dots))
        assert pixel_size(Source(path)) is None
    picture.save(path, dpi=(25_400 / 0.5, 25_400 / 0.25))  # along x, along y
    assert pixel_size(Source(path)) == pytest.approx((0.25, 0.5), rel=1e-5)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_what_is_written_is_read_by_others_and_by_us(tmp_path: Path, dtype: type) -> None:
    path = tmp_path / "a.png"
    mask = PLANE.astype(dtype) * (11 if dtype is np.uint16 else 1)
    write_mask(path, mask, (0.25, 0.5))
    assert pixel_size(Source(path)) == pytest.approx((0.25, 0.5), rel=1e-6)
    np.testing.assert_array_equal(read_mask(Source(path)), mask)
    with Image.open(path) as picture:
        picture.verify()  # checksums of all chunks
        assert picture.info["dpi"] == pytest.approx((25_400 / 0.5, 25_400 / 0.25), rel=1e-6)


def test_a_size_that_png_cannot_state_is_left_out(tmp_path: Path) -> None:
    write_mask(tmp_path / "a.png", PLANE, (1e-5, 1e-5))
    assert pixel_size(Source(tmp_path / "a.png")) is None


def test_a_jpeg_states_none(tmp_path: Path) -> None:
    Image.fromarray(PLANE).save(tmp_path / "a.jpg", dpi=(25_400, 25_400))
    assert pixel_size(Source(tmp_path / "a.jpg")) is None

"""Pixel sizes in TIFF, as OME, ImageJ and plain writers state them; Pillow reads what we write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from isthmus.io.images import Source, pixel_size, read_mask, write_image, write_mask

PLANE = np.zeros((4, 6), np.uint8)
STACK = np.zeros((3, 4, 6), np.uint8)


def stated(path: Path, pixels: np.ndarray, **how: Any) -> tuple[float, ...] | None:
    tifffile.imwrite(path, pixels, **how)
    return pixel_size(Source(path))


def test_ome_states_sizes_in_a_unit(tmp_path: Path) -> None:
    sizes = {"PhysicalSizeX": 0.5, "PhysicalSizeXUnit": "µm", "PhysicalSizeY": 250, "PhysicalSizeYUnit": "nm"}
    path = tmp_path / "a.ome.tif"
    assert stated(path, PLANE, metadata={"axes": "YX", **sizes}) == (0.25, 0.5)
    assert stated(path, STACK, metadata={"axes": "ZYX", **sizes}) is None  # how far are the slices apart?
    assert pixel_size(Source(path, page=1)) == (0.25, 0.5)
    assert stated(path, STACK, metadata={"axes": "ZYX", **sizes, "PhysicalSizeZ": 2}) == (2, 0.25, 0.5)
    assert stated(path, PLANE, metadata={"axes": "YX", "PhysicalSizeX": 1}) is None
    pixels = dict.fromkeys(("PhysicalSizeXUnit", "PhysicalSizeYUnit"), "pixel")
    assert stated(path, PLANE, metadata={"axes": "YX", **sizes, **pixels}) is None


def test_each_image_of_an_ome_file_has_its_own_size(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as file:
        for place, size in enumerate((0.5, 2.0)):
            about = {"axes": "YX", "PhysicalSizeX": size, "PhysicalSizeY": size}
            file.write(np.zeros((4 + place, 6), np.uint8), metadata=about)
    assert [pixel_size(Source(path, page=page)) for page in (0, 1)] == [(0.5, 0.5), (2, 2)]


@pytest.mark.parametrize(("unit", "length"), [("um", 1), ("micron", 1), ("nm", 1e-3), ("mm", 1000)])
def test_imagej_states_sizes_in_a_unit(tmp_path: Path, unit: str, length: float) -> None:
    how: dict[str, Any] = {"imagej": True, "resolution": (2, 4)}
    wanted = (0.25 * length, 0.5 * length)
    assert stated(tmp_path / "a.tif", PLANE, metadata={"axes": "YX", "unit": unit}, **how) == wanted
    about = {"axes": "ZYX", "unit": unit, "spacing": 3.0}
    assert stated(tmp_path / "a.tif", STACK, metadata=about, **how) == pytest.approx((3 * length, *wanted))
    assert pixel_size(Source(tmp_path / "a.tif", page=2)) == wanted


@pytest.mark.parametrize("unit", ["", "pixel", "inch"])
def test_imagej_without_a_unit_of_microscopy_states_none(tmp_path: Path, unit: str) -> None:
    about = {"axes": "YX"} | ({"unit": unit} if unit else {})
    assert stated(tmp_path / "a.tif", PLANE, imagej=True, resolution=(72, 72), metadata=about) is None


def test_plain_tags_count_unless_they_are_print_settings(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    assert stated(path, PLANE) is None
    assert stated(path, PLANE, resolution=(20_000, 40_000), resolutionunit="CENTIMETER") == (0.25, 0.5)
    assert stated(path, PLANE, resolution=(25_400, 25_400), resolutionunit="INCH") == (1, 1)
    assert stated(path, PLANE, resolution=(20_000, 40_000), resolutionunit="NONE") is None
    for dots in (1, 72, 96, 300):
        assert stated(path, PLANE, resolution=(dots, dots), resolutionunit="INCH") is None


def test_an_orientation_that_turns_the_image_turns_the_size(tmp_path: Path) -> None:
    how: dict[str, Any] = {"resolution": (20_000, 40_000), "resolutionunit": "CENTIMETER"}
    turned = stated(tmp_path / "a.tif", PLANE, extratags=[(274, "H", 1, 6, True)], **how)
    assert turned == (0.5, 0.25)


def test_a_damaged_header_states_none_and_leaves_the_pixels(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    text = '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image'
    assert stated(path, PLANE, description=text, metadata=None) is None
    assert read_mask(Source(path)).shape == (4, 6)


@pytest.mark.parametrize("size", [(0.25, 0.5), (0.1083333, 0.1083333), (12.5, 12.5)])
def test_what_is_written_is_read_by_others_and_by_us(tmp_path: Path, size: tuple[float, float]) -> None:
    path = tmp_path / "a.tif"
    write_mask(path, PLANE, size)
    assert pixel_size(Source(path)) == pytest.approx(size, rel=1e-6)
    with Image.open(path) as picture:
        assert picture.tag_v2[296] == 3  # type: ignore[attr-defined]  # centimetres
        assert float(picture.tag_v2[282]) == pytest.approx(1e4 / size[1], rel=1e-6)  # type: ignore[attr-defined]
        assert float(picture.tag_v2[283]) == pytest.approx(1e4 / size[0], rel=1e-6)  # type: ignore[attr-defined]
    write_image(path, np.zeros((2, 4, 6), np.float32), size)
    assert pixel_size(Source(path, page=0)) == pytest.approx(size, rel=1e-6)

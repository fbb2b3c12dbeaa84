"""The page of measured objects: one file, in the unit of length, with pictures of what was measured."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from isthmus.measurement.measure import measure
from isthmus.measurement.options import MeasureOptions
from isthmus.report import objects_page
from isthmus.report.measured import save
from isthmus.report.objects_page import shown

TWO = np.zeros((8, 12), np.uint8)
TWO[1:3, 1:5] = 1
TWO[4:8, 6:8] = 1


def test_a_page_that_needs_no_other_file(tmp_path: Path) -> None:
    masks = {"<a>": TWO, "b": TWO * 0, "c": np.kron(TWO, np.ones((2, 2), np.uint8))}
    images = {name: np.full(mask.shape, 5, np.uint16) for name, mask in masks.items()}
    found = measure(masks, images, MeasureOptions(pixel_size=0.5))
    table, of_images, page = save(found, tmp_path / "new folder/t.csv")
    assert [path.name for path in (table, of_images, page)] == ["t.csv", "t-images.csv", "t.html"]
    text = page.read_text(encoding="utf-8")
    assert "4 objects, of which 2 touch a border" in text
    assert "Area, µm²" in text
    assert "&lt;a&gt;" in text
    assert "<a>" not in text
    assert text.count("<img ") == 6  # image and objects of each
    assert not re.search(r'(src|href)="(?!data:|#)', text)
    assert text.count("<svg") == len(shown(found)) + 1  # and the objects in an image


def test_lengths_are_in_pixels_where_not_all_sizes_are_known(tmp_path: Path) -> None:
    found = measure(TWO)
    assert "area_px" in shown(found)
    page = save(found, tmp_path / "t.csv")[2]
    assert "Area, px" in page.read_text(encoding="utf-8")


def test_a_page_without_objects_and_with_a_single_one(tmp_path: Path) -> None:
    page = save(measure(TWO * 0), tmp_path / "none.csv")[2]
    assert "No mask holds an object" in page.read_text(encoding="utf-8")
    one = np.zeros((5, 5), np.uint8)
    one[2, 2] = 1
    page = save(measure(one), tmp_path / "one.csv")[2]
    assert "1 object, of which 0 touch" in page.read_text(encoding="utf-8")


def test_a_page_of_volumes_shows_their_fullest_slice(tmp_path: Path) -> None:
    volume = np.zeros((4, 8, 12), np.uint8)
    volume[2] = TWO
    page = save(measure(volume, volume * 9, MeasureOptions(pixel_size=(5, 1, 1))), tmp_path / "t.csv")[2]
    text = page.read_text(encoding="utf-8")
    assert "slice 3 of 4" in text
    assert "Volume, µm³" in text


def test_many_images_are_listed_up_to_a_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects_page, "ROWS", 4)
    monkeypatch.setattr(objects_page, "PICTURES", 3)
    monkeypatch.setattr(objects_page, "_charts", lambda _: [])
    found = measure({f"m{i}": TWO for i in range(5)})
    text = save(found, tmp_path / "t.csv")[2].read_text(encoding="utf-8")
    assert "4 of 5 rows are shown; t-images.csv has all" in text
    assert "3 of 5 images are shown" in text

"""Sets of ROIs are read back by roifile, and filling them gives the same pixels."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
import roifile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from isthmus.errors import IsthmusError
from isthmus.io.imagej import write_rois

from .filled import filled


def rings(roi: Any) -> list[Any]:
    found = roi.coordinates(multi=True)
    return found if isinstance(found, list) else [found]


@given(arrays(np.int32, st.tuples(*[st.integers(1, 8)] * 2), elements=st.integers(0, 3)))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_reading_a_set_gives_the_same_pixels(tmp_path: Path, objects: Any) -> None:
    write_rois(tmp_path / "a.zip", objects)
    back = np.zeros_like(objects)
    for roi in roifile.roiread(tmp_path / "a.zip"):
        inside = filled(objects.shape, rings(roi))
        assert not back[inside].any()
        back[inside] = int(roi.name)
        rows, columns = np.nonzero(inside)
        assert (roi.top, roi.left) == (rows.min(), columns.min())
        assert (roi.bottom, roi.right) == (rows.max() + 1, columns.max() + 1)
    assert np.array_equal(back, objects)
    assert os.listdir(tmp_path) == ["a.zip"]


def test_kinds_of_objects_are_kinds_of_rois(tmp_path: Path) -> None:
    objects = np.zeros((6, 9), np.uint16)
    objects[0, 0], objects[1:4, 3:6], objects[2, 4], objects[5, 0], objects[5, 2] = 1, 2, 0, 3, 3
    write_rois(tmp_path / "a.zip", objects, {1: "a", 2: "b/c: 😀", 3: "é"})
    pixel, ring, pieces = roifile.roiread(tmp_path / "a.zip")
    assert [roi.name for roi in (pixel, ring, pieces)] == ["0001 a", "0002 b_c_ _", "0003 é"]
    assert pixel.roitype == roifile.ROI_TYPE.TRACED
    assert pixel.coordinates().tolist() == [[0, 0], [1, 0], [1, 1], [0, 1]]
    assert ring.composite
    assert pieces.composite
    assert len(rings(ring)) == len(rings(pieces)) == 2
    assert ZipFile(tmp_path / "a.zip").namelist()[1] == "0002 b_c_ _.roi"


def test_each_slice_of_a_volume_is_at_its_position(tmp_path: Path) -> None:
    volume = np.zeros((3, 4, 5), np.int32)
    volume[1:, 1:3, 1:3] = 12
    write_rois(tmp_path / "a.zip", volume)
    found = roifile.roiread(tmp_path / "a.zip")
    assert [(roi.name, roi.position) for roi in found] == [("0012-z002", 2), ("0012-z003", 3)]


def test_no_objects_are_an_empty_set(tmp_path: Path) -> None:
    write_rois(tmp_path / "a.zip", np.zeros((4, 4), np.uint8))
    assert roifile.roiread(tmp_path / "a.zip") == []


@pytest.mark.parametrize("at", [32_766, 40_000, 70_000])
def test_objects_far_out_stay_where_they_are(tmp_path: Path, at: int) -> None:
    objects = np.zeros((3, at + 5), np.uint8)
    objects[1, at : at + 4] = 1
    objects[0, : at + 3] = 2
    write_rois(tmp_path / "a.zip", objects)
    one, two = roifile.roiread(tmp_path / "a.zip")
    assert one.coordinates().tolist() == [[at, 1], [at + 4, 1], [at + 4, 2], [at, 2]]
    assert two.coordinates().tolist() == [[0, 0], [at + 3, 0], [at + 3, 1], [0, 1]]


def test_equal_masks_give_equal_files(tmp_path: Path) -> None:
    objects = np.eye(5, dtype=np.int32) * np.arange(5)
    write_rois(tmp_path / "a.zip", objects)
    write_rois(tmp_path / "b.zip", objects)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_what_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(IsthmusError, match="found float64"):
        write_rois(tmp_path / "a.zip", np.zeros((2, 2)))
    assert os.listdir(tmp_path) == []
    monkeypatch.setitem(sys.modules, "roifile", None)
    with pytest.raises(IsthmusError, match=r"ImageJ ROIs need roifile .*pip install 'isthmus\[objects\]'"):
        write_rois(tmp_path / "a.zip", np.ones((2, 2), np.uint8))
    assert os.listdir(tmp_path) == []

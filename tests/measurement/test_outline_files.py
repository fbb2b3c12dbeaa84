"""Outlines beside the table: read back they are the mask, and nothing is written elsewhere or over other files."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import roifile
import tifffile

import isthmus
from isthmus.errors import IsthmusError
from isthmus.report import objects_page
from isthmus.watch import Silent

from ..io.outlines_back import of_geojson, of_rois
from ..masks import save

MASK = np.zeros((9, 14), np.uint16)
MASK[1:6, 1:6], MASK[2:5, 2:5], MASK[3, 3] = 3, 0, 900  # a ring around a pixel
MASK[1:4, 6:9], MASK[4, 9], MASK[7:, 12:] = 7, 7, 7  # beside it, in three pieces


@pytest.fixture(autouse=True)
def without_charts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects_page, "_charts", lambda _: [])


def back(folder: Path, name: str, shape: tuple[int, ...]) -> Any:
    """What both files of an image enclose, which is the same."""
    found = of_rois(folder / f"rois/{name}.zip", shape)
    np.testing.assert_array_equal(of_geojson(folder / f"geojson/{name}.geojson", shape), found)
    return found


def files_in(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def measure(masks: Any, folder: Path, images: Any = None, **options: Any) -> Any:
    return isthmus.measure(masks, images, out=folder / "t.csv", rois=True, geojson=True, **options)


def test_numbered_masks_come_back_pixel_by_pixel(tmp_path: Path) -> None:
    masks = save(tmp_path / "masks", a=MASK, none=MASK * 0)
    save(masks / "deep/er", a=MASK[::-1])
    measure(masks, tmp_path / "out", instances=True)
    np.testing.assert_array_equal(back(tmp_path / "out", "a", MASK.shape), MASK)
    np.testing.assert_array_equal(back(tmp_path / "out", "deep/er/a", MASK.shape), MASK[::-1])
    assert not back(tmp_path / "out", "none", MASK.shape).any()
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "t.csv", "t-images.csv", "t.html", "rois", "geojson",
    }  # fmt: skip


def test_numbers_are_those_of_the_table(tmp_path: Path) -> None:
    mask = np.random.default_rng(0).integers(0, 2, (20, 30)).astype(np.uint8) * 255
    found = measure({"x": mask}, tmp_path)
    numbers = back(tmp_path, "x", mask.shape)
    np.testing.assert_array_equal(numbers > 0, mask > 0)
    areas = np.bincount(numbers.ravel())[1:]
    assert len(areas) > 40
    np.testing.assert_array_equal(found.objects["area_px"], areas)


def test_classes_are_named(tmp_path: Path) -> None:
    mask = np.array([[1, 0, 1, 0, 2], [0, 0, 0, 0, 0], [2, 2, 0, 1, 1]], np.uint8)
    measure(mask, tmp_path, classes={1: "nucleus", 2: "debris"})
    np.testing.assert_array_equal(
        back(tmp_path, "image", mask.shape), [[1, 0, 2, 0, 4], [0, 0, 0, 0, 0], [5, 5, 0, 3, 3]]
    )
    names = ["nucleus"] * 3 + ["debris"] * 2
    assert [roi.name for roi in roifile.roiread(tmp_path / "rois/image.zip")] == [
        f"{number:04} {name}" for number, name in enumerate(names, 1)
    ]
    assert classes_of(tmp_path / "geojson/image.geojson") == names


def classes_of(path: Path) -> list[str]:
    features = json.loads(path.read_text())["features"]
    return [feature["properties"]["classification"]["name"] for feature in features]


def test_the_only_class_has_its_name(tmp_path: Path) -> None:
    mask = (MASK == 3).astype(np.uint8)
    measure(mask, tmp_path / "named", classes={1: "nucleus"})
    assert classes_of(tmp_path / "named/geojson/image.geojson") == ["nucleus"]
    measure(mask, tmp_path / "unnamed")
    assert classes_of(tmp_path / "unnamed/geojson/image.geojson") == ["object"]


@pytest.mark.parametrize("with_image", [False, True])
def test_volumes_are_outlined_as_their_files_store_them(tmp_path: Path, with_image: bool) -> None:
    """With an image as the image is stored, else as the mask is."""
    voxels = np.random.default_rng(0).integers(0, 5, (6, 5, 4)).astype(np.int16)
    turned = np.array([[0, 2, 0, 0], [-1, 0, 0, 5], [0, 0, 3, 0], [0, 0, 0, 1]], float)
    nibabel.save(nibabel.Nifti1Image(voxels, turned), tmp_path / "mask.nii.gz")
    stored, image = voxels.T, None
    if with_image:  # the same points in space: x and y exchanged, y upside down
        plain = np.diag([2.0, 1, 3, 1])
        image = tmp_path / "image.nii.gz"
        nibabel.save(nibabel.Nifti1Image(voxels.transpose(1, 0, 2)[:, ::-1], plain), image)
        stored = voxels.transpose(1, 0, 2)[:, ::-1].T
    found = measure(tmp_path / "mask.nii.gz", tmp_path / "out", image, instances=True)
    np.testing.assert_array_equal(back(tmp_path / "out", "mask", stored.shape), stored)
    if with_image:
        for number, value in zip(found.objects["number"], found.objects["intensity_mean"], strict=True):
            assert number == value


def test_slices_of_a_stack_are_positions(tmp_path: Path) -> None:
    stack = np.stack([MASK, MASK * 0, MASK[::-1]])
    tifffile.imwrite(tmp_path / "m.tif", stack, imagej=True, metadata={"axes": "ZYX"})
    measure(tmp_path / "m.tif", tmp_path / "out", instances=True)
    np.testing.assert_array_equal(back(tmp_path / "out", "m", stack.shape), stack)


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/x", "a\\..\\x", "..", "a//b", "con", "C:x"])
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(IsthmusError, match="cannot be the name of a file"):
        measure({"fine": MASK, name: MASK}, tmp_path / "in")
    assert files_in(tmp_path) == {}


def test_no_link_leads_out_of_the_folder(tmp_path: Path) -> None:
    for name in ("in", "elsewhere"):
        (tmp_path / name).mkdir()
    (tmp_path / "in/rois").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(IsthmusError, match="a link leads out of"):
        measure(MASK, tmp_path / "in")
    assert files_in(tmp_path) == {}


def saved_as_rois(path: Path) -> None:
    rois = roifile.roiread(path)
    path.unlink()
    roifile.roiwrite(path, rois)


def saved_as_json(path: Path) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()), indent=2))


@pytest.mark.parametrize(
    ("name", "edit"), [("rois/image.zip", saved_as_rois), ("geojson/image.geojson", saved_as_json)]
)
def test_outlines_are_replaced_unless_another_program_saved_them(
    tmp_path: Path, name: str, edit: Any
) -> None:
    measure(MASK, tmp_path, instances=True)
    measure(MASK > 0, tmp_path)  # its own, without a word
    np.testing.assert_array_equal(back(tmp_path, "image", MASK.shape) > 0, MASK > 0)
    edit(tmp_path / name)
    before = files_in(tmp_path)
    with pytest.raises(IsthmusError, match=rf"{name} exists already"):
        measure(MASK, tmp_path, instances=True)
    assert files_in(tmp_path) == before


def test_what_is_in_the_way_is_named_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "geojson").write_text("mine")
    with pytest.raises(IsthmusError, match="geojson is a file; give a folder to write to"):
        measure(MASK, tmp_path)
    (tmp_path / "geojson").unlink()
    monkeypatch.setitem(sys.modules, "roifile", None)
    with pytest.raises(IsthmusError, match=r"pip install 'isthmus\[objects\]'"):
        measure(MASK, tmp_path)
    assert files_in(tmp_path) == {}
    with pytest.raises(IsthmusError, match="written beside the table; say with out"):
        isthmus.measure(MASK, geojson=True)


def test_names_that_are_one_file_on_other_systems_are_told(tmp_path: Path) -> None:
    class Notes(Silent):
        lines: list[str] = []

        def say(self, text: str) -> None:
            self.lines.append(text)

    notes = Notes()
    measure({"a": MASK, "A": MASK}, tmp_path, watch=notes)
    assert sum("are the same file on systems that ignore case" in line for line in notes.lines) == 2

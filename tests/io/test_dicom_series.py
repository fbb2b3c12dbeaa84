"""Slices that make a volume, and everything that is not a series."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isthmus.data.new_images import images_in
from isthmus.data.sources import from_folder
from isthmus.io.images import Source, read_image
from isthmus.io.volumes import spacing, write_volume

from .dicom_files import STORED, series, slice_file
from .refusals import refusal


def test_a_missing_slice(tmp_path: Path) -> None:
    assert "1 slice missing between" in refusal(series(tmp_path / "one", [0, 3, 6, 12, 15, 18]))
    assert "2 slices missing between" in refusal(series(tmp_path / "two", [0, 3, 6, 9, 12, 21]))
    assert "slices too close" in refusal(series(tmp_path / "near", [0, 3, 6, 9, 12, 14]))
    assert "have the same position" in refusal(series(tmp_path / "same", [0, 3, 6, 6, 9, 12]))
    assert spacing(tmp_path / "one") is None
    read_image(Source(series(tmp_path / "rounded", [0, 3.01, 5.99, 9, 12.02, 15])))


def test_what_is_no_series(tmp_path: Path) -> None:
    folder = series(tmp_path / "two")
    slice_file(folder / "other", STORED[0], 3, uid="1.2.4")
    assert "2 series in one folder" in refusal(folder)
    slice_file(series(tmp_path / "sizes") / "other", STORED[0, :3], 18)
    assert "4 x 3 pixels, but" in refusal(tmp_path / "sizes")
    assert "has no slice position (ImagePositionPatient)" in refusal(
        series(tmp_path / "lost", ImagePositionPatient=None)
    )
    frames = slice_file(tmp_path / "frames.dcm", STORED[0], NumberOfFrames=2)
    assert "several frames" in refusal(frames)
    colours = slice_file(tmp_path / "colours.dcm", STORED[0], SamplesPerPixel=3)
    assert "colour DICOM" in refusal(colours)
    cut = slice_file(tmp_path / "cut.dcm", STORED[0])
    cut.write_bytes(cut.read_bytes()[:-9])
    refusal(cut)


def test_series_in_a_folder_of_images(tmp_path: Path) -> None:
    for name in ("p1", "p2"):
        image = series(tmp_path / "images" / name)
        write_volume(tmp_path / "masks" / f"{name}.nii.gz", (STORED > 900).astype(np.uint8), image)
    dataset = from_folder(tmp_path)
    assert [(case.id, case.spacing) for case in dataset.cases] == [("p1", (3, 2, 1)), ("p2", (3, 2, 1))]
    assert [case.id for case in images_in(tmp_path / "images" / "p1")] == ["p1"]
    assert [case.id for case in images_in(tmp_path)] == ["p1", "p2"]


def test_what_does_not_fit_together(tmp_path: Path) -> None:
    def spoiled(name: str, at: int, **changes: Any) -> str:
        folder = tmp_path / name
        for k in range(6):
            own: dict[str, Any] = changes if k >= at else {}
            own = {key: value(k) if callable(value) else value for key, value in own.items()}
            slice_file(folder / f"{k}.dcm", STORED[k], **({"ImagePositionPatient": [-10, -20, 3 * k]} | own))
        return refusal(folder)

    assert "steps sideways by 25 mm between 2.dcm and 3.dcm" in spoiled(
        "sideways", 3, ImagePositionPatient=lambda k: [15, -20, 3 * k]
    )
    turned = spoiled("turned", 5, ImageOrientationPatient=[1, 0, 0, 0, 0, -1])
    assert "5.dcm: is turned by 90 degrees" in turned
    assert "0.dcm: is turned by 90 degrees" in spoiled(
        "first turned",
        0,
        ImageOrientationPatient=lambda k: [1, 0, 0, 0, 0, -1] if k == 0 else [1, 0, 0, 0, 1, 0],
    )
    assert "mirrored/4.dcm: is turned by 180 degrees" in spoiled(
        "mirrored", 4, ImageOrientationPatient=[-1, 0, 0, 0, 1, 0]
    )
    assert "3.dcm: pixels of 4 x 2 mm, but 0.dcm has pixels of 2 x 1 mm" in spoiled(
        "scales", 3, PixelSpacing=[4, 2]
    )
    assert "2.dcm: has no pixel size" in spoiled("none", 2, PixelSpacing=None)
    assert "stacked 56.3 degrees off" in spoiled(
        "aside", 0, ImagePositionPatient=lambda k: [4.5 * k, 0, 3 * k]
    )
    assert "is not two directions" in spoiled("way", 4, ImageOrientationPatient=[1, 0, 0, 1, 0, 0])


def test_a_folder_of_pictures_is_no_series(tmp_path: Path) -> None:
    lost = {"ImagePositionPatient": None, "ImageOrientationPatient": None}
    for k in range(4):
        slice_file(tmp_path / "dx" / f"{k}.dcm", STORED[k], uid=f"1.2.{k}", Modality="DX", **lost)
        slice_file(
            tmp_path / "views" / f"IM{k}", STORED[k], uid="1.2", Modality="MG", PixelSpacing=None, **lost
        )
        slice_file(tmp_path / "patients" / f"{k}.dcm", STORED[k], 3.0 * k, uid=f"1.2.{k}", Modality="CT")
    (tmp_path / "dx" / "Thumbs.db").write_bytes(b"x")
    for folder in ("dx", "views", "patients"):
        cases = images_in(tmp_path / folder)
        assert len(cases) == 4
        np.testing.assert_array_equal(read_image(cases[2].images[0])[0] + 1024, STORED[2])
        assert cases[2].spacing == (None if folder == "views" else (2, 1))
    slice_file(tmp_path / "one" / "0.dcm", STORED[0], Modality="CT")
    assert [case.id for case in images_in(tmp_path / "one")] == ["0"]


@pytest.mark.parametrize(
    "name", ["Thumbs.db", "00_README.txt", "preview.jpg", "DICOMDIR", ".DS_Store", "zz.pdf"]
)
def test_other_files_beside_slices(tmp_path: Path, name: str) -> None:
    folder = series(tmp_path / "x")
    (folder / name).write_bytes(b"\xff\xd8\xff and so on")
    assert [case.id for case in images_in(folder)] == ["x"]
    assert read_image(Source(folder)).shape == (1, 6, 5, 4)


def test_a_damaged_slice_at_the_end_is_not_left_out(tmp_path: Path) -> None:
    for k in range(6):
        slice_file(tmp_path / "x" / f"{k}.dcm", STORED[k], 3.0 * k)
    (tmp_path / "x" / "5.dcm").write_bytes(b"")
    assert "5.dcm: damaged DICOM" in refusal(tmp_path / "x")


@pytest.mark.parametrize("names", [["a.dcm"], ["a.dcm", "notes.txt"], []])
def test_a_folder_that_is_no_series_is_refused_as_a_folder(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        slice_file(tmp_path / name, STORED[0]) if name.endswith("dcm") else (tmp_path / name).write_text("x")
    assert "a folder without a DICOM series" in refusal(tmp_path)
    assert refusal(tmp_path / "none").endswith(": no such file")

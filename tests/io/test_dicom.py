"""DICOM: a series is a volume in space, a single file a picture."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isthmus.data.new_images import images_in
from isthmus.io.images import Source, probe, read_image, read_mask
from isthmus.io.volumes import geometry, refuse_other_place, spacing, write_volume

from .dicom_files import STORED, series, slice_file
from .refusals import refusal


def test_a_series_is_a_volume(tmp_path: Path) -> None:
    folder = series(tmp_path / "CT 1 ä")
    image = read_image(Source(folder))
    np.testing.assert_array_equal(image, STORED[None].astype(int) - 1024)
    assert image.dtype == np.int32
    assert probe(Source(folder)) == (image.shape, image.dtype)
    assert spacing(folder) == (3, 2, 1)
    assert geometry(folder).orientation == "LPS"
    np.testing.assert_array_equal(read_image(Source(folder, 2)), image[:, 2])
    back = tmp_path / "mask.nii.gz"
    write_volume(back, (image[0] > 0).astype(np.uint8), folder)
    np.testing.assert_array_equal(read_image(Source(back))[0], image[0] > 0)
    assert spacing(back) == (3, 2, 1)
    refuse_other_place(folder, back)
    corner = geometry(back).affine @ [0, 0, 0, 1]
    np.testing.assert_allclose(
        corner[:3], [10, 20, 0]
    )  # DICOM's left and back are NIfTI's minus right and front


def test_a_coronal_series(tmp_path: Path) -> None:
    # rows run to the feet, columns to the left; slices are added from front to back
    for k in range(6):
        slice_file(
            tmp_path / "x" / f"{k}.dcm",
            STORED[k],
            ImagePositionPatient=[0, 3.0 * k, 0],
            ImageOrientationPatient=[1, 0, 0, 0, 0, -1],
        )
    image = read_image(Source(tmp_path / "x"))
    np.testing.assert_array_equal(image[0] + 1024, STORED.transpose(1, 0, 2)[::-1])
    assert spacing(tmp_path / "x") == (2, 3, 1)


def test_a_single_file_is_a_picture(tmp_path: Path) -> None:
    path = slice_file(tmp_path / "x.dcm", STORED[0])
    image = read_image(Source(path))
    np.testing.assert_array_equal(image, STORED[:1].astype(int) - 1024)
    assert probe(Source(path))[0] == image.shape == (1, 5, 4)
    assert spacing(path) == (2, 1)
    changes = {"PhotometricInterpretation": "MONOCHROME1", "RescaleSlope": None, "RescaleIntercept": None}
    inverted = slice_file(tmp_path / "y.dcm", STORED[0], **changes, ImagePositionPatient=None)
    assert read_image(Source(inverted)).dtype == np.uint16
    np.testing.assert_array_equal(read_image(Source(inverted))[0], 4095 - STORED[0])
    half = slice_file(tmp_path / "z.dcm", STORED[0], RescaleSlope=0.5)
    np.testing.assert_allclose(read_image(Source(half))[0], STORED[0] * 0.5 - 1024)
    text = tmp_path / "text.dcm"
    text.write_text("no DICOM at all")
    assert "damaged DICOM" in refusal(text)


def test_without_pydicom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = slice_file(tmp_path / "x.dcm", STORED[0])
    imported = builtins.__import__

    def refuse(name: str, *args: Any, **options: Any) -> Any:
        if name == "pydicom":
            raise ImportError(name)
        return imported(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", refuse)
    assert "pip install 'isthmus[io]'" in refusal(path)


def test_a_tilted_gantry_is_kept_in_the_affine_alone(tmp_path: Path) -> None:
    import nibabel

    folder, tilt = tmp_path / "x", np.deg2rad(15)
    way = [1, 0, 0, 0, float(np.cos(tilt)), float(-np.sin(tilt))]
    for k in range(6):
        slice_file(folder / f"{k}.dcm", STORED[k], 3.0 * k, ImageOrientationPatient=way)
    image = read_image(Source(folder))
    np.testing.assert_array_equal(image[0] + 1024, STORED)
    assert geometry(folder).shear == pytest.approx(15)
    write_volume(tmp_path / "y.nii.gz", image[0], folder)
    written = nibabel.load(tmp_path / "y.nii.gz")
    assert [int(written.header[name]) for name in ("sform_code", "qform_code")] == [1, 0]
    corner = written.affine @ [
        0,
        4,
        5,
        1,
    ]  # column 0, row 4, slice 5: by hand, and left and back are negative
    np.testing.assert_allclose(corner[:3], [10, 20 - 8 * np.cos(tilt), 15 - 8 * np.sin(tilt)], atol=1e-5)


def test_each_slice_has_its_own_scale(tmp_path: Path) -> None:
    for k in range(6):
        slice_file(
            tmp_path / "x" / f"{k}.dcm", STORED[k], 3.0 * k, RescaleSlope=0.5 * (k + 1), RescaleIntercept=0
        )
    expected = STORED * (0.5 * np.arange(1, 7))[:, None, None]
    np.testing.assert_allclose(read_image(Source(tmp_path / "x"))[0], expected)


def test_a_sagittal_picture_stays_as_it_lies(tmp_path: Path) -> None:
    path = slice_file(tmp_path / "x.dcm", STORED[0], ImageOrientationPatient=[0, 1, 0, 0, 0, -1])
    np.testing.assert_array_equal(read_image(Source(path))[0] + 1024, STORED[0])


def test_files_without_their_first_bytes(tmp_path: Path) -> None:
    from pydicom import dcmread
    from pydicom.filebase import DicomFileLike
    from pydicom.filewriter import write_dataset

    path = slice_file(tmp_path / "a.dcm", STORED[0])
    whole = read_image(Source(path))
    bare = tmp_path / "bare"
    bare.write_bytes(path.read_bytes()[132:])  # no preamble, but the group that says how it is written
    np.testing.assert_array_equal(read_image(Source(bare)), whole)
    data = dcmread(path)
    for number, implicit in enumerate((True, False)):
        old = tmp_path / f"old{number}"
        with old.open("wb") as file:
            stream = DicomFileLike(file)
            stream.is_little_endian, stream.is_implicit_VR = True, implicit
            write_dataset(stream, data)
        np.testing.assert_array_equal(read_image(Source(old)), whole)
        assert [case.id for case in images_in(old)] == [old.name]


def test_white_is_small_in_signed_pixels_too(tmp_path: Path) -> None:
    changes = {"PhotometricInterpretation": "MONOCHROME1", "PixelRepresentation": 1, "RescaleIntercept": 0}
    pixels = STORED[0].astype(np.int16) - 1000
    path = slice_file(tmp_path / "x.dcm", pixels, **changes)
    np.testing.assert_array_equal(read_image(Source(path))[0], -1 - pixels)
    np.testing.assert_array_equal(read_mask(Source(path)), pixels)  # a mask keeps what it stores
    palette = slice_file(tmp_path / "y.dcm", STORED[0], PhotometricInterpretation="PALETTE COLOR")
    assert "colour DICOM" in refusal(palette)

"""DICOM series: put in order by place, in Hounsfield units, and never with a slice missing."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isthmus.data.folder import from_folder, images_in
from isthmus.data.formats import Source, probe, read_image
from isthmus.data.volume_files import geometry, refuse_other_place, spacing, write_volume
from isthmus.errors import IsthmusError

pydicom = pytest.importorskip("pydicom", reason="pydicom (extra `io`) is not installed")

STORED = np.random.default_rng(0).integers(0, 2000, (6, 5, 4), dtype=np.uint16)  # slices from the feet up


def slice_file(path: Path, pixels: Any, place: float = 0, uid: str = "1.2.3", **changes: Any) -> Path:
    """An axial CT slice (`None` drops a field); rows 2 mm apart, columns 1 mm."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = f"1.2.3.{int(place * 10) + 10000}"
    data = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID = CTImageStorage
    data.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    fields = {
        "SeriesInstanceUID": uid,
        "Rows": pixels.shape[0],
        "Columns": pixels.shape[1],
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": 16,
        "BitsStored": 12,
        "HighBit": 11,
        "PixelRepresentation": 0,
        "RescaleSlope": 1,
        "RescaleIntercept": -1024,
        "PixelSpacing": [2, 1],
        "SliceThickness": 3,
        "ImagePositionPatient": [-10, -20, place],
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
    } | changes
    for name, value in fields.items():
        if value is not None:
            setattr(data, name, value)
    data.PixelData = np.ascontiguousarray(pixels).tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    data.save_as(path, enforce_file_format=True)
    return path


def series(folder: Path, places: list[float] | None = None, **changes: Any) -> Path:
    """File names say nothing of the order: the first to be read lies in the middle."""
    for k, place in enumerate(places or [3.0 * k for k in range(6)]):
        slice_file(folder / f"IM{(k * 5 + 3) % 7}", STORED[k], place, **changes)
    return folder


def refusal(path: Path) -> str:
    with pytest.raises(IsthmusError) as caught:
        read_image(Source(path))
    line = str(caught.value)
    assert "\n" not in line
    assert str(path) in line
    return line


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


def test_a_missing_slice(tmp_path: Path) -> None:
    assert "1 slice missing between" in refusal(series(tmp_path / "one", [0, 3, 6, 12, 15, 18]))
    assert "2 slices missing between" in refusal(series(tmp_path / "two", [0, 3, 6, 9, 12, 21]))
    assert "slices too close" in refusal(series(tmp_path / "near", [0, 3, 6, 9, 12, 14]))
    assert "lie in one place" in refusal(series(tmp_path / "same", [0, 3, 6, 6, 9, 12]))
    assert spacing(tmp_path / "one") is None
    read_image(Source(series(tmp_path / "rounded", [0, 3.01, 5.99, 9, 12.02, 15])))


def test_what_is_no_series(tmp_path: Path) -> None:
    folder = series(tmp_path / "two")
    slice_file(folder / "other", STORED[0], 3, uid="1.2.4")
    assert "2 series in one folder" in refusal(folder)
    slice_file(series(tmp_path / "sizes") / "other", STORED[0, :3], 18)
    assert "4 x 3 pixels, but" in refusal(tmp_path / "sizes")
    assert "says not where its slice lies" in refusal(series(tmp_path / "lost", ImagePositionPatient=None))
    frames = slice_file(tmp_path / "frames.dcm", STORED[0], NumberOfFrames=2)
    assert "several frames" in refusal(frames)
    colours = slice_file(tmp_path / "colours.dcm", STORED[0], SamplesPerPixel=3)
    assert "in colours" in refusal(colours)
    cut = slice_file(tmp_path / "cut.dcm", STORED[0])
    cut.write_bytes(cut.read_bytes()[:-9])
    refusal(cut)


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


def test_series_in_a_folder_of_images(tmp_path: Path) -> None:
    for name in ("p1", "p2"):
        image = series(tmp_path / "images" / name)
        write_volume(tmp_path / "masks" / f"{name}.nii.gz", (STORED > 900).astype(np.uint8), image)
    dataset = from_folder(tmp_path)
    assert [(case.id, case.spacing) for case in dataset.cases] == [("p1", (3, 2, 1)), ("p2", (3, 2, 1))]
    assert [case.id for case in images_in(tmp_path / "images" / "p1")] == ["p1"]
    assert [case.id for case in images_in(tmp_path)] == ["p1", "p2"]


def test_without_pydicom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = slice_file(tmp_path / "x.dcm", STORED[0])
    imported = builtins.__import__

    def refuse(name: str, *args: Any, **options: Any) -> Any:
        if name == "pydicom":
            raise ImportError(name)
        return imported(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", refuse)
    assert "pip install 'isthmus[io]'" in refusal(path)

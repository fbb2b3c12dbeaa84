"""DICOM series: put in order by place, in Hounsfield units, and never with a slice missing."""

from __future__ import annotations

import builtins
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isthmus.data.new_images import images_in
from isthmus.data.sources import from_folder
from isthmus.errors import IsthmusError
from isthmus.io.images import Source, probe, read_image, read_mask
from isthmus.io.volumes import geometry, refuse_other_place, spacing, write_volume

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


def test_a_sagittal_picture_stays_as_it_lies(tmp_path: Path) -> None:
    path = slice_file(tmp_path / "x.dcm", STORED[0], ImageOrientationPatient=[0, 1, 0, 0, 0, -1])
    np.testing.assert_array_equal(read_image(Source(path))[0] + 1024, STORED[0])


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


@pytest.mark.parametrize("names", [["a.dcm"], ["a.dcm", "notes.txt"], []])
def test_a_folder_that_is_no_series_is_refused_as_a_folder(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        slice_file(tmp_path / name, STORED[0]) if name.endswith("dcm") else (tmp_path / name).write_text("x")
    assert "a folder without a DICOM series" in refusal(tmp_path)
    assert refusal(tmp_path / "none").endswith(": no such file")


def compressed(path: Path, pixels: Any, encode: Any, syntax: str, **changes: Any) -> Path:
    from pydicom import dcmread
    from pydicom.encaps import encapsulate

    slice_file(path, pixels, RescaleIntercept=0, **changes)
    data = dcmread(path)
    data.file_meta.TransferSyntaxUID = f"1.2.840.10008.1.2.4.{syntax}"
    data.PixelData = encapsulate([bytes(encode(pixels))])
    data["PixelData"].VR = "OB"
    data["PixelData"].is_undefined_length = True
    data.save_as(path, enforce_file_format=True)
    return path


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("syntax", ["RLELossless", "DeflatedExplicitVRLittleEndian"])
def test_pixels_that_pydicom_packs(tmp_path: Path, syntax: str, signed: bool) -> None:
    from pydicom import dcmread, uid

    values = np.array([[0, 1, 2, 3], [-1, -300, -(2**15), 2**15 - 1]], np.int16)
    stored = values if signed else values.view(np.uint16)
    path = slice_file(
        tmp_path / "x.dcm",
        stored,
        BitsStored=16,
        HighBit=15,
        PixelRepresentation=int(signed),
        RescaleIntercept=0,
    )
    data = dcmread(path)
    if syntax == "RLELossless":
        data.compress(uid.RLELossless)
    data.file_meta.TransferSyntaxUID = getattr(uid, syntax)
    data.save_as(path, enforce_file_format=True)
    np.testing.assert_array_equal(read_image(Source(path))[0], stored)


CODECS = {"57": "ljpeg", "70": "ljpeg", "80": "jpegls", "90": "jpeg2k", "91": "jpeg2k", "201": "htj2k"}
if metadata.version("imagecodecs") < "2026":  # HTJ2K is decoded, but such a file cannot be made
    del CODECS["201"]


@pytest.mark.parametrize("syntax", CODECS)
@pytest.mark.parametrize(("stored", "signed"), [(12, False), (16, False), (12, True), (16, True)])
def test_compressed_pixels(tmp_path: Path, syntax: str, stored: int, signed: bool) -> None:
    import imagecodecs

    random = np.random.default_rng(0)
    low, high = (-(2 ** (stored - 1)), 2 ** (stored - 1)) if signed else (0, 2**stored)
    values = random.integers(low, high, (48, 40)).astype(np.int16 if signed else np.uint16)
    values[0, :2] = low, high - 1

    def encode(pixels: Any) -> bytes:
        plain = pixels.astype(np.uint16) & (2**stored - 1)  # the codecs of DICOM know no sign
        if syntax in ("90", "91"):
            return imagecodecs.jpeg2k_encode(plain, level=0, reversible=True, codecformat="j2k")
        if syntax == "201":
            return imagecodecs.htj2k_encode(plain, reversible=True, level=None)
        return getattr(imagecodecs, f"{CODECS[syntax]}_encode")(plain)

    changes = {"BitsStored": stored, "HighBit": stored - 1, "PixelRepresentation": int(signed)}
    path = compressed(tmp_path / "x.dcm", values, encode, syntax, **changes)
    np.testing.assert_array_equal(read_image(Source(path))[0], values)


@pytest.mark.parametrize("syntax", sorted({"90", "201"} & set(CODECS)))
def test_compressed_pixels_whose_stream_has_a_sign(tmp_path: Path, syntax: str) -> None:
    import imagecodecs

    values = np.random.default_rng(0).integers(-(2**15), 2**15, (48, 40)).astype(np.int16)

    def encode(pixels: Any) -> bytes:
        if syntax == "90":
            return imagecodecs.jpeg2k_encode(pixels, level=0, reversible=True, codecformat="j2k")
        return imagecodecs.htj2k_encode(pixels, reversible=True, level=None)

    path = compressed(
        tmp_path / "x.dcm", values, encode, syntax, BitsStored=16, HighBit=15, PixelRepresentation=1
    )
    np.testing.assert_array_equal(read_image(Source(path))[0], values)


def test_compressed_pixels_that_are_damaged_or_not_read(tmp_path: Path) -> None:
    path = compressed(tmp_path / "x.dcm", STORED[0], lambda pixels: b"\xff\xd8 nothing", "70")
    assert "JPEG Lossless" in refusal(path)
    path = compressed(tmp_path / "y.dcm", STORED[0], lambda pixels: b"a film", "100")
    assert "compressed DICOM (MPEG2" in refusal(path)


def test_white_is_small_in_signed_pixels_too(tmp_path: Path) -> None:
    changes = {"PhotometricInterpretation": "MONOCHROME1", "PixelRepresentation": 1, "RescaleIntercept": 0}
    pixels = STORED[0].astype(np.int16) - 1000
    path = slice_file(tmp_path / "x.dcm", pixels, **changes)
    np.testing.assert_array_equal(read_image(Source(path))[0], -1 - pixels)
    np.testing.assert_array_equal(read_mask(Source(path)), pixels)  # a mask keeps what it stores
    palette = slice_file(tmp_path / "y.dcm", STORED[0], PhotometricInterpretation="PALETTE COLOR")
    assert "colour DICOM" in refusal(palette)

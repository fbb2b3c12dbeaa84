"""Compressed pixels of DICOM, against the libraries that wrote them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isthmus.io.images import Source, read_image

from .dicom_files import STORED, slice_file
from .refusals import refusal


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

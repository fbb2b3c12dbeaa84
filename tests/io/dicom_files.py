"""DICOM files written by pydicom, with whatever is wrong with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

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
    """File names say nothing about the order: the first to be read lies in the middle."""
    for k, place in enumerate(places or [3.0 * k for k in range(6)]):
        slice_file(folder / f"IM{(k * 5 + 3) % 7}", STORED[k], place, **changes)
    return folder

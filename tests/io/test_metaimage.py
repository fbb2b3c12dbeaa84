"""MetaImage: every number type, plain and packed, and wrong headers."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest

from isthmus.io.images import Source, read_image
from isthmus.io.volumes import geometry, spacing, write_volume

from .refusals import refusal
from .volume_files import RANDOM, VOXELS, ZYX, mha


@pytest.mark.parametrize(
    ("kind", "code"), [("MET_LONG", "<i4"), ("MET_ULONG", "<u4"), ("MET_LONG_LONG", "<i8")]
)
def test_long_elements(tmp_path: Path, kind: str, code: str) -> None:
    path = mha(tmp_path / "x.mha", ZYX, compress=False, ElementType=kind)
    path.write_bytes(path.read_bytes()[: -ZYX.nbytes] + np.abs(ZYX).astype(code).tobytes())
    np.testing.assert_array_equal(read_image(Source(path)), np.abs(ZYX)[None])


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("dtype", ["int16", "uint8", "float32"])
def test_meta_image(tmp_path: Path, compress: bool, dtype: str) -> None:
    voxels = RANDOM.integers(0, 100, (6, 5, 4)).astype(
        dtype
    )  # z, y, x, and already left, posterior, superior
    path = mha(tmp_path / "x.mha", voxels, compress)
    np.testing.assert_array_equal(read_image(Source(path))[0], voxels)
    assert read_image(Source(path)).dtype == np.dtype(dtype)
    assert (geometry(path).orientation, spacing(path)) == ("LPS", (3, 2, 1))
    turned = mha(tmp_path / "y.mha", voxels, compress, TransformMatrix="0 1 0 -1 0 0 0 0 -1")
    assert geometry(turned).orientation == "PRI"  # x runs to the back, y to the right, z to the feet
    np.testing.assert_array_equal(read_image(Source(turned))[0], voxels[::-1, ::-1].transpose(0, 2, 1))
    write_volume(tmp_path / "y.nii.gz", read_image(Source(turned))[0], turned)
    again = nibabel.load(tmp_path / "y.nii.gz")
    np.testing.assert_array_equal(np.asarray(again.dataobj), voxels.transpose(2, 1, 0))
    assert nibabel.aff2axcodes(again.affine) == ("P", "R", "I")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"DimSize": "4 5 7"}, "bytes of voxels where"),
        ({"ElementType": "MET_OTHER"}, "type MET_OTHER"),
        ({"ElementDataFile": "x.raw"}, "voxels are missing"),
        ({"DimSize": "4 5 6 2"}, "neither a picture nor a volume"),
        ({"ElementSpacing": "1 0 3"}, "no direction"),
        ({"TransformMatrix": "1 0 0 1 0 0 0 0 1"}, "one direction"),
    ],
)
def test_meta_images_that_are_wrong(tmp_path: Path, changes: dict[str, str], reason: str) -> None:
    path = mha(tmp_path / "x.mha", VOXELS, compress=True, **changes)
    assert reason in refusal(path)

"""Formats of volumes against ITK and nibabel, which write them, and damaged streams."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest

from isthmus.errors import IsthmusError
from isthmus.io.images import Source, probe, read_image, read_mask, rounding_error
from isthmus.io.volumes import geometry, spacing, unit, write_volume

from .itk_files import image, itk
from .refusals import refusal
from .volume_files import VOXELS, ZYX, affine_of, mha, nifti, nrrd


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("name", ["x.mha", "x.mhd", "x.nrrd", "x.nhdr", "x.nii", "x.nii.gz", "x.hdr"])
def test_what_itk_writes(tmp_path: Path, name: str, compress: bool) -> None:
    sitk = itk()
    sitk.WriteImage(image(), str(tmp_path / name), compress)
    array = read_image(Source(tmp_path / name))
    np.testing.assert_array_equal(array, ZYX[None])
    assert probe(Source(tmp_path / name)) == (array.shape, array.dtype)
    assert spacing(tmp_path / name) == (3, 2, 1)
    np.testing.assert_allclose(geometry(tmp_path / name).array_affine[:3, 3], [-5, -6, 7])
    write_volume(tmp_path / "back.nii.gz", array[0], tmp_path / name)
    again = sitk.ReadImage(str(tmp_path / "back.nii.gz"))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(again), ZYX)
    np.testing.assert_allclose(again.GetOrigin(), (5, 6, 7), atol=1e-5)


@pytest.mark.parametrize("name", ["x.mha", "x.nrrd", "x.nhdr", "x.mhd"])
def test_pictures_and_a_fourth_axis_of_one(tmp_path: Path, name: str) -> None:
    sitk = itk()
    sitk.WriteImage(image(ZYX[2]), str(tmp_path / name))
    np.testing.assert_array_equal(read_image(Source(tmp_path / name)), ZYX[None, 2:3])
    assert spacing(tmp_path / name) == (1, 2, 1)
    four = tmp_path / f"four-{name}"
    sitk.WriteImage(sitk.JoinSeries(image()), str(four))
    np.testing.assert_array_equal(read_image(Source(four)), ZYX[None])
    assert spacing(four) == (3, 2, 1)


def test_text_and_skipped_bytes(tmp_path: Path) -> None:
    words = " ".join(map(str, ZYX.ravel())).encode()
    path = mha(tmp_path / "x.mha", ZYX, compress=False, BinaryData="False")
    path.write_bytes(path.read_bytes()[: -ZYX.nbytes] + words)
    np.testing.assert_array_equal(read_image(Source(path))[0], ZYX)
    for skip, content in (("7", b"7 bytes" + ZYX.tobytes()), ("-1", b"any" + ZYX.tobytes())):
        (tmp_path / "x.raw").write_bytes(content)
        head = mha(tmp_path / "x.mhd", ZYX, compress=False, HeaderSize=skip, ElementDataFile="x.raw")
        head.write_bytes(head.read_bytes()[: -ZYX.nbytes])
        np.testing.assert_array_equal(read_image(Source(head))[0], ZYX)
    path = nrrd(tmp_path / "x.nrrd", VOXELS, "text")
    path.write_bytes(path.read_bytes()[: -VOXELS.nbytes] + words)
    np.testing.assert_array_equal(read_image(Source(path))[0], ZYX)


def packed(folder: Path, name: str) -> Path:
    """A compressed volume."""
    path = folder / name
    random = np.random.default_rng(0).integers(0, 99, (12, 13, 14), dtype=np.int16)
    if name.endswith(".mha"):
        mha(path, random, compress=True)
    elif name.endswith(".nrrd"):
        nrrd(path, random)
    elif name.endswith(".mgz"):
        nibabel.save(nibabel.MGHImage(random, np.eye(4)), path)
    else:
        nibabel.save(nibabel.Nifti1Image(random, np.eye(4)), path)
    return path


@pytest.mark.parametrize("name", ["x.nii.gz", "x.mha", "x.nrrd", "x.mgz"])
def test_damaged_streams(tmp_path: Path, name: str) -> None:
    path = packed(tmp_path, name)
    whole = path.read_bytes()
    right, odd = read_image(Source(path)), []
    for cut in (1, 4, len(whole) // 2):
        path.write_bytes(whole[:-cut])
        assert "\n" not in refusal(path)
    for place in range(len(whole) - 1, len(whole) // 3, -97):  # any byte of the voxels or their checksum
        content = bytearray(whole)
        content[place] ^= 0x10
        path.write_bytes(content)
        try:
            same = np.array_equal(read_image(Source(path)), right)  # some bits of a stream mean nothing
        except IsthmusError:
            continue
        odd += [] if same else [place]
    assert odd == []


@pytest.mark.parametrize(
    "sizes", ["0 5 6", "-4 5 6", f"{10**30} 1 1", "4294967296 4294967296 1", "65536 65536 65536"]
)
def test_sizes_that_no_volume_has(tmp_path: Path, sizes: str) -> None:
    for path in (
        mha(tmp_path / "x.mha", ZYX, compress=True, DimSize=sizes),
        nrrd(tmp_path / "x.nrrd", VOXELS, sizes=sizes),
    ):
        line = refusal(path)
        assert "axis of length" in line or "more than the" in line or "too large" in line
        with pytest.raises(IsthmusError):
            probe(Source(path))


def test_labels_nearly_whole_are_rounded(tmp_path: Path) -> None:
    labels = np.random.default_rng(0).integers(0, 3, (4, 5, 6))
    header = nibabel.Nifti1Header()
    header.set_data_dtype(np.int16)
    scaled = tmp_path / "x.nii"
    nibabel.save(
        nibabel.Nifti1Image(labels.astype(float), np.eye(4), header=header), scaled
    )  # 1 becomes 1.00002
    assert 0 < rounding_error(Source(scaled)) < 1e-4
    oriented = read_mask(Source(nifti(tmp_path / "y.nii", labels.astype(np.uint8), np.eye(4))))
    np.testing.assert_array_equal(read_mask(Source(scaled)), oriented)
    for value in (0.998, 1.5, np.nan, np.inf):
        wrong = labels.astype(np.float32)
        wrong[0, 0, 0] = value
        with pytest.raises(IsthmusError, match="a mask with the value"):
            read_mask(Source(nifti(tmp_path / "z.nii", wrong)))


def test_units_of_metaimage_and_nifti(tmp_path: Path) -> None:
    assert unit(mha(tmp_path / "x.mha", ZYX, compress=False, DistanceUnits="um")) == "µm"
    assert unit(mha(tmp_path / "y.mha", ZYX, compress=False)) == ""
    for name, expected in (("micron", "µm"), ("meter", "m"), ("mm", "mm"), ("unknown", "")):
        path = nifti(tmp_path / f"{name}.nii", VOXELS, affine_of("LPS"))
        volume = nibabel.load(path)
        volume.header.set_xyzt_units(name, "sec")
        nibabel.save(nibabel.Nifti1Image(VOXELS, affine_of("LPS"), volume.header), path)
        assert unit(path) == expected
        write_volume(tmp_path / "back.nii", read_image(Source(path))[0], path)
        assert nibabel.load(tmp_path / "back.nii").header.get_xyzt_units() == (name, "sec")
    write_volume(tmp_path / "back.nii", ZYX, mha(tmp_path / "x.mha", ZYX, compress=False, DistanceUnits="cm"))
    written = nibabel.load(tmp_path / "back.nii")  # NIfTI has no centimetres
    assert written.header.get_xyzt_units()[0] == "mm"
    np.testing.assert_allclose(written.header.get_zooms(), (10, 20, 30))

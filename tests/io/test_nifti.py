"""NIfTI: forms and units of the header are kept, damaged headers refused."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from isthmus.io.images import Source, read_image
from isthmus.io.volumes import geometry, spacing, write_volume

from .refusals import refusal
from .volume_files import VOXELS, ZYX, affine_of, nifti, nrrd


@pytest.mark.parametrize("codes", [(4, 1), (2, 0), (0, 3), (0, 0)])
@pytest.mark.parametrize("version", [nibabel.Nifti1Image, nibabel.Nifti2Image])
def test_both_forms_of_a_header_are_kept(tmp_path: Path, codes: tuple[int, int], version: Any) -> None:
    scanner, aligned = affine_of("LPS", (1, 2, 3)), affine_of("LPS", (1, 2, 3))
    aligned[:3, 3] += (30, 10, 5)
    image = version(VOXELS, scanner)
    image.set_sform(aligned, codes[0])
    image.set_qform(scanner, codes[1])
    nibabel.save(image, tmp_path / "x.nii")
    path = tmp_path / "x.nii"
    write_volume(tmp_path / "y.nii.gz", read_image(Source(path))[0], path)
    first, second = nibabel.load(path), nibabel.load(tmp_path / "y.nii.gz")
    np.testing.assert_array_equal(np.asarray(second.dataobj), VOXELS)
    np.testing.assert_allclose(second.affine, first.affine)
    for form in ("get_sform", "get_qform"):
        ours, theirs = getattr(second, form)(coded=True), getattr(first, form)(coded=True)
        assert ours[1] == theirs[1]
        if theirs[1]:
            np.testing.assert_allclose(ours[0], theirs[0], atol=1e-6)


def test_a_quaternion_that_cannot_say_it_is_left_out(tmp_path: Path) -> None:
    path = nrrd(
        tmp_path / "x.nrrd", VOXELS, space_directions="(1,0,0) (0,2,0) (0,1,3)"
    )  # as under a tilted gantry
    write_volume(tmp_path / "y.nii", read_image(Source(path))[0], path)
    written = nibabel.load(tmp_path / "y.nii")
    np.testing.assert_allclose(written.affine, geometry(path).affine, atol=1e-6)
    assert [int(written.header[name]) for name in ("sform_code", "qform_code")] == [1, 0]
    write_volume(tmp_path / "z.nii", read_image(Source(path))[0], nrrd(tmp_path / "x.nrrd", VOXELS))
    assert int(nibabel.load(tmp_path / "z.nii").header["qform_code"]) == 1


def test_freesurfer_and_analyze(tmp_path: Path) -> None:
    for name in ("x.mgz", "x.mgh"):
        nibabel.save(nibabel.MGHImage(VOXELS.astype(np.float32), affine_of("LPS")), tmp_path / name)
        np.testing.assert_array_equal(read_image(Source(tmp_path / name))[0], ZYX)
        assert geometry(tmp_path / name).placed
    nibabel.AnalyzeImage(VOXELS, np.diag([-1, 2, 3, 1])).to_filename(tmp_path / "x.hdr")
    assert (geometry(tmp_path / "x.hdr").placed, spacing(tmp_path / "x.hdr")) == (False, (3, 2, 1))
    np.testing.assert_array_equal(
        read_image(Source(tmp_path / "x.img")), read_image(Source(tmp_path / "x.hdr"))
    )


def test_a_volume_with_its_checksum_broken(tmp_path: Path) -> None:
    # the voxels are whole: nothing but the checksum tells that they are others than were written
    path = nifti(tmp_path / "x.nii.gz", VOXELS, affine_of("LPS"))
    plain = bytearray(gzip.decompress(path.read_bytes()))
    before = path.read_bytes()
    plain[-1] ^= 1
    path.write_bytes(gzip.compress(plain)[:-8] + before[-8:])
    assert "CRC check failed" in refusal(path)


def test_more_voxels_than_a_stream_can_hold(tmp_path: Path) -> None:
    path = tmp_path / "x.nii.gz"
    plain = bytearray(nibabel.Nifti1Image(VOXELS, np.eye(4)).to_bytes())
    plain[42:48] = np.array([800, 800, 800], "<i2").tobytes()  # a gigabyte by its header
    path.write_bytes(gzip.compress(plain))
    assert "its voxels are cut off" in refusal(path)


@pytest.mark.parametrize("sizes", [(0, 5, 6), (-1, 5, 6), (32767, 32767, 32767)])
def test_sizes_that_no_nifti_has(tmp_path: Path, sizes: tuple[int, ...]) -> None:
    path = nifti(tmp_path / "x.nii", VOXELS)
    content = bytearray(path.read_bytes())
    content[42:48] = np.array(sizes, "<i2").tobytes()
    path.write_bytes(content)
    refusal(path)


def test_a_suffix_that_lies_about_compression(tmp_path: Path) -> None:
    nifti(tmp_path / "a.nii.gz", np.zeros((3, 3, 3), np.uint8)).rename(tmp_path / "b.nii")
    assert "is compressed, unlike its name; rename it to b.nii.gz" in refusal(tmp_path / "b.nii")
    nifti(tmp_path / "c.nii", np.zeros((3, 3, 3), np.uint8)).rename(tmp_path / "d.NII.GZ")
    assert "is not compressed, unlike its name; rename it to d.NII" in refusal(tmp_path / "d.NII.GZ")

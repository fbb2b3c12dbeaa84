"""Volumes of a case that lie elsewhere, are turned or tilted: found and reported."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest

from isthmus.data.cases import Case, Dataset, Source, channels_elsewhere, load_image, load_mask
from isthmus.data.checks.check import check_dataset
from isthmus.data.checks.inspect import inspect_dataset
from isthmus.data.sources import from_folder
from isthmus.io.images import read_mask
from isthmus.io.volumes import elsewhere, geometry, write_volume

from ...io.volume_files import OBLIQUE, VOXELS, affine_of, mha, nifti

LABELS = (VOXELS > 300).astype(np.uint8)


def test_image_and_mask_in_two_formats_at_45_degrees(tmp_path: Path) -> None:
    # a mask of what is bright in the image, stored by formats that round otherwise, and in another order of axes
    voxels = np.random.default_rng(0).integers(0, 99, (6, 6, 6), dtype=np.int16)
    matrix = " ".join(repr(float(n)) for n in (np.diag([-1, -1, 1]) @ OBLIQUE).T.ravel())
    image = mha(tmp_path / "a.mha", np.ascontiguousarray(voxels.T), compress=False, TransformMatrix=matrix,
                Offset="0 0 0", ElementSpacing="1 1 1")  # fmt: skip
    affine = np.eye(4)
    affine[:3, :3] = OBLIQUE.astype(np.float32)
    mask = nifti(tmp_path / "b.nii.gz", (voxels > 50).astype(np.uint8), affine)
    turned = affine[:, [2, 1, 0, 3]]
    other = nifti(tmp_path / "c.nii.gz", (voxels > 50).astype(np.uint8).T, turned)
    for path in (mask, other):
        case = Case("a", (Source(image),), (Source(path),), "a")
        np.testing.assert_array_equal(load_image(case)[0] > 50, load_mask(case) == 1)
        assert elsewhere(image, path) == ""
        back = Case("a", (Source(path),), (Source(image),), "a")
        np.testing.assert_array_equal(load_image(back)[0] == 1, load_mask(back) > 50)


@pytest.mark.parametrize(
    ("shift", "told"),
    [
        ((0, 0, 0), ""),
        ((0.02, 0, 0), ""),
        ((0, 0.5, 0), "0.5 mm"),
        ((0, 0, -300), "300 mm"),
        ((25, 1, 2), "25 mm"),
    ],
)
def test_apart(tmp_path: Path, shift: tuple[float, ...], told: str) -> None:
    affine = affine_of("LPS", (1, 2, 3))
    image, moved = nifti(tmp_path / "a.nii", VOXELS, affine), affine.copy()
    moved[:3, 3] += shift
    assert elsewhere(image, nifti(tmp_path / "b.nii", LABELS, moved)) == told
    mirrored = moved @ np.diag([-1, 1, 1, 1])
    mirrored[:3, 3] += moved[:3, 0] * (VOXELS.shape[0] - 1)
    assert (
        elsewhere(image, nifti(tmp_path / "c.nii", LABELS[::-1], mirrored)) == told
    )  # said so: the same grid


def test_channels_and_masks_elsewhere_are_told(tmp_path: Path) -> None:
    away = affine_of("LPS")
    away[:3, 3] += 50
    for name, affine in (("a", affine_of("LPS")), ("b", away)):
        nifti(tmp_path / "images" / f"{name}.nii", VOXELS, affine_of("LPS"))
        nifti(tmp_path / "masks" / f"{name}.nii", LABELS, affine)
    dataset = from_folder(tmp_path)
    two = replace(dataset.cases[0], images=(dataset.cases[0].images[0], Source(tmp_path / "masks" / "b.nii")))
    assert channels_elsewhere(two) == "50 mm"
    dataset = replace(dataset, cases=(two, dataset.cases[1]))
    lines = [found for found in inspect_dataset(dataset).findings() if found.level == "warning"]
    told = {found.what: found.detail for found in lines}
    assert "channels turned" not in told
    assert (
        told["masks elsewhere"]
        == "according to the headers, masks do not lie where their images are: b (50 mm)"
    )
    assert (
        told["channels elsewhere"]
        == "according to the headers, channels do not lie where the first one is: a (50 mm)"
    )


def test_channels_stored_the_other_way_round_are_turned_and_told(tmp_path: Path) -> None:
    mirrored = affine_of("LPS") @ np.diag([-1, 1, 1, 1])
    mirrored[:3, 3] += affine_of("LPS")[:3, 0] * (VOXELS.shape[0] - 1)
    first = nifti(tmp_path / "a.nii", VOXELS, affine_of("LPS"))
    second = nifti(tmp_path / "b.nii", VOXELS[::-1], mirrored)
    mask = nifti(tmp_path / "m.nii", LABELS, affine_of("LPS"))
    case = Case("x", (Source(first), Source(second)), (Source(mask),), "x")
    image = load_image(case)
    np.testing.assert_array_equal(image[0], image[1])
    (facts,) = check_dataset(Dataset("d", (case,))).cases
    assert (facts.channels_turned, facts.channels_elsewhere) == ("RPS, not LPS", "")


def test_rounded_masks_and_tilted_volumes_are_told(tmp_path: Path) -> None:
    sheared = affine_of("LPS")
    sheared[1, 2] = 0.5
    nifti(tmp_path / "images" / "a.nii", VOXELS, sheared)
    nifti(tmp_path / "masks" / "a.nii", LABELS * np.float32(0.9999), sheared)
    lines = "\n".join(check_dataset(from_folder(tmp_path)).summary_lines())
    assert "the axes of volumes are not at right angles" in lines
    assert "a (26.6 degrees)" in lines
    assert "mask values were nearly whole numbers" in lines


@pytest.mark.parametrize("form", ["zero", "flat", "not finite"])
@pytest.mark.parametrize("quaternion", [True, False])
def test_a_form_that_spans_no_space_is_replaced_and_told(tmp_path: Path, form: str, quaternion: bool) -> None:
    affine = affine_of("LAS", (2, 3, 4))
    rows = {
        "zero": np.zeros((3, 4)),
        "flat": np.diag([1.0, 1, 0, 1])[:3],
        "not finite": np.full((3, 4), np.nan),
    }
    for kind, voxels in (("images", VOXELS), ("masks", LABELS)):
        path = tmp_path / kind / "a.nii"
        path.parent.mkdir()
        image = nibabel.Nifti1Image(voxels, affine)
        image.set_qform(affine, int(quaternion))
        content = bytearray(image.to_bytes())
        content[280:328] = rows[form].astype("<f4").tobytes()  # srow_x, srow_y, srow_z
        path.write_bytes(content)
    found = geometry(path)
    assert found.placed == quaternion
    np.testing.assert_allclose(np.abs(found.affine[:3, :3]), np.diag([2, 3, 4]))
    if quaternion:
        np.testing.assert_allclose(found.affine, affine, atol=1e-6)
    lines = "\n".join(check_dataset(from_folder(tmp_path)).summary_lines())
    assert "headers have an affine that does not span space" in lines
    assert f"a.nii: the sform is singular{', the qform was used' if quaternion else ' and no qform'}" in lines
    write_volume(tmp_path / "mask.nii", read_mask(Source(path)), path)
    written = nibabel.load(tmp_path / "mask.nii")
    np.testing.assert_allclose(written.affine, found.affine, atol=1e-6)
    assert int(written.header["sform_code"]) == int(quaternion)

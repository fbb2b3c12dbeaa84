"""Volumes in one orientation: against nibabel's own idea of space, and everything that is not a volume."""

from __future__ import annotations

import itertools
from pathlib import Path

import nibabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isthmus.data.cases import Case, load_image, load_mask
from isthmus.data.checks.check import check_dataset
from isthmus.data.csv_files import from_csv
from isthmus.data.new_images import images_in
from isthmus.data.sources import from_folder
from isthmus.errors import IsthmusError
from isthmus.io import volumes as volume_files
from isthmus.io.geometry import Geometry
from isthmus.io.images import Source, pages, pixel_size, probe, read_image, read_mask
from isthmus.io.volumes import geometry, refuse_other_place, slice_axis, spacing, write_volume

from .refusals import refusal
from .volume_files import RANDOM, VOXELS, affine_of, nifti

CODES = [
    "".join(axis[bit] for axis, bit in zip(order, bits, strict=True))
    for order in itertools.permutations(("LR", "PA", "IS"))
    for bits in itertools.product((0, 1), repeat=3)
]


@pytest.mark.parametrize("code", CODES)
def test_one_orientation_whatever_the_file(tmp_path: Path, code: str) -> None:
    # the oracle: nibabel turns the same file to left, posterior, superior, which is (x, y, z)
    path = nifti(tmp_path / "x.nii", VOXELS, affine_of(code, (1, 2, 3)))
    image = nibabel.load(path)
    there = nibabel.orientations.ornt_transform(
        nibabel.io_orientation(image.affine), nibabel.orientations.axcodes2ornt("LPS")
    )
    expected = np.asarray(image.as_reoriented(there).dataobj).transpose(2, 1, 0)
    array = read_image(Source(path))
    np.testing.assert_array_equal(array, expected[None])
    assert array.flags.c_contiguous
    assert probe(Source(path)) == (array.shape, array.dtype)
    zooms = nibabel.affines.voxel_sizes(image.as_reoriented(there).affine)
    assert spacing(path) == tuple(zooms[::-1])
    assert geometry(path).orientation == code
    back = tmp_path / "back.nii.gz"
    write_volume(back, array[0], path)
    again = nibabel.load(back)
    np.testing.assert_array_equal(np.asarray(again.dataobj), VOXELS)
    np.testing.assert_allclose(again.affine, image.affine)
    assert again.get_data_dtype() == np.int16


@settings(deadline=None)
@given(st.lists(st.floats(-20, 20), min_size=3, max_size=3))
def test_oblique_takes_the_nearest(angles: list[float]) -> None:
    from scipy.spatial.transform import Rotation

    affine = affine_of("PSR", (1, 2, 3))
    affine[:3, :3] = Rotation.from_euler("xyz", angles, degrees=True).as_matrix() @ affine[:3, :3]
    found = Geometry((4, 5, 6), np.dtype(np.int16), affine)
    assert found.orientation == "".join(nibabel.aff2axcodes(affine))
    np.testing.assert_allclose(sorted(found.spacing), (1, 2, 3), atol=1e-5)
    np.testing.assert_array_equal(found.from_array(found.to_array(VOXELS)[0]), VOXELS)


def test_the_head_is_up_and_left_is_right(tmp_path: Path) -> None:
    voxels = np.zeros((3, 4, 5), np.uint8)  # RAS: index 0 is left, posterior, inferior
    voxels[0, 0, 0] = 1
    array = read_image(Source(nifti(tmp_path / "x.nii.gz", voxels, np.eye(4))))[0]
    assert np.argwhere(array).tolist() == [[0, 3, 2]]  # lowest slice, bottom row, right column


@pytest.mark.parametrize(
    ("slope", "intercept", "stored", "dtype"),
    [
        (1, 0, "i2", "i2"),
        (1, -1024, "u2", "i4"),
        (0.5, 3, "i2", "f4"),
        (2.5, 0, "f8", "f8"),
        (0, 9, "u1", "u1"),
    ],
)
def test_scaling(tmp_path: Path, slope: float, intercept: float, stored: str, dtype: str) -> None:
    path = tmp_path / "x.nii"
    values = np.arange(24).reshape(2, 3, 4).astype(stored)
    image = nibabel.Nifti1Image(values, affine_of("LPS"))
    image.header.set_data_dtype(stored)
    content = bytearray(image.to_bytes())
    content[112:120] = np.array([slope, intercept], "<f4").tobytes()  # scl_slope, scl_inter
    path.write_bytes(content)
    array = read_image(Source(path))
    assert array.dtype == np.dtype(dtype)
    assert probe(Source(path))[1] == array.dtype
    expected = values.astype(float) * (slope or 1) + (intercept if slope else 0)  # a slope of 0 means none
    np.testing.assert_allclose(array[0].transpose(2, 1, 0), expected)


def test_big_endian_comes_out_native(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(VOXELS, affine_of("LPS")).header.as_byteswapped(">")
    swapped = nibabel.Nifti1Image(VOXELS, affine_of("LPS"), image)
    nibabel.save(swapped, tmp_path / "x.nii")
    array = read_image(Source(tmp_path / "x.nii"))
    assert array.dtype.isnative
    np.testing.assert_array_equal(array[0].transpose(2, 1, 0), VOXELS)


def test_masks_are_whole_numbers(tmp_path: Path) -> None:
    labels = RANDOM.integers(0, 5, (4, 5, 6)).astype(np.float32)
    mask = read_mask(Source(nifti(tmp_path / "x.nii.gz", labels, affine_of("LPS"))))
    assert mask.dtype.kind == "i"
    np.testing.assert_array_equal(mask.transpose(2, 1, 0), labels)
    labels[1, 2, 3] = 0.5
    with pytest.raises(IsthmusError, match=r"a mask with the value 0\.5"):
        read_mask(Source(nifti(tmp_path / "y.nii.gz", labels)))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_voxels_that_are_no_numbers(tmp_path: Path, value: float) -> None:
    voxels = np.zeros((4, 5, 6), np.float32)
    voxels[1, 2, 3] = value
    path = nifti(tmp_path / "ä b.nii.gz", voxels)
    assert "1 of 120 pixels are NaN or infinite" in refusal(path)
    axis = geometry(path).axis(2)
    assert read_image(Source(path, 1, axis)).shape[0] == 1  # another slice of it is sound
    assert "NaN" in refusal(path, page=3, axis=axis)


def test_four_axes(tmp_path: Path) -> None:
    voxels = RANDOM.integers(0, 9, (4, 5, 6, 2), dtype=np.uint8)
    path = nifti(tmp_path / "x.nii", voxels, affine_of("LPS"))
    assert "4 axes (4 x 5 x 6 x 2) where a volume has 3" in refusal(path)
    array = read_image(Source(path, channels=True))
    np.testing.assert_array_equal(array, voxels.transpose(3, 2, 1, 0))
    np.testing.assert_array_equal(read_image(Source(path, 2, channels=True)), array[:, 2])
    one = nifti(tmp_path / "one.nii", voxels[..., :1], affine_of("LPS"))
    assert read_image(Source(one)).shape == (1, 6, 5, 4)
    flat = nifti(tmp_path / "flat.nii", voxels[..., 0, 0], affine_of("LPS"))
    assert read_image(Source(flat)).shape == (1, 1, 5, 4)


def test_slices(tmp_path: Path) -> None:
    path = nifti(tmp_path / "x.nii.gz", VOXELS, affine_of("PSR", (1, 2, 3)))
    whole = read_image(Source(path))
    for axis in range(3):
        for page in range(whole.shape[axis + 1]):
            source = Source(path, page, axis)
            np.testing.assert_array_equal(read_image(source), whole.take(page, axis + 1))
            assert probe(source)[0] == read_image(source).shape
    one = read_image(Source(path, 0))
    one[:] = 0  # what is kept for the next slice does not change
    np.testing.assert_array_equal(read_image(Source(path, 0)), whole[:, 0])
    assert "no slice 5 along axis 0, only 0 to 4" in refusal(path, page=5)
    assert str(Source(path, 2, 1)) == f"{path} (page 2 across y)"
    assert spacing(path) == (2, 1, 3)
    assert spacing(path, axis=1) == (2, 3)
    assert pages(path) == 1


def test_slices_of_a_file_that_changed(tmp_path: Path) -> None:
    path = nifti(tmp_path / "x.nii.gz", VOXELS)
    before = read_image(Source(path, 0))
    nifti(path, np.zeros((4, 5, 7), np.int16))
    assert not np.array_equal(before, read_image(Source(path, 0)))


def test_old_volumes_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = []
    decode = volume_files._decode
    monkeypatch.setattr(volume_files, "_decode", lambda path, *_: decoded.append(path.name) or decode(path))
    recent = volume_files._Recent(room=2 * VOXELS.nbytes)
    paths = [nifti(tmp_path / f"{i}.nii", VOXELS) for i in range(3)]
    for i in (0, 0, 1, 0, 2, 0, 1):
        assert recent.get(paths[i]).shape[0] == 1
    assert decoded == ["0.nii", "1.nii", "2.nii", "1.nii"]


@pytest.mark.parametrize(("shape", "axis"), [((9, 9, 5), 0), ((9, 5, 9), 1), ((5, 9, 9), 2), ((4, 5, 6), 0)])
def test_which_axis_counts_slices(tmp_path: Path, shape: tuple[int, ...], axis: int) -> None:
    assert slice_axis(nifti(tmp_path / "x.nii", np.zeros(shape, np.uint8), affine_of("LPS"))) == axis


def test_damaged_files(tmp_path: Path) -> None:
    whole = nifti(tmp_path / "x.nii.gz", RANDOM.random((30, 30, 30))).read_bytes()
    cut = tmp_path / "cut.nii.gz"
    cut.write_bytes(whole[: len(whole) // 2])
    assert "damaged" in refusal(cut)
    for name in ("empty.nii", "empty.nii.gz", "empty.mha", "empty.dcm"):
        (tmp_path / name).write_bytes(b"")
        refusal(tmp_path / name)
    (tmp_path / "text.nii.gz").write_text("version https://git-lfs.github.com/spec/v1")
    assert "damaged or unsupported" in refusal(tmp_path / "text.nii.gz")
    assert "no such file" in refusal(tmp_path / "none.nii.gz")
    assert spacing(cut.with_name("none.nii.gz")) is None
    colours = np.zeros((4, 5, 6), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    assert "colours" in refusal(nifti(tmp_path / "rgb.nii", colours))


def test_huge_headers_are_not_believed(tmp_path: Path) -> None:
    path = nifti(tmp_path / "bomb.nii", VOXELS)
    content = bytearray(path.read_bytes())
    content[42:48] = np.array([30000, 30000, 3], "<i2").tobytes()  # dim[1..3]
    path.write_bytes(content)
    assert "more than the" in refusal(path)


def test_writing_refuses(tmp_path: Path) -> None:
    like = nifti(tmp_path / "x.nii", VOXELS)
    with pytest.raises(IsthmusError, match=r"written as \.nii, \.nii\.gz"):
        write_volume(tmp_path / "y.png", np.zeros((6, 5, 4), np.uint8), like)
    with pytest.raises(IsthmusError, match="4 x 5 x 7 voxels do not lie on"):
        write_volume(tmp_path / "y.nii", np.zeros((7, 5, 4), np.uint8), like)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.nii"]
    flags = np.ones((6, 5, 4), bool)
    write_volume(tmp_path / "y.nii.gz", flags, like)
    first = (tmp_path / "y.nii.gz").read_bytes()
    write_volume(tmp_path / "y.nii.gz", flags, like)
    assert (tmp_path / "y.nii.gz").read_bytes() == first  # no time of day in it
    assert not geometry(tmp_path / "y.nii.gz").placed  # as the file it lies on


def test_a_mask_that_says_not_where_it_lies(tmp_path: Path) -> None:
    image = nifti(tmp_path / "images" / "a.nii.gz", VOXELS, affine_of("RPS"))
    mask = nifti(tmp_path / "masks" / "a.nii.gz", (VOXELS > 0).astype(np.uint8))
    with pytest.raises(
        IsthmusError, match=r"masks/a\.nii\.gz: does not state its place in space, .* \(RPS\)"
    ):
        check_dataset(from_folder(tmp_path))
    nifti(mask, (VOXELS > 0).astype(np.uint8), affine_of("RPS"))
    (facts,) = check_dataset(from_folder(tmp_path)).cases
    assert facts.shape == (1, 6, 5, 4)
    assert facts.shares[1] == pytest.approx((VOXELS > 0).mean())
    turned = nifti(mask, (VOXELS > 0).astype(np.uint8)[::-1], affine_of("LPS"))  # in its own, said so
    refuse_other_place(image, turned)
    (case,) = from_folder(tmp_path).cases
    np.testing.assert_array_equal(load_mask(case) > 0, load_image(case)[0] > 0)


def test_folders_and_tables_of_volumes(tmp_path: Path) -> None:
    for name in ("p1/t1.5", "p2/x"):
        nifti(tmp_path / "images" / f"{name}.nii.gz", VOXELS, affine_of("LPS", (1, 2, 3)))
        nifti(tmp_path / "masks" / f"{name}_seg.nii.gz", (VOXELS > 0).astype(np.uint8), affine_of("LPS"))
    dataset = from_folder(tmp_path)
    assert [(case.id, case.spacing) for case in dataset.cases] == [
        ("p1/t1.5", (3, 2, 1)),
        ("p2/x", (3, 2, 1)),
    ]
    table = tmp_path / "x.csv"
    table.write_text(
        "image,mask\n" + "\n".join(f"images/{n}.nii.gz,masks/{n}_seg.nii.gz" for n in ("p1/t1.5", "p2/x"))
    )
    assert [case.id for case in from_csv(table).cases] == ["t1.5", "x"]
    assert [case.id for case in images_in(tmp_path / "images" / "p2" / "x.nii.gz")] == ["x"]


def test_real_ct(shared_data: Path) -> None:
    root = shared_data / "ct-totalsegmentator"
    path = root / "example_ct_sm.nii.gz"
    image, mask = read_image(Source(path)), read_mask(Source(root / "example_seg.nii.gz"))
    assert (image.shape, image.dtype, spacing(path)) == ((1, 30, 101, 122), np.int16, (3, 3, 3))
    assert mask.shape == image.shape[1:]
    middle = {n: np.argwhere(mask == n).mean(axis=0) for n in (1, 5, 11, 31)}
    spleen, liver, lung, vertebra = middle.values()
    assert spleen[2] > liver[2]  # the spleen is on the left, which is to the right of the picture
    assert vertebra[1] > liver[1]  # the spine is at the back
    assert lung[0] > spleen[0]


def test_case_of_several_volumes(shared_data: Path) -> None:
    folder = shared_data / "brats-2015-deepmedic" / "2mm" / "Brats15_2013_pat0003_1"
    sources = tuple(Source(folder / f"{folder.name}_{m}.nii.gz") for m in ("flair", "t1ce"))
    image = load_image(Case("a", sources, (), "a"))
    assert (image.shape, image.dtype) == ((2, 78, 120, 120), np.float32)
    assert image.min() < -2


def test_pixel_sizes_are_micrometres_along_the_axes_of_the_array(tmp_path: Path) -> None:
    path = nifti(tmp_path / "x.nii", VOXELS, affine_of("RAS", (0.5, 0.25, 2)))  # x, y, z in mm
    assert pixel_size(Source(path)) == (2000, 250, 500)
    assert pixel_size(Source(path, page=0)) == (250, 500)
    assert pixel_size(Source(path, page=0, axis=2)) == (2000, 250)
    turned = nifti(tmp_path / "y.nii", VOXELS, affine_of("SPL", (2, 0.25, 0.5)))
    assert pixel_size(Source(turned)) == (2000, 250, 500)


def test_pixel_sizes_take_the_unit_of_the_file(tmp_path: Path) -> None:
    path = nifti(tmp_path / "x.nii", VOXELS, affine_of("RAS", (0.5, 0.25, 2)), xyzt_units=3)  # micrometres
    assert pixel_size(Source(path)) == pytest.approx((2, 0.25, 0.5))

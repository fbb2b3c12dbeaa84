"""Formats of volumes against ITK and nibabel, which write them; damaged ones, and voxels in files of their own."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from isthmus.data.checks.check import check_dataset
from isthmus.data.sources import from_folder
from isthmus.errors import IsthmusError
from isthmus.io.images import Source, probe, read_image, read_mask, rounding_error
from isthmus.io.inflate import inflate
from isthmus.io.volumes import geometry, spacing, unit, write_volume

from .volume_files import VOXELS, affine_of, mha, nifti, nrrd, refusal

sitk = pytest.importorskip("SimpleITK", reason="SimpleITK (extra `io`) is not installed")

ZYX = np.ascontiguousarray(VOXELS.transpose(2, 1, 0))


def image(voxels: Any = ZYX, steps: tuple[float, ...] = (1, 2, 3)) -> Any:
    """As ITK holds it: left, posterior, superior, so arrays are as the program sees them."""
    made = sitk.GetImageFromArray(voxels)
    made.SetSpacing(steps[: made.GetDimension()])
    made.SetOrigin((5, 6, 7)[: made.GetDimension()])
    return made


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("name", ["x.mha", "x.mhd", "x.nrrd", "x.nhdr", "x.nii", "x.nii.gz", "x.hdr"])
def test_what_itk_writes(tmp_path: Path, name: str, compress: bool) -> None:
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
    sitk.WriteImage(image(ZYX[2]), str(tmp_path / name))
    np.testing.assert_array_equal(read_image(Source(tmp_path / name)), ZYX[None, 2:3])
    assert spacing(tmp_path / name) == (1, 2, 1)
    four = tmp_path / f"four-{name}"
    sitk.WriteImage(sitk.JoinSeries(image()), str(four))
    np.testing.assert_array_equal(read_image(Source(four)), ZYX[None])
    assert spacing(four) == (3, 2, 1)


@pytest.mark.parametrize(
    ("kind", "code"), [("MET_LONG", "<i4"), ("MET_ULONG", "<u4"), ("MET_LONG_LONG", "<i8")]
)
def test_long_elements(tmp_path: Path, kind: str, code: str) -> None:
    path = mha(tmp_path / "x.mha", ZYX, compress=False, ElementType=kind)
    path.write_bytes(path.read_bytes()[: -ZYX.nbytes] + np.abs(ZYX).astype(code).tobytes())
    np.testing.assert_array_equal(read_image(Source(path)), np.abs(ZYX)[None])


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


def test_pairs_of_files_are_one_image_of_a_folder(tmp_path: Path) -> None:
    for i, (name, end) in enumerate((("a", "mhd"), ("b", "nhdr"), ("c", "hdr"))):
        for folder, voxels in (("images", ZYX), ("masks", (100 * i < ZYX).astype(np.uint8))):
            (tmp_path / folder).mkdir(exist_ok=True)
            sitk.WriteImage(image(voxels), str(tmp_path / folder / f"{name}.{end}"))
    first = check_dataset(from_folder(tmp_path))
    assert [case.id for case in first.dataset.cases] == ["a", "b", "c"]
    raw = tmp_path / "images" / "a.raw"
    raw.write_bytes(raw.read_bytes()[::-1])
    second = check_dataset(from_folder(tmp_path))  # the hash of a header is that of its voxels too
    changed = [
        one.id for one, other in zip(first.cases, second.cases, strict=True) if one.sha256 != other.sha256
    ]
    assert changed == ["a"]


def named(folder: Path, kind: str, target: str) -> Path:
    """A header that names `target` as the file of its voxels."""
    if kind == "mhd":
        path = mha(folder / "x.mhd", ZYX, compress=False, ElementDataFile=target)
        path.write_bytes(path.read_bytes()[: -ZYX.nbytes])
    else:
        path = nrrd(folder / "x.nhdr", VOXELS, "raw", data_file=target)
        path.write_bytes(path.read_bytes()[: -VOXELS.nbytes])
    return path


@pytest.mark.parametrize("kind", ["mhd", "nhdr"])
def test_detached_voxels_are_taken_from_the_own_folder_alone(tmp_path: Path, kind: str) -> None:
    content, home = ZYX.tobytes(), tmp_path / "home"
    (home / "below").mkdir(parents=True)
    for place in (tmp_path / "out.raw", home / "in.raw", home / "below" / "in.raw"):
        place.write_bytes(content)
    for good in ("in.raw", "below/in.raw", "./in.raw"):
        np.testing.assert_array_equal(read_image(Source(named(home, kind, good)))[0], ZYX)
    for bad in ("../out.raw", str(tmp_path / "out.raw"), "below/../../out.raw", "..\\out.raw", "C:\\out.raw"):
        assert "outside its own folder" in refusal(named(home, kind, bad))
    (home / "link.raw").symlink_to(tmp_path / "out.raw")
    assert "outside its own folder" in refusal(named(home, kind, "link.raw"))
    assert "several files" in refusal(named(home, kind, "slice%03d.raw 1 6 1"))
    assert "several files" in refusal(named(home, kind, "LIST\na.raw\nb.raw" if kind == "nhdr" else "LIST"))
    assert "names itself" in refusal(named(home, kind, f"x.{kind}"))
    # a data set of links is read: header and voxels lie in one folder behind them
    header = named(home, kind, "in.raw")
    linked = tmp_path / "linked"
    linked.mkdir()
    for name in (header.name, "in.raw"):
        (linked / name).symlink_to(home / name)
    np.testing.assert_array_equal(read_image(Source(linked / header.name))[0], ZYX)


def test_a_pair_whose_voxels_leave(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    nibabel.Nifti1Pair(VOXELS, affine_of("LPS")).to_filename(tmp_path / "home" / "x.hdr")
    (tmp_path / "home" / "x.img").rename(tmp_path / "x.img")
    assert "voxels are missing" in refusal(tmp_path / "home" / "x.hdr")
    assert "its header is missing" in refusal(tmp_path / "x.img")
    (tmp_path / "home" / "x.img").symlink_to(tmp_path / "x.img")
    assert "outside its own folder" in refusal(tmp_path / "home" / "x.hdr")


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


def test_inflate() -> None:
    plain = bytes(range(256)) * 9
    for made in (zlib.compress(plain), gzip.compress(plain)):
        assert inflate(made, len(plain)) == plain
        assert len(inflate(made, 100)) == 101  # never more than asked for
        with pytest.raises(ValueError, match="cut off"):
            inflate(made[:-3], len(plain))


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


@pytest.mark.parametrize("sizes", [(0, 5, 6), (-1, 5, 6), (32767, 32767, 32767)])
def test_sizes_that_no_nifti_has(tmp_path: Path, sizes: tuple[int, ...]) -> None:
    path = nifti(tmp_path / "x.nii", VOXELS)
    content = bytearray(path.read_bytes())
    content[42:48] = np.array(sizes, "<i2").tobytes()
    path.write_bytes(content)
    refusal(path)


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


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ('"um" "um" "um"', "µm"),
        ('"mm" "mm" "mm"', "mm"),
        ('"um" "mm" "mm"', ""),
        ('"mile" "mile" "mile"', ""),
    ],
)
def test_units_of_nrrd(tmp_path: Path, words: str, expected: str) -> None:
    assert unit(nrrd(tmp_path / "x.nrrd", VOXELS, space_units=words)) == expected


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

"""Voxels in a separate file: from the folder of their header only."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest

from isthmus.data.checks.check import check_dataset
from isthmus.data.sources import from_folder
from isthmus.io.images import Source, read_image

from .itk_files import image, itk
from .refusals import refusal
from .volume_files import VOXELS, ZYX, affine_of, mha, nrrd


def test_pairs_of_files_are_one_image_of_a_folder(tmp_path: Path) -> None:
    sitk = itk()
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

"""NRRD: as 3D Slicer writes it, with channels, and wrong headers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from isthmus.io.images import Source, read_image
from isthmus.io.volumes import geometry, spacing, unit

from .refusals import refusal
from .volume_files import RANDOM, VOXELS, nrrd


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


@pytest.mark.parametrize("encoding", ["raw", "gzip"])
@pytest.mark.parametrize("dtype", ["int16", "uint8", "float32"])
def test_nrrd(tmp_path: Path, encoding: str, dtype: str) -> None:
    voxels = RANDOM.integers(0, 100, (4, 5, 6)).astype(dtype)
    path = nrrd(tmp_path / "x.seg.nrrd", voxels, encoding)
    np.testing.assert_array_equal(read_image(Source(path))[0], voxels.transpose(2, 1, 0))
    assert read_image(Source(path)).dtype == np.dtype(dtype)
    assert (geometry(path).orientation, spacing(path)) == ("LPS", (3, 2, 1))
    np.testing.assert_array_equal(geometry(path).affine[:3, 3], [-5, -6, 7])
    front = nrrd(tmp_path / "y.nrrd", voxels, encoding, space="right-anterior-superior")
    assert geometry(front).orientation == "RAS"
    np.testing.assert_array_equal(read_image(Source(front))[0], voxels[::-1, ::-1].transpose(2, 1, 0))
    side = nrrd(tmp_path / "w.nrrd", voxels, encoding, space="left-anterior-superior")
    assert geometry(side).orientation == "LAS"
    np.testing.assert_array_equal(geometry(side).affine[:3, 3], [-5, 6, 7])
    np.testing.assert_array_equal(read_image(Source(side))[0], voxels[:, ::-1].transpose(2, 1, 0))
    for space, code in (("LAS", "LAS"), ("left-anterior-superior", "LAS"), ("RAS", "RAS"), ("LPS", "LPS")):
        path = nrrd(tmp_path / "s.nrrd", voxels, encoding, space=space)
        assert (geometry(path).orientation, geometry(path).placed) == (code, True)
    plain = nrrd(tmp_path / "z.nrrd", voxels, encoding, space=None, space_directions=None, spacings="1 2 3")
    assert (geometry(plain).placed, spacing(plain)) == (False, (3, 2, 1))


def test_nrrd_with_channels(tmp_path: Path) -> None:
    voxels = RANDOM.integers(0, 100, (2, 4, 5, 6), dtype=np.int16)
    path = nrrd(tmp_path / "x.nrrd", voxels, space_directions="none (1,0,0) (0,2,0) (0,0,3)")
    assert "4 axes" in refusal(path)
    np.testing.assert_array_equal(read_image(Source(path, channels=True)), voxels.transpose(0, 3, 2, 1))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"sizes": "4 5 7"}, "bytes of voxels where"),
        ({"sizes": None}, "no sizes"),
        ({"sizes": "4 5"}, "neither a picture nor a volume"),
        ({"type": "block"}, "type block"),
        ({"encoding": "hex"}, "encoded as hex"),
        ({"encoding": "bzip2"}, "damaged"),
        ({"data_file": "x.raw"}, "voxels are missing"),
        ({"space_directions": "(1,0,0) (0,0,0) (0,0,1)"}, "no direction"),
    ],
)
def test_nrrds_that_are_wrong(tmp_path: Path, changes: dict[str, str | None], reason: str) -> None:
    assert reason in refusal(nrrd(tmp_path / "x.nrrd", VOXELS, **changes))
    (tmp_path / "y.nrrd").write_bytes(b"NOT")
    assert "does not begin" in refusal(tmp_path / "y.nrrd")

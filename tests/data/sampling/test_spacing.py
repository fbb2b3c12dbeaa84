"""The spacing of files, the usual one of several, and the sizes that follow."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.data.cases import Case, Source
from isthmus.data.sampling.spacing import coarse_axis, size_at, stated_spacing, usual_spacing
from isthmus.errors import IsthmusError
from isthmus.io.volumes import spacing


def case(path: Path) -> Case:
    return Case("one", (Source(path),), (), "one", spacing(path))


def nrrd(path: Path, fields: str) -> Path:
    header = f"NRRD0004\ntype: uint8\ndimension: 3\nsizes: 2 2 2\nencoding: raw\n{fields}\n"
    path.write_bytes(header.encode() + bytes(8))
    return path


def test_files_state_their_spacing_in_millimetres(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(np.zeros((4, 5, 6), np.uint8), np.diag([-1.0, 2.0, 3.0, 1.0]))
    image.header.set_xyzt_units("micron")
    image.to_filename(tmp_path / "a.nii")  # turned along x
    assert stated_spacing(case(tmp_path / "a.nii")) == pytest.approx((3e-3, 2e-3, 1e-3))


def test_a_permuted_file_has_its_spacing_in_the_order_of_the_array(tmp_path: Path) -> None:
    affine = np.zeros((4, 4))
    affine[2, 0], affine[0, 1], affine[1, 2], affine[3, 3] = -5, 1, 2, 1  # the first axis runs to the feet
    nibabel.Nifti1Image(np.zeros((3, 8, 4), np.uint8), affine).to_filename(tmp_path / "a.nii")
    assert stated_spacing(case(tmp_path / "a.nii")) == (5.0, 2.0, 1.0)


def test_a_file_without_a_spacing_states_none(tmp_path: Path) -> None:
    assert stated_spacing(case(nrrd(tmp_path / "a.nrrd", ""))) is None
    assert stated_spacing(case(nrrd(tmp_path / "b.nrrd", "spacings: 1 2 3\n"))) == (3.0, 2.0, 1.0)
    assert stated_spacing(Case("one", (Source(tmp_path / "a.png"),), (), "one")) is None


def test_negative_steps_turn_an_axis_and_keep_its_length(tmp_path: Path) -> None:
    assert stated_spacing(case(nrrd(tmp_path / "a.nrrd", "spacings: -1 2 3\n"))) == (3.0, 2.0, 1.0)


@pytest.mark.parametrize("wrong", ["0 2 3", "nan 2 3"])
def test_a_spacing_that_is_none_is_refused_when_the_file_is_read(wrong: str, tmp_path: Path) -> None:
    from isthmus.data.cases import load_image

    broken = case(nrrd(tmp_path / "a.nrrd", f"spacings: {wrong}\n"))
    with pytest.raises(IsthmusError, match=r"a\.nrrd"):
        load_image(broken)


def test_the_usual_spacing_is_the_median_of_each_axis() -> None:
    found = usual_spacing([(1, 0.5, 0.7), (2, 0.9, 0.7), (1.5, 0.6, 0.8)], [(50, 60, 60)] * 3)
    assert found == (1.5, 0.6, 0.7)


def test_the_10th_percentile_counts_along_a_coarse_axis_of_few_slices() -> None:
    steps = [(float(z), 1.0, 1.0) for z in (4, 5, 5, 5, 6, 6, 6, 6, 6, 7)]
    assert usual_spacing(steps, [(20, 99, 99)] * 10)[0] == pytest.approx(4.9)  # NumPy's percentile by hand
    assert usual_spacing(steps, [(90, 99, 99)] * 10)[0] == 6  # as long as wide: no slab of thick slices
    finest = [(0.5, 1.0, 1.0)] * 2 + [(6.0, 1.0, 1.0)] * 8
    assert usual_spacing(finest, [(20, 99, 99)] * 10)[0] == 1  # never finer than the others


SIDES = st.floats(0.05, 50)


@given(st.lists(st.tuples(st.integers(1, 300), SIDES, SIDES), min_size=2, max_size=3))
def test_sizes_cover_the_extent_to_half_a_pixel(axes: list[tuple[int, float, float]]) -> None:
    size, own, wanted = zip(*axes, strict=True)
    for found, n, a, b in zip(size_at(size, own, wanted), size, own, wanted, strict=True):
        assert found >= 1
        assert abs(found * b - n * a) <= b / 2 * 1.000001 or found == 1


def test_which_axis_is_coarse() -> None:
    assert coarse_axis((1, 1, 1), (5, 1, 1)) == 0  # the image has none: the other decides
    assert coarse_axis((1, 1, 4), (5, 1, 1)) == 2
    assert coarse_axis((3, 1, 1), (1, 1, 1)) is None  # three times is not more than that
    assert coarse_axis((0.2, 1, 1), (5, 1, 1)) is None  # two are coarse
    assert coarse_axis((9, 1), (1, 1)) is None

"""Grids: turned alike, compared to rounding."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.io.geometry import Geometry
from isthmus.io.volumes import elsewhere

from .volume_files import OBLIQUE, VOXELS, affine_of, nifti


def grid(affine: Any, shape: tuple[int, ...] = (4, 5, 6), **changes: Any) -> Geometry:
    full = np.eye(4)
    full[: len(affine), : len(affine)] = affine
    return Geometry(shape, np.dtype(np.int16), full, **changes)


@given(
    st.lists(st.floats(-1e-6, 1e-6), min_size=9, max_size=9),
    st.sampled_from([30, 45, 60, 135]),
    st.integers(0, 2),
)
def test_the_first_file_decides_for_the_others(noise: list[float], degrees: int, axis: int) -> None:
    from scipy.spatial.transform import Rotation

    turn = Rotation.from_euler("xyz"[axis], degrees, degrees=True).as_matrix()
    first, other = grid(turn), grid(turn + np.reshape(noise, (3, 3)))
    like = other.turned_like(first)
    np.testing.assert_array_equal(like.to_array(VOXELS), first.to_array(VOXELS))
    np.testing.assert_array_equal(like.from_array(like.to_array(VOXELS)[0]), VOXELS)
    assert first.distance(other) == 0


def test_a_tie_is_not_decided_by_rounding() -> None:
    turns = {grid(OBLIQUE + sign * 1e-8 * np.eye(3)[::-1]).to_array(VOXELS).shape for sign in (-1, 0, 1)}
    assert len(turns) == 1


def test_distance_looks_at_spacing_turns_and_units(tmp_path: Path) -> None:
    first = grid(np.diag([1, 1, 1]))
    assert first.distance(grid(np.diag([3, 3, 3]))) == 10  # the last of six voxels: 5 and 15 mm
    tilted = np.eye(3)
    tilted[1, 2] = 0.1
    assert first.distance(grid(tilted)) == pytest.approx(0.5)
    micro = replace(first, unit="µm")
    assert first.distance(micro) == pytest.approx(4.995)
    assert micro.distance(replace(first, affine=first.affine * 1.0)) == pytest.approx(4.995)
    assert (
        first.distance(replace(first, unit="")) == micro.distance(replace(first, unit="")) == 0
    )  # nobody says otherwise
    assert (
        elsewhere(nifti(tmp_path / "a.nii", VOXELS), nifti(tmp_path / "b.nii", VOXELS, affine_of("LPS")))
        == ""
    )

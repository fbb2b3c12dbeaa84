"""The grid of a volume in space, and the one orientation to which every volume is brought.

Arrays have the axes (z, y, x): z runs to the head (superior), y to the back (posterior), x to the patient's
left. This is DICOM's patient system in array order, so `array[z]` is an axial slice as radiologists view it, and
slices are ordered like the pages of a TIFF stack. Papers and NIfTI write sizes in reverse: a
BraTS volume of 240 x 240 x 155 voxels is an array of shape (155, 240, 240).

Axes are only exchanged and reversed: no voxel is resampled. An oblique volume takes the nearest orientation; all files
of a case take that of the first one (`Geometry.like`), because between two equally near orientations rounding would
decide for each file separately.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

AXES = "SPL"
"""The directions of the axes of an array: superior, posterior, left."""

MILLIMETRES = {"": 1.0, "nm": 1e-6, "µm": 1e-3, "mm": 1.0, "cm": 10.0, "m": 1000.0}
"""The length of each unit; without a stated unit, millimetres are the convention."""

ROUNDING = 0.1
"""Grids whose distance is less than this share of a voxel are the same: headers round."""

_ENDS = ("LR", "PA", "IS")  # of the world's axes: the negative and the positive end
_RIGHT_ANTERIOR_SUPERIOR = np.eye(3)
_SUPERIOR_POSTERIOR_LEFT = np.array([[0, 0, -1], [0, -1, 0], [1, 0, 0]], np.float64)
_TIE = 1e-3  # orientations whose cosines differ by less than this share are equally near


@dataclass(frozen=True)
class Geometry:
    """The grid of a volume as its file stores it.

    Attributes:
        shape: shape of the voxels in the file's order, `(i, j, k)`, or `(i, j, k, channels)`.
        dtype: number type of the voxels after the file's own scaling.
        affine: `(4, 4)`, from voxel indices to positions in `unit`, with axes to the right, anterior, superior (RAS).
        placed: whether the file states its place in space; if not, the affine is the default of the format.
        sized: whether the file states the size of a voxel.
        unit: unit of the affine, a key of `MILLIMETRES`; "" if the file states none.
        forms: the fields of a NIfTI header that state this, to be written as they were read.
        mended: what replaces an unusable part of the header; usually "".
        like: the grid whose orientation this one takes; None: its own.

    >>> geometry = Geometry((4, 5, 6), np.dtype(np.uint8), np.diag([1.0, 2.0, 3.0, 1.0]))
    >>> geometry.orientation, geometry.array_shape, geometry.spacing
    ('RAS', (6, 5, 4), (3.0, 2.0, 1.0))
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    affine: NDArray[np.float64]
    placed: bool = True
    sized: bool = True
    unit: str = "mm"
    forms: Mapping[str, Any] = field(default_factory=dict)
    mended: str = ""
    like: Geometry | None = None

    def turned_like(self, other: Geometry) -> Geometry:
        """Returns the same grid, whose arrays take the orientation of another."""
        return replace(self, like=None if other is self else other)

    @cached_property
    def _directions(self) -> NDArray[np.float64]:
        """The direction of each axis of the file, `(3, 3)`: one unit vector per column."""
        columns = np.asarray(self.affine[:3, :3], np.float64)
        lengths = np.linalg.norm(columns, axis=0)
        if not np.isfinite(self.affine).all() or (lengths < 1e-9).any():
            raise ValueError("its header gives an axis no direction")
        directions: NDArray[np.float64] = columns / lengths
        if abs(np.linalg.det(directions)) < 1e-3:
            raise ValueError("two axes in its header have one direction")
        return directions

    def _nearest(self, targets: NDArray[np.float64]) -> list[tuple[int, int]]:
        """Returns the nearest axis of the file for each target (one unit vector per column), and its sign, 1 or -1.

        Of the six ways to pair them, the one with the largest product of cosines is chosen.
        """
        cosines = targets.T @ self._directions
        products = {order: abs(np.prod(cosines[range(3), order])) for order in permutations(range(3))}
        near = max(products.values()) * (1 - _TIE)
        best = next(order for order, product in products.items() if product >= near)
        return [(axis, 1 if cosines[target, axis] >= 0 else -1) for target, axis in enumerate(best)]

    @property
    def orientation(self) -> str:
        """The directions of the axes of the file, such as `RAS` or `LPI`."""
        ends = {
            axis: _ENDS[world][(sign + 1) // 2]
            for world, (axis, sign) in enumerate(self._nearest(_RIGHT_ANTERIOR_SUPERIOR))
        }
        return "".join(ends[axis] for axis in range(3))

    @cached_property
    def _turn(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The axis of the file for each axis (z, y, x) of the array, and the axes to reverse."""
        targets = _SUPERIOR_POSTERIOR_LEFT
        if self.like is not None:
            columns = self.like.array_affine[:3, :3]
            targets = columns / np.linalg.norm(columns, axis=0)
        found = self._nearest(targets)
        return tuple(axis for axis, _ in found), tuple(i for i, (_, sign) in enumerate(found) if sign < 0)

    @property
    def array_affine(self) -> NDArray[np.float64]:
        """`(4, 4)`, from indices (z, y, x) of the array to positions in `unit`: right, anterior, superior."""
        source, turned = self._turn
        affine = np.array(self.affine, np.float64)
        affine[:, :3] = affine[:, source]
        for axis in turned:
            affine[:, 3] += affine[:, axis] * (self.array_shape[axis] - 1)
            affine[:, axis] *= -1
        return affine

    def distance(self, other: Geometry) -> float:
        """Returns the largest distance, in mm along an axis of the world, between corners of this grid and of another.

        The other grid has the same size and takes the orientation of this one. Less than `ROUNDING` counts as 0.
        """
        corners = np.stack(np.meshgrid(*[(0, side - 1) for side in self.array_shape], [1], indexing="ij"), -1)
        units = (self.unit or other.unit, other.unit or self.unit)
        ours, theirs = (
            corners.reshape(-1, 4) @ grid.array_affine.T[:, :3] * MILLIMETRES[unit]
            for grid, unit in zip((self, other.turned_like(self)), units, strict=True)
        )
        away = float(np.abs(ours - theirs).max())
        return away if away > ROUNDING * min(self.spacing) * MILLIMETRES[units[0]] else 0.0

    @property
    def array_shape(self) -> tuple[int, int, int]:
        """Sizes along (z, y, x)."""
        z, y, x = (self.shape[i] for i in self._turn[0])
        return z, y, x

    @property
    def spacing(self) -> tuple[float, float, float]:
        """The distance between voxels along (z, y, x), in `unit`."""
        z, y, x = (round(float(np.linalg.norm(self.affine[:3, i])), 6) for i in self._turn[0])
        return z, y, x

    @property
    def shear(self) -> float:
        """The largest deviation of the axes of the file from right angles, in degrees, as under a tilted gantry."""
        cosines = self._directions.T @ self._directions
        return float(np.degrees(np.arcsin(np.abs(cosines - np.diag(np.diag(cosines))).max().clip(0, 1))))

    def axis(self, file_axis: int) -> int:
        """Returns the axis of the array for an axis of the file."""
        return self._turn[0].index(file_axis)

    def to_array(self, voxels: NDArray[Any]) -> NDArray[Any]:
        """Turns voxels in the order of the file, `(i, j, k)` or `(i, j, k, channels)`, into `(channels, z, y, x)`."""
        source, turned = self._turn
        extra = voxels if voxels.ndim == 4 else voxels[..., None]
        array = np.flip(extra.transpose(3, *source), tuple(axis + 1 for axis in turned))
        return np.ascontiguousarray(array)

    def from_array(self, array: NDArray[Any]) -> NDArray[Any]:
        """Turns `(z, y, x)` back into the order of the file, the inverse of `to_array`."""
        source, turned = self._turn
        return np.flip(array, turned).transpose([source.index(i) for i in range(3)])

"""How a volume lies in space, and the one orientation in which the program sees every volume.

Arrays have the axes (z, y, x): z runs to the head (superior), y to the back (posterior), x to the patient's
left. This is DICOM's patient system in array order, so `array[z]` is an axial slice as radiologists look at
it, and slices lie like the pages of a TIFF stack. Papers and NIfTI write sizes the other way round: a
BraTS volume of 240 x 240 x 155 voxels is an array of shape (155, 240, 240).

Only axes are exchanged and turned round: no voxel is resampled. An oblique volume takes the nearest
orientation.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

AXES = "SPL"
"""What the axes of an array run towards: superior, posterior, left."""

_ENDS = ("LR", "PA", "IS")  # of the world's axes: the negative and the positive end


@dataclass(frozen=True)
class Geometry:
    """The grid of a volume as its file stores it.

    Attributes:
        shape: of the voxels in the file's order, `(i, j, k)`, or `(i, j, k, channels)`.
        dtype: of the voxels after the file's own scaling.
        affine: `(4, 4)`, voxel indices to millimetres, whose axes run right, anterior, superior (RAS).
        placed: whether the file says how it lies in space; if not, the affine is the format's default.

    >>> geometry = Geometry((4, 5, 6), np.dtype(np.uint8), np.diag([1.0, 2.0, 3.0, 1.0]))
    >>> geometry.orientation, geometry.array_shape, geometry.spacing
    ('RAS', (6, 5, 4), (3.0, 2.0, 1.0))
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    affine: NDArray[np.float64]
    placed: bool = True

    @cached_property
    def _world(self) -> tuple[tuple[int, int], ...]:
        """For each axis of the file the axis of the world nearest to it, and the direction, 1 or -1.

        As a whole: of the six ways to pair them, the one whose cosines have the largest product.
        """
        columns = np.asarray(self.affine[:3, :3], np.float64)
        lengths = np.linalg.norm(columns, axis=0)
        if not np.isfinite(self.affine).all() or (lengths < 1e-9).any():
            raise ValueError("its header gives an axis no direction")
        cosines = columns / lengths
        if abs(np.linalg.det(cosines)) < 1e-3:
            raise ValueError("two axes in its header have one direction")
        orders = ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))
        best = max(
            orders, key=lambda order: float(np.prod([abs(cosines[w, i]) for i, w in enumerate(order)]))
        )
        return tuple((world, 1 if cosines[world, i] >= 0 else -1) for i, world in enumerate(best))

    @property
    def bounds(self) -> NDArray[np.float64]:
        """Least and greatest coordinate of the grid's voxels, `(2, 3)` in mm, right, anterior, superior."""
        corners = np.stack(np.meshgrid(*[(0, side - 1) for side in self.shape[:3]], [1], indexing="ij"), -1)
        world = corners.reshape(-1, 4) @ np.asarray(self.affine, np.float64).T
        return np.stack([world[:, :3].min(axis=0), world[:, :3].max(axis=0)])

    @property
    def orientation(self) -> str:
        """What the axes of the file run towards, such as `RAS` or `LPI`."""
        return "".join(_ENDS[world][(sign + 1) // 2] for world, sign in self._world)

    @cached_property
    def _turn(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The file's axis behind each axis (z, y, x) of the array, and those axes to turn round."""
        source, turned = [], []
        for axis, end in enumerate(AXES):
            world = next(w for w in range(3) if end in _ENDS[w])
            i = next(i for i, (w, _) in enumerate(self._world) if w == world)
            source.append(i)
            if self.orientation[i] != end:
                turned.append(axis)
        return tuple(source), tuple(turned)

    @property
    def array_shape(self) -> tuple[int, int, int]:
        """Sizes along (z, y, x)."""
        z, y, x = (self.shape[i] for i in self._turn[0])
        return z, y, x

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Millimetres from voxel to voxel along (z, y, x)."""
        z, y, x = (round(float(np.linalg.norm(self.affine[:3, i])), 6) for i in self._turn[0])
        return z, y, x

    def axis(self, file_axis: int) -> int:
        """Where an axis of the file is found in the array."""
        return self._turn[0].index(file_axis)

    def to_array(self, voxels: NDArray[Any]) -> NDArray[Any]:
        """Voxels in the file's order to `(channels, z, y, x)`."""
        source, turned = self._turn
        extra = voxels if voxels.ndim == 4 else voxels[..., None]
        array = np.flip(extra.transpose(3, *source), tuple(axis + 1 for axis in turned))
        return np.ascontiguousarray(array)

    def from_array(self, array: NDArray[Any]) -> NDArray[Any]:
        """`(z, y, x)` back to the file's order: what `to_array` did, undone."""
        source, turned = self._turn
        return np.flip(array, turned).transpose([source.index(i) for i in range(3)])

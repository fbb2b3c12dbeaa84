"""Geometry and intensities of the objects of an image, one by one, as scikit-image's `regionprops` defines them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull

if TYPE_CHECKING:
    from skimage.measure._regionprops import RegionProperties

Columns = dict[str, NDArray[Any]]

AXES = "zyx"
SIDES = {"x": "width", "y": "height", "z": "depth"}

_ROUNDING = 1e-9
_ROUND = 1e-6
"""An ellipse of a smaller eccentricity is a circle, which has no direction."""


def regions(
    labels: NDArray[Any],
    image: NDArray[Any] | None = None,
    spacing: Sequence[float] | None = None,
    advance: Callable[[], None] = lambda: None,
) -> tuple[Columns, Columns]:
    """Measures the objects 1 to n of labels `(*spatial)`, of two or three axes, each of which has a pixel.

    Args:
        labels: 0 is background.
        image: `(channels, *spatial)`, in the numbers of the file; None: no intensities.
        spacing: distance between pixels along each axis of the array, where the axes differ; None: they do not.
        advance: called after each object.

    Returns:
        What is measured in pixels, by the stem of its column, each `(n,)`; and what `spacing` changes, save by a
        factor.

    >>> pixels, _ = regions(np.array([[0, 1, 1], [0, 2, 0]]))
    >>> pixels["area"].tolist(), pixels["centroid_x"].tolist(), pixels["box_width"].tolist()
    ([2, 1], [1.5, 1.0], [2, 1])
    """
    from skimage.measure import regionprops

    # an object leaves its list before it is measured, and takes along what scikit-image keeps of it
    flat = regionprops(labels)[::-1]
    spaced = regionprops(labels, spacing=tuple(spacing))[::-1] if spacing else []
    pixels: list[dict[str, Any]] = []
    lengths: list[dict[str, Any]] = []
    while flat:
        region = flat.pop()
        pixels.append(_place(region, labels.shape) | _shape(region, None) | _intensities(region, image))
        if spacing:
            lengths.append(_shape(spaced.pop(), spacing))
        advance()
    return _columns(pixels), _columns(lengths)


def _columns(rows: Sequence[dict[str, Any]]) -> Columns:
    return {name: np.array([row[name] for row in rows]) for name in (rows[0] if rows else ())}


def _place(region: RegionProperties, shape: Sequence[int]) -> dict[str, Any]:
    """Returns the size of an object, its place, and how much of its hull it fills."""
    ends = [(side.start, side.stop, length) for side, length in zip(region.slice, shape, strict=True)]
    found: dict[str, Any] = {
        # the only slice of a volume is not a border
        "touches_border": any(length > 1 and (low == 0 or high == length) for low, high, length in ends),
        "area" if len(shape) == 2 else "volume": int(region.area),
        "solidity": region.solidity if len(shape) == 2 else region.area / _hull(region.image),
    }
    for axis, middle, (low, high, _) in zip(AXES[-len(shape) :], region.centroid, ends, strict=True):
        found |= {f"centroid_{axis}": middle, f"box_{axis}": low, f"box_{SIDES[axis]}": high - low}
    return found


def _hull(mask: NDArray[np.bool_]) -> int:
    """Returns how many voxels have their centre in the hull of the middles of the object's faces.

    This is `area_convex` of scikit-image, which tries each voxel of the box with each plane of the hull (an organ takes
    minutes) and has no hull of voxels in one plane; here whole rows are cut by the planes.
    """
    rows = np.argwhere(mask.any(axis=-1))
    lines = mask[tuple(rows.T)]
    ends = (lines.argmax(axis=1), mask.shape[-1] - 1 - lines[:, ::-1].argmax(axis=1))
    voxels = np.concatenate([np.column_stack([rows, end]) for end in ends])
    faces = np.concatenate([np.eye(3), -np.eye(3)]) / 2
    planes = ConvexHull((voxels[:, None] + faces).reshape(-1, 3)).equations
    z, y = np.indices(mask.shape[:-1])
    first, last = np.full(z.shape, -np.inf), np.full(z.shape, np.inf)
    for down, across, along, offset in planes:
        room = -(down * z + across * y + offset)
        if along > _ROUNDING:
            last = np.minimum(last, room / along)
        elif along < -_ROUNDING:
            first = np.maximum(first, room / along)
        else:
            last[room < -_ROUNDING] = -np.inf
    return int(np.maximum(np.floor(last + _ROUNDING) - np.ceil(first - _ROUNDING) + 1, 0).sum())


def _shape(region: RegionProperties, spacing: Sequence[float] | None) -> dict[str, Any]:
    """Returns the axes of an object, and what goes with them, among pixels of this spacing; None: 1."""
    if region.image.ndim == 2:
        circle = region.eccentricity < _ROUND
        return {
            "perimeter": math.nan if spacing else region.perimeter,
            "axis_major": region.axis_major_length,
            "axis_minor": region.axis_minor_length,
            "eccentricity": float(region.eccentricity),
            "orientation_deg": math.nan if circle else round(math.degrees(region.orientation) + 90, 9) % 180,
        }
    # a moment of inertia is the sum of the variances along the other axes: the greatest is that of the shortest axis
    moments = np.array(region.inertia_tensor_eigvals)
    minor, middle, major = np.sqrt(20 * np.maximum(moments.sum() / 2 - moments, 0))
    return {"axis_major": major, "axis_middle": middle, "axis_minor": minor}


def _intensities(region: RegionProperties, image: NDArray[Any] | None) -> dict[str, Any]:
    """Returns the mean, least, greatest and summed intensity of an object in each channel."""
    found: dict[str, Any] = {}
    for index, channel in enumerate(() if image is None else image):
        values = channel[region.slice][region.image]
        total = values.sum(dtype=np.float64 if values.dtype.kind == "f" else np.int64)
        numbers = {"mean": total / len(values), "min": values.min(), "max": values.max(), "sum": total}
        end = f"_{index + 1}" if image is not None and len(image) > 1 else ""
        found |= {f"intensity_{name}{end}": value for name, value in numbers.items()}
    return found

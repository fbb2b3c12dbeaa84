"""Targets: maps that a head learns, or weights of pixels, made from the label map of one sample.

All functions take a label map `(*spatial)`, 2D or 3D, of integers or booleans. 0 is background; other values are
classes or object numbers, which are only compared for equality. Unless stated otherwise, the functions return a new
float32 array of the same shape. They hold no state and may run in several threads at once. Positions and widths are
in pixels (voxels).

**Edges.** HMEDN finds edges with Canny's detector, slice by slice along the first axis of a volume. For a mask the
result follows from symmetry: a smoothed step is equally steep on the two rows of pixels on either side of the
border, and steeper there than anywhere else, so both rows are edges. `edges` marks these two rows directly.
Implementations of Canny differ from this by rounding: scikit-image keeps both rows or one of them, differently on
the four sides of a square, so that a map scaled to its peak drops to half on some sides. Its edges lie within a
pixel of ours, and ours within 1.5 pixels of its edges (`docs/objectives.md`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from isthmus.errors import IsthmusError
from isthmus.objectives.settings import Normalise

Floats = NDArray[np.float32]

TRUNCATE = 4.0  # standard deviations after which a Gaussian ends, as in scipy
MOST_CLASSES = 255


def edges(label: NDArray[Any]) -> NDArray[np.bool_]:
    """Marks the two rows of pixels along every border, bool `(*spatial)`.

    These are the pixels with a neighbour of another label within the slice (up, down, left, right). The edge of the
    image is not a border.

    >>> edges(np.array([[0, 0, 0, 1, 1, 1]])).astype(int)
    array([[0, 0, 1, 1, 0, 0]])
    """
    _check(label)
    found = _differs(label, label.ndim - 1)
    found |= _differs(label, label.ndim - 2)
    return found


def contour_map(label: NDArray[Any], sigma: float = 2.0) -> Floats:
    """Computes the blurred contour of all objects, the target of HMEDN's contour head (III-C, equation 2).

    G_sigma * E / max(G_sigma * E) with E the `edges` of all labels together, also between touching objects; the
    image is reflected at its edge.

    Args:
        label: classes or object numbers `(*spatial)`.
        sigma: standard deviation of the Gaussian in pixels; 2 in the paper, 2 to 3 for other data.

    Returns:
        float32 `(*spatial)` from 0 to 1; 0 everywhere if there is no border.

    >>> contour_map(np.array([[0, 0, 0, 1, 1, 1]])).round(2)
    array([[0.71, 0.86, 1.  , 1.  , 0.86, 0.71]], dtype=float32)
    """
    return _to_peak(_blur(edges(label), sigma))


def difficulty_map(
    label: NDArray[Any],
    sigma: float = 8.0,
    base: float = 1.0,
    weight: float = 25.0,
    normalise: Normalise = "class",
    objects: bool = False,
) -> Floats:
    """Computes the weight of each pixel, largest beside borders, twice so where two classes touch (HMEDN, III-D).

    Equation 4: base + weight · sum over classes k of SB_k, with SB_k the `edges` of class k blurred by a Gaussian.
    The paper mentions a normalisation, which the equation lacks, so there are three readings:

    - ``"class"``: every SB_k is divided by its own maximum, so that `weight` is the most that a border adds;
    - ``"sum"``: the sum is divided by its maximum;
    - ``"none"``: as printed; a straight border then adds about weight · 2 / (sigma · sqrt(2 pi)).

    Args:
        label: classes `(*spatial)`.
        sigma: standard deviation of the Gaussian, 8 pixels in the paper.
        base, weight: 1 and 25 in the paper.
        normalise: one of the three readings.
        objects: whether the labels number objects of one class; SB then comes from all their edges together.

    Returns:
        float32 `(*spatial)`, `base` or more; `base` everywhere if there is no border.

    Raises:
        IsthmusError: more than 255 classes, which must be object numbers.

    >>> difficulty_map(np.array([[0, 0, 0, 1, 1, 1]]), sigma=1).round(1)
    array([[ 3.5, 12.5, 26. , 26. , 12.5,  3.5]], dtype=float32)
    """
    if objects:
        return difficulty_of([edges(label)], sigma, base, weight, normalise)
    _check(label)
    classes = np.unique(label)
    classes = classes[classes != 0]
    if len(classes) > MOST_CLASSES:
        raise IsthmusError(
            f"a difficulty map of {len(classes)} classes: the labels seem to number objects; give objects=True"
        )
    return difficulty_of((edges(label == k) for k in classes), sigma, base, weight, normalise, label.shape)


def difficulty_of(
    borders: Iterable[NDArray[np.bool_]],
    sigma: float = 8.0,
    base: float = 1.0,
    weight: float = 25.0,
    normalise: Normalise = "class",
    shape: tuple[int, ...] = (),
) -> Floats:
    """Computes `difficulty_map` from the `edges` of each class; `shape` is needed if there are none."""
    if normalise not in ("class", "sum", "none"):
        raise IsthmusError(
            f"unknown normalisation '{normalise}' of the difficulty map; choose from class, sum, none"
        )
    total: Floats | None = None
    for border in borders:
        blurred = _blur(border, sigma)
        blurred = _to_peak(blurred) if normalise == "class" else blurred
        total = blurred if total is None else np.add(total, blurred, out=total)
    if total is None:
        return np.full(shape, base, np.float32)
    if normalise == "sum":
        total = _to_peak(total)
    total *= weight
    total += base
    return total


def border_map(label: NDArray[Any]) -> Floats:
    """Marks borders with 1, two pixels wide (one inside, one outside), also between touching objects.

    A pixel is marked if the labels in the 3x3 (3x3x3) square around it are not all equal. This is the union over all
    objects of the pixels where dilation and erosion with that square differ: the binary contour of DCAN and of the
    code of HMEDN's nuclei networks.

    >>> border_map(np.array([[0, 0, 0, 1, 1, 2, 2, 2]] * 2))
    array([[0., 0., 1., 1., 1., 1., 0., 0.],
           [0., 0., 1., 1., 1., 1., 0., 0.]], dtype=float32)
    """
    return _mixed(label).astype(np.float32)


def interior_map(label: NDArray[Any]) -> Floats:
    """Marks the inside of objects without `border_map`, so that touching objects are separate: the marker target.

    >>> interior_map(np.array([[0, 0, 0, 1, 1, 2, 2, 2]] * 2))
    array([[0., 0., 0., 0., 0., 0., 1., 1.],
           [0., 0., 0., 0., 0., 0., 1., 1.]], dtype=float32)
    """
    inside: NDArray[np.bool_] = label != 0
    return (inside & ~_mixed(label)).astype(np.float32)


def distance_map(label: NDArray[Any], spacing: Sequence[float] | None = None) -> Floats:
    """Computes the Euclidean distance in pixels to the nearest pixel beside a border; 0 on both rows along it.

    It is the distance transform of the boundary in the Hausdorff loss. In volumes, borders are found along all three
    axes. Without a border the map is 0 everywhere.

    Args:
        label: classes or object numbers `(*spatial)`.
        spacing: from pixel to pixel along each axis, where voxels are not cubes; distances are then in the smallest.

    >>> distance_map(np.array([[0, 0, 0, 1, 1, 1]]))
    array([[2., 1., 0., 0., 1., 2.]], dtype=float32)
    """
    _check(label)
    border = _differs(label, 0)
    for axis in range(1, label.ndim):
        border |= _differs(label, axis)
    if not border.any():
        return np.zeros(label.shape, np.float32)
    if label.ndim == 2 and spacing is None:
        away = (~border).astype(np.uint8)
        return np.asarray(cv2.distanceTransform(away, cv2.DIST_L2, cv2.DIST_MASK_PRECISE), np.float32)
    sides = None if spacing is None else np.asarray(spacing) / min(spacing)
    return np.asarray(ndimage.distance_transform_edt(~border, sides), np.float32)


def object_distance_map(label: NDArray[Any], spacing: Sequence[float] | None = None) -> Floats:
    """Computes how deep each pixel lies in its object: 1 at the deepest, falling towards its border; 0 outside.

    (1 + d) / (1 + max d), where d is the Euclidean distance to the nearest pixel of the object beside its border, to
    the background or to a neighbour, and the maximum is that of the object. Small and large objects have the same
    range, so one threshold separates all that touch. The edge of the image is not a border.

    Args:
        label: object numbers `(*spatial)`.
        spacing: from pixel to pixel along each axis, where voxels are not cubes; d is in the smallest of them.

    Source: the distances of Naylor et al. 2019, doi:10.1109/TMI.2018.2865709, with the range 0 to 1 for each object.

    >>> object_distance_map(np.array([[0, 1, 1, 1, 2, 2, 0]]))
    array([[0. , 0.5, 1. , 0.5, 1. , 1. , 0. ]], dtype=float32)
    """
    inside: NDArray[np.bool_] = label != 0
    depth = 1 + distance_map(label, spacing)[inside]
    if not depth.size:
        return np.zeros(label.shape, np.float32)
    _, numbers = np.unique(label[inside], return_inverse=True)
    deepest = np.zeros(int(numbers.max()) + 1, np.float32)
    np.maximum.at(deepest, numbers, depth)
    result = np.zeros(label.shape, np.float32)
    result[inside] = depth / deepest[numbers]
    return result


def proximity_map(label: NDArray[Any]) -> Floats:
    """Computes a proximity to borders: 1 beside them, falling with the distance to 0 at the farthest pixel.

    (D - d) / D with d the `distance_map` and D its maximum over the foreground for pixels inside, and over the
    background for pixels outside: the reverse distance map of Caliva et al. 2019 (arXiv:1908.03679), scaled to 1.
    Without a border the map is 0 everywhere.

    >>> proximity_map(np.array([[0, 0, 0, 1, 1, 1, 1, 1]]))
    array([[0.  , 0.5 , 1.  , 1.  , 0.75, 0.5 , 0.25, 0.  ]], dtype=float32)
    """
    distance = distance_map(label)
    if not label.size or label.min() == label.max():
        return np.zeros(label.shape, np.float32)
    near = np.ones_like(distance)
    for side in (label != 0, label == 0):
        farthest = distance.max(where=side, initial=0.0)
        if farthest > 0:
            near[side] -= distance[side] / farthest
    return near


def union(masks: NDArray[Any]) -> NDArray[np.int64]:
    """Combines overlapping masks `(K, *spatial)` into one label map; pixels in the same masks get the same number.

    >>> union(np.array([[[0, 1, 1]], [[0, 0, 1]]]))
    array([[0, 1, 3]])
    """
    if len(masks) > 62:
        raise IsthmusError(f"{len(masks)} overlapping masks are too many; at most 62 can be combined")
    code = np.zeros(masks.shape[1:], np.int64)
    for k, mask in enumerate(masks):
        code |= (mask != 0).astype(np.int64) << k
    return code


def _check(label: NDArray[Any]) -> None:
    if label.ndim not in (2, 3):
        raise IsthmusError(f"a label map has 2 or 3 axes, found shape {label.shape}")
    if label.dtype.kind not in "biu":
        raise IsthmusError(f"a label map holds integers, found {label.dtype}")


def _differs(label: NDArray[Any], axis: int) -> NDArray[np.bool_]:
    """Marks where one of the two neighbours along an axis has another label."""
    moved = np.moveaxis(label, axis, 0)
    step = moved[1:] != moved[:-1]
    found = np.zeros(label.shape, np.bool_)
    view = np.moveaxis(found, axis, 0)
    view[1:] = step
    view[:-1] |= step
    return found


def _mixed(label: NDArray[Any]) -> NDArray[np.bool_]:
    """Marks where the 3x3 (3x3x3) square around a pixel holds several labels; works axis by axis."""
    _check(label)
    found = _differs(label, label.ndim - 1)
    for axis in range(label.ndim - 2, -1, -1):
        beside = np.moveaxis(found, axis, 0)
        wide = found.copy()
        view = np.moveaxis(wide, axis, 0)
        view[1:] |= beside[:-1]
        view[:-1] |= beside[1:]
        wide |= _differs(label, axis)
        found = wide
    return found


def _blur(mask: NDArray[np.bool_], sigma: float) -> Floats:
    """Blurs a mask with a Gaussian, reflected at the edge; only the part that can exceed 0 is filtered."""
    if not sigma > 0:
        raise IsthmusError(f"the width of a Gaussian must be above 0, found {sigma}")
    blurred = np.zeros(mask.shape, np.float32)
    radius = int(TRUNCATE * sigma + 0.5)
    window = []
    for axis in range(mask.ndim):
        others = tuple(other for other in range(mask.ndim) if other != axis)
        filled = np.flatnonzero(mask.any(axis=others))
        if not len(filled):
            return blurred
        window.append(slice(max(0, int(filled[0]) - radius), int(filled[-1]) + radius + 1))
    part = np.ascontiguousarray(mask[tuple(window)], np.float32)
    steps = np.arange(-radius, radius + 1)
    kernel = np.exp(-0.5 * (steps / sigma) ** 2)
    kernel = (kernel / kernel.sum()).astype(np.float32)
    if part.ndim == 3:  # filter the first axis, with the others as one
        flat = cv2.sepFilter2D(
            part.reshape(len(part), -1),
            cv2.CV_32F,
            np.ones(1, np.float32),
            kernel,
            borderType=cv2.BORDER_REFLECT,
        )
        part = np.asarray(flat, np.float32).reshape(part.shape)
    for plane in part[None] if part.ndim == 2 else part:
        cv2.sepFilter2D(plane, cv2.CV_32F, kernel, kernel, dst=plane, borderType=cv2.BORDER_REFLECT)
    blurred[tuple(window)] = part
    return blurred


def _to_peak(values: Floats) -> Floats:
    """Divides by the maximum, in place; a map of zeros stays unchanged."""
    peak = values.max(initial=0.0)
    if peak > 0:
        values /= peak
    return values

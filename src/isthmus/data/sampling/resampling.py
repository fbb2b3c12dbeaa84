"""What volumes need besides: slices as channels, another size."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray


def slice_stack(volume: NDArray[Any], index: int, slices: int = 5) -> NDArray[Any]:
    """Slice `index` of `(depth, height, width)` with its neighbours as channels: `(slices, height, width)`.

    HMEDN (section IV-A) takes five. Beyond the first and the last slice these repeat.

    >>> slice_stack(np.arange(4).reshape(4, 1, 1), 0).ravel().tolist()
    [0, 0, 0, 1, 2]
    """
    if slices % 2 == 0:
        raise ValueError(f"{slices} slices have none in the middle; take an odd number")
    if not 0 <= index < len(volume):
        raise ValueError(f"there is no slice {index} in a volume of {len(volume)}")
    around = np.arange(index - slices // 2, index + slices // 2 + 1)
    stack: NDArray[Any] = volume[around.clip(0, len(volume) - 1)]
    return stack


def slice_stacks(
    volume: NDArray[Any], label: NDArray[np.uint8], slices: int = 5, flipped: bool = False
) -> list[tuple[NDArray[Any], NDArray[np.uint8]]]:
    """Every slice of a volume as an image with its neighbours as channels, and the label of its middle.

    `flipped` adds each stack in reverse order, which doubles the samples as HMEDN (section IV-A) does; the
    augmentation "hmedn-ct" draws it at random instead.
    """
    pairs = [(slice_stack(volume, index, slices), label[index]) for index in range(len(volume))]
    return pairs + [(stack[::-1], middle) for stack, middle in pairs] if flipped else pairs


def resize_volume(image: NDArray[Any], size: Sequence[int]) -> NDArray[np.float32]:
    """`(channels, *spatial)` to another size: linear where it grows; where it shrinks, the linear filter is
    widened by the factor, which keeps fine structure from turning into false coarse one.

    MultiResUNet brings BraTS to 80 x 80 x 48, HMEDN to 128^3; axes come in the order of the array.

    >>> resize_volume(np.array([[0.0, 2.0]]), (4,)).tolist()
    [[0.0, 0.5, 1.5, 2.0]]
    """
    return _resampled(image.astype(np.float32, copy=False), size, _triangle)


def resize_volume_label(label: NDArray[np.uint8], size: Sequence[int]) -> NDArray[np.uint8]:
    """`(*spatial)` classes to another size: each new voxel takes the class that covers most of it.

    A tie goes to the tied class that nearest neighbour finds at its centre.

    >>> resize_volume_label(np.array([1, 1, 0, 2, 2, 2], np.uint8), (2,)).tolist()
    [1, 2]
    """
    nearest = label[np.ix_(*(_nearest(old, new) for old, new in zip(label.shape, size, strict=True)))]
    result, most = nearest.copy(), np.full(tuple(size), -np.inf, np.float32)
    for index in np.unique(label):
        cover = _resampled((label == index)[None].astype(np.float32), size, _box)[0]
        cover += 1e-4 * (nearest == index)
        np.copyto(result, index, where=cover > most)
        np.maximum(most, cover, out=most)
    return result


def _resampled(image: NDArray[np.float32], size: Sequence[int], kernel: Any) -> NDArray[np.float32]:
    for axis, new in enumerate(size, start=1):
        if new != image.shape[axis]:
            weights = _weights(image.shape[axis], new, kernel)
            image = np.moveaxis(np.tensordot(image, weights, ([axis], [1])), -1, axis)
    return np.ascontiguousarray(image)


@lru_cache(maxsize=32)
def _weights(old: int, new: int, kernel: Any) -> NDArray[np.float32]:
    """`(new, old)`: the share of each old sample in each new one; a row sums to 1."""
    factor = old / new
    centres = (np.arange(new) + 0.5) * factor - 0.5
    weights = kernel(np.arange(old)[None] - centres[:, None], factor)
    result: NDArray[np.float32] = (weights / weights.sum(1, keepdims=True)).astype(np.float32)
    return result


def _triangle(distance: NDArray[np.float64], factor: float) -> NDArray[np.float64]:
    return np.maximum(0, 1 - np.abs(distance) / max(factor, 1))


def _box(distance: NDArray[np.float64], factor: float) -> NDArray[np.float64]:
    """How much of an old sample, one wide, lies in a new one, `factor` wide."""
    return np.clip((1 + factor) / 2 - np.abs(distance), 0, min(1, factor))


def _nearest(old: int, new: int) -> NDArray[np.intp]:
    return np.minimum(((np.arange(new) + 0.5) * old / new).astype(np.intp), old - 1)

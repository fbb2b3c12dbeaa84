"""Resizes images, volumes and their labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from isthmus.data.sampling.interpolation import Taps, resampled

cv2.setNumThreads(
    1
)  # the stream of samples must not depend on the number of threads, and workers are threads


def resize_image(image: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """Resizes an image `(channels, height, width)` to `size`, which is `(height, width)`.

    Each axis is resized separately: by area means, which avoid aliasing, where it shrinks, and linearly where it grows.
    """
    height, width = size
    channels: list[NDArray[Any]] = []
    channel: NDArray[Any]
    for channel in image:
        for to_height, to_width in ((channel.shape[0], width), (height, width)):
            if (to_height, to_width) != channel.shape:
                shrinks = to_height < channel.shape[0] or to_width < channel.shape[1]
                method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
                channel = np.asarray(cv2.resize(channel, (to_width, to_height), interpolation=method))
        channels.append(channel)
    return np.stack(channels).astype(np.float32, copy=False)


def resize_label(label: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Resizes a label `(height, width)` of class indices: each new pixel takes the class that covers most of it.

    A tie between classes goes to the one at the centre of the new pixel (by nearest neighbour). At half the size every
    second boundary is a tie, and a fixed rule would thicken one class, such as thin membranes, everywhere.
    """
    if label.shape == size:
        return label
    classes = np.unique(label)
    if classes.size == 1:
        return np.full(size, classes[0], np.uint8)
    nearest = cv2.resize(label, size[::-1], interpolation=cv2.INTER_NEAREST)
    cover = resize_image(np.stack([label == index for index in classes]).astype(np.float32), size)
    cover += 1e-4 * (nearest == classes[:, None, None])
    return np.asarray(classes[cover.argmax(axis=0)], np.uint8)


def resize_volume(image: NDArray[Any], size: Sequence[int]) -> NDArray[np.float32]:
    """Resizes an image `(channels, *spatial)` with any number of spatial axes to `size`, linearly.

    Along an axis that shrinks, the linear filter is widened by the factor, so that fine structure does not turn into
    false coarse structure (aliasing). MultiResUNet resizes BraTS to 80 x 80 x 48, and HMEDN to 128^3; here sizes are in
    the order of the array's axes.

    >>> resize_volume(np.array([[0.0, 2.0]]), (4,)).tolist()
    [[0.0, 0.5, 1.5, 2.0]]
    """
    return _resampled(image.astype(np.float32, copy=False), size, _triangle)


def resize_volume_label(label: NDArray[np.uint8], size: Sequence[int]) -> NDArray[np.uint8]:
    """Resizes a label `(*spatial)` of class indices: each new voxel takes the class that covers most of it.

    A tie between classes goes to the one at the centre of the new voxel (by nearest neighbour).

    >>> resize_volume_label(np.array([1, 1, 0, 2, 2, 2], np.uint8), (2,)).tolist()
    [1, 2]
    """
    places = [_nearest(old, new) for old, new in zip(label.shape, size, strict=True)]
    return _most(label, label[np.ix_(*places)], lambda inside: _resampled(inside[None], size, _box)[0])


def resample_label(
    label: NDArray[np.uint8], axes: Sequence[Taps], nearest: Sequence[Taps]
) -> NDArray[np.uint8]:
    """Resamples a label `(*spatial)` of class indices: the mask of each class is, and each new pixel takes the class
    with the most.

    Args:
        axes: how each axis is resampled.
        nearest: the same by nearest neighbour, which decides ties.
    """
    centre = label[np.ix_(*(each.index[:, 0] for each in nearest))]
    return _most(label, centre, lambda inside: resampled(inside, axes))


def _most(
    label: NDArray[np.uint8],
    centre: NDArray[np.uint8],
    resample: Callable[[NDArray[np.float32]], NDArray[np.float32]],
) -> NDArray[np.uint8]:
    """Returns which class has the most of each new pixel; ties go to the class at its centre."""
    result, most = centre.copy(), np.full(centre.shape, -np.inf, np.float32)
    for index in np.unique(label):
        cover = resample((label == index).astype(np.float32))
        cover += 1e-4 * (centre == index)
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
    """Returns `(new, old)`, the share of each old sample in each new one; each row sums to 1."""
    factor = old / new
    centres = (np.arange(new) + 0.5) * factor - 0.5
    weights = kernel(np.arange(old)[None] - centres[:, None], factor)
    result: NDArray[np.float32] = (weights / weights.sum(1, keepdims=True)).astype(np.float32)
    return result


def _triangle(distance: NDArray[np.float64], factor: float) -> NDArray[np.float64]:
    return np.maximum(0, 1 - np.abs(distance) / max(factor, 1))


def _box(distance: NDArray[np.float64], factor: float) -> NDArray[np.float64]:
    """Returns how much of an old sample, one wide, lies within a new one, `factor` wide."""
    return np.clip((1 + factor) / 2 - np.abs(distance), 0, min(1, factor))


def _nearest(old: int, new: int) -> NDArray[np.intp]:
    return np.minimum(((np.arange(new) + 0.5) * old / new).astype(np.intp), old - 1)

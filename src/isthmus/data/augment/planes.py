"""Applies a draw to an image and its label on the processor, in one resampling each (OpenCV)."""

from __future__ import annotations

import math
import threading
from functools import lru_cache
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from isthmus.data.augment.draw import Draw, Matrix, basis, levels
from isthmus.data.augment.symmetries import move


def apply(
    draw: Draw,
    image: NDArray[Any],
    label: NDArray[np.uint8],
    within: tuple[Matrix, Matrix] | None = None,
) -> tuple[NDArray[Any], NDArray[np.uint8]]:
    """Applies a draw to one image and its label.

    Beyond the edges both are mirrored about their outermost pixels, so that a label never gains a value.

    Args:
        draw: the changes.
        image: `(channels, height, width)`; uint8 stays uint8, everything else becomes float32.
        label: `(height, width)`.
        within: lowest and highest value of each channel, which colour and noise refer to and stay inside; None for
            0..255 in uint8, and for the image's own range otherwise.

    Returns:
        The changed image and label, both new and contiguous.
    """
    if image.dtype != np.uint8:
        image = image.astype(np.float32, copy=False)
    draw, image, label = move(draw, image, label)
    if draw.reverse:
        image = image[::-1]
        within = within and (within[0][::-1], within[1][::-1])
    changes = draw.colour is not None or draw.noise > 0
    low, high = within or (levels(image) if changes else (np.zeros(0), np.zeros(0)))
    pixels = cv2.merge(list(image)) if len(image) > 1 else image[0]
    if draw.colour is not None:
        mean = np.array([cv2.mean(plane)[0] for plane in image]) if draw.colour.about.any() else low
        matrix, offset = draw.colour.affine(low, high, mean)
    if draw.stays:
        label = label.copy()
    else:
        across, down = maps(draw)
        pixels = cv2.remap(pixels, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
        label = cast(
            NDArray[np.uint8],
            cv2.remap(label, across, down, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT_101),
        )
    if draw.colour is not None:
        pixels = cv2.transform(pixels, np.column_stack([matrix, offset]).astype(np.float32))
    if draw.blur:
        pixels = cv2.GaussianBlur(pixels, (draw.blur, draw.blur), 0, borderType=cv2.BORDER_REPLICATE)
    result: NDArray[Any] = np.empty(image.shape, image.dtype)
    for channel, plane in enumerate(result):
        if pixels.ndim == 2:
            plane[:] = pixels
        else:
            cv2.extractChannel(pixels, channel, plane)
    if draw.noise:
        add_noise(result, draw.noise * (high - low), draw.seed)
    if changes and result.dtype != np.uint8:
        for plane, bottom, top in zip(result, low, high, strict=True):
            np.clip(plane, np.float32(bottom), np.float32(top), out=plane)
    return result, label


def maps(draw: Draw) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Returns the column and the row of the input for each pixel of the output, `(height, width)` each."""
    gemm: Any = cv2.gemm  # one thread, and its stub wants a third matrix
    down, across = (basis(size, draw.sigma) for size in draw.shape)
    rows, columns = (
        gemm(gemm(down, one, 1, None, 0), across, 1, None, 0, flags=cv2.GEMM_2_T)
        for one in draw.coefficients()
    )
    return columns, rows


def add_noise(image: NDArray[Any], sds: Matrix, seed: int) -> None:
    """Adds Gaussian noise to an image, in place.

    Each number is the sum of two quantiles, each chosen from 256 by a random byte. This is several times as fast as
    exact normal numbers; they are within ±4.1 standard deviations, and their distribution is within 0.002 of the
    normal one.

    Args:
        image: `(channels, height, width)`, uint8 or float32.
        sds: standard deviation of each channel, in its units.
        seed: seed of the noise.
    """
    stream = np.random.SFC64(seed)
    count = image[0].size
    kind = cv2.CV_8U if image.dtype == np.uint8 else cv2.CV_32F
    first, second = _scratch(image.shape[1:])
    for plane, sd in zip(image, sds, strict=True):
        table = _quantiles() * np.float32(sd / math.sqrt(2))
        bits = stream.random_raw(-(-2 * count // 8)).view(np.uint8)
        cv2.LUT(bits[:count].reshape(plane.shape), table, first)
        cv2.LUT(bits[count : 2 * count].reshape(plane.shape), table, second)
        cv2.add(plane, cv2.add(first, second, first), plane, dtype=kind)


def _scratch(shape: tuple[int, ...]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Returns two planes that the thread reuses: allocating them again would take longer than the sums."""
    if getattr(_reused, "shape", None) != shape:
        _reused.shape, _reused.planes = shape, (np.empty(shape, np.float32), np.empty(shape, np.float32))
    planes: tuple[NDArray[np.float32], NDArray[np.float32]] = _reused.planes
    return planes


_reused = threading.local()


@lru_cache(maxsize=1)
def _quantiles() -> NDArray[np.float32]:
    table = ndtri((np.arange(256) + 0.5) / 256)
    result: NDArray[np.float32] = (table / table.std()).astype(np.float32)
    return result

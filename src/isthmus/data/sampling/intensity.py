"""From the numbers in a file to the numbers a network sees: intensity, and the grid of pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from isthmus.data.sampling.resampling import resize_volume, resize_volume_label

cv2.setNumThreads(
    1
)  # the stream of samples must not depend on the number of threads, and workers are threads already

Normalization = Literal["scale", "minmax", "zscore"]
NORMALIZATIONS: tuple[Normalization, ...] = ("zscore", "minmax", "scale")


@dataclass(frozen=True)
class Intensity:
    """Per channel `(pixel - offset) * factor`: every normalisation here is of this form."""

    offset: NDArray[np.float32]
    factor: NDArray[np.float32]

    def apply(self, image: NDArray[Any]) -> NDArray[np.float32]:
        """`(channels, *spatial)` of any number type to float32."""
        shape = (-1,) + (1,) * (image.ndim - 1)
        result: NDArray[np.float32] = image.astype(np.float32)
        result -= self.offset.reshape(shape)
        result *= self.factor.reshape(shape)
        return result

    def repeated(self, times: int) -> Intensity:
        """The same for an image whose channels come so many times, all of them together."""
        return Intensity(np.tile(self.offset, times), np.tile(self.factor, times))


def intensity(image: NDArray[Any], mode: Normalization) -> Intensity:
    """The normalisation of one image `(channels, *spatial)`.

    - `scale`: uint8 by 255, uint16 by 65535, to 0..1; other types as `minmax` (they have no natural top).
    - `minmax`: the image's own range to 0..1, over all channels together.
    - `zscore`: each channel to mean 0 and standard deviation 1.

    A constant image becomes 0 under `minmax` and `zscore`.
    """
    channels = image.shape[0]
    if mode == "scale" and image.dtype in (np.uint8, np.uint16):
        offset, spread = np.zeros(channels), np.full(channels, float(np.iinfo(image.dtype).max))
    elif mode in ("scale", "minmax"):
        low, high = float(image.min()), float(image.max())
        offset, spread = np.full(channels, low), np.full(channels, high - low)
    elif mode == "zscore":
        offset, spread = _mean_and_deviation(image)
    else:
        raise ValueError(f"no normalisation '{mode}' (valid: {', '.join(NORMALIZATIONS)})")
    factor = np.divide(
        1.0, spread, out=np.zeros(channels), where=spread > 1e-12 * np.maximum(1.0, np.abs(offset))
    )
    return Intensity(offset.astype(np.float32), factor.astype(np.float32))


def _mean_and_deviation(image: NDArray[Any], most: int = 2**22) -> tuple[NDArray[Any], NDArray[Any]]:
    """Those of each channel, some rows at a time: float64 of a whole large image takes 8 bytes a pixel, twice."""
    channels, pixels = len(image), image[0].size
    rows = max(1, most * image.shape[1] // max(1, image.size))
    blocks = [image[:, first : first + rows] for first in range(0, image.shape[1], rows)]
    mean = sum(block.reshape(channels, -1).sum(axis=1, dtype=np.float64) for block in blocks) / pixels
    squares = np.zeros(channels)
    for block in blocks:
        away = block.reshape(channels, -1) - mean[:, None]
        away *= away
        squares += away.sum(axis=1)
    return mean, np.sqrt(squares / pixels)


def normalize(image: NDArray[Any], mode: Normalization) -> NDArray[np.float32]:
    """`(channels, *spatial)` of any number type to float32; see `intensity`.

    >>> normalize(np.array([[[0, 255]]], np.uint8), "scale").tolist()
    [[[0.0, 1.0]]]
    """
    return intensity(image, mode).apply(image)


def resize_image(image: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """`(channels, height, width)` to another size: area means where it shrinks (no aliasing), linear where it
    grows.

    Along each axis separately, so a size may shrink in one and grow in the other.
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
    """`(height, width)` classes to another size: each new pixel takes the class that covers most of it.

    A tie goes to the class at its centre (of the tied ones, by nearest neighbour), not to a fixed class: at
    half the size every second boundary is a tie, and a fixed rule would thicken one class, such as thin
    membranes, everywhere.
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


def pad_to(
    image: NDArray[Any], size: Sequence[int], mode: Literal["reflect", "edge"] = "reflect"
) -> tuple[NDArray[Any], tuple[slice, ...]]:
    """Pad the last axes of an array to at least `size`, evenly on both sides, by reflection.

    Returns the padded array and the slices (for the last axes) in which the original lies.

    >>> padded, inside = pad_to(np.zeros((1, 3, 3)), (4, 4))
    >>> padded.shape, padded[..., *inside].shape
    ((1, 4, 4), (1, 3, 3))
    """
    spatial = image.shape[image.ndim - len(size) :]
    missing = [max(0, wanted - found) for wanted, found in zip(size, spatial, strict=True)]
    before = [n // 2 for n in missing]
    inside = tuple(slice(start, start + found) for start, found in zip(before, spatial, strict=True))
    if not any(missing):
        return image, inside
    widths = [(0, 0)] * (image.ndim - len(size)) + [(b, n - b) for b, n in zip(before, missing, strict=True)]
    return np.pad(image, widths, mode=mode), inside


@dataclass(frozen=True)
class Grid:
    """The pixel scale at which a network works: resized whole images, or the file's own pixels.

    Attributes:
        resize: (height, width), or (depth, height, width), that every image is brought to; None: native scale.
            Two sides for a volume are those of its slices.
    """

    resize: tuple[int, ...] | None = None

    def image(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """A normalised image `(channels, *spatial)` on this grid."""
        if self.resize is None:
            return image
        if len(self.resize) == 3:
            return resize_volume(image, self.resize)
        size = (self.resize[0], self.resize[1])
        slices = resize_image(image.reshape(-1, *image.shape[-2:]), size)
        return slices.reshape(*image.shape[:-2], *size)

    def label(self, label: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """A label `(*spatial)` on this grid."""
        if self.resize is None:
            return label
        if len(self.resize) == 3:
            return resize_volume_label(label, self.resize)
        size = (self.resize[0], self.resize[1])
        if label.ndim == 3:
            return np.stack([resize_label(plane, size) for plane in label])
        return resize_label(label, size)

    def instances(self, numbers: NDArray[Any]) -> NDArray[Any]:
        """Numbers of objects `(*spatial)` on this grid, by nearest neighbour."""
        if self.resize is None:
            return numbers
        size = (*numbers.shape[: numbers.ndim - len(self.resize)], *self.resize)
        places = [
            ((np.arange(new) + 0.5) * old / new).astype(int)
            for old, new in zip(numbers.shape, size, strict=True)
        ]
        return numbers[np.ix_(*places)]

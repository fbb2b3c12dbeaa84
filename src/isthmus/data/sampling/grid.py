"""The grid of pixels on which a network works, and padding to a size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from isthmus.data.sampling.resampling import resize_image, resize_label, resize_volume, resize_volume_label


@dataclass(frozen=True)
class Grid:
    """The pixel scale at which a network works: resized whole images, or the file's own pixels.

    Attributes:
        resize: the size of every image, `(height, width)` or `(depth, height, width)`; None for the native scale.
            Two sides for a volume are those of its slices.
    """

    resize: tuple[int, ...] | None = None

    def image(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Brings a normalised image `(channels, *spatial)` to this grid."""
        if self.resize is None:
            return image
        if len(self.resize) == 3:
            return resize_volume(image, self.resize)
        size = (self.resize[0], self.resize[1])
        slices = resize_image(image.reshape(-1, *image.shape[-2:]), size)
        return slices.reshape(*image.shape[:-2], *size)

    def label(self, label: NDArray[Any]) -> NDArray[np.uint8]:
        """Brings a label `(*spatial)` of class indices to this grid."""
        if self.resize is None:
            return label
        if len(self.resize) == 3:
            return resize_volume_label(label, self.resize)
        size = (self.resize[0], self.resize[1])
        if label.ndim == 3:
            return np.stack([resize_label(plane, size) for plane in label])
        return resize_label(label, size)

    def instances(self, numbers: NDArray[Any]) -> NDArray[Any]:
        """Brings object numbers `(*spatial)` to this grid, by nearest neighbour."""
        if self.resize is None:
            return numbers
        size = (*numbers.shape[: numbers.ndim - len(self.resize)], *self.resize)
        places = [
            ((np.arange(new) + 0.5) * old / new).astype(int)
            for old, new in zip(numbers.shape, size, strict=True)
        ]
        return numbers[np.ix_(*places)]


def pad_to(
    image: NDArray[Any], size: Sequence[int], mode: Literal["reflect", "edge"] = "reflect"
) -> tuple[NDArray[Any], tuple[slice, ...]]:
    """Pads the last axes of an array to at least `size`, evenly on both sides.

    Args:
        image: `(..., *spatial)`, of any type.
        size: the least number of pixels along each of the last `len(size)` axes.
        mode: how to fill, as in `numpy.pad`.

    Returns:
        The padded array, and the slices along the last axes in which the original lies.

    >>> padded, inside = pad_to(np.zeros((1, 3, 3)), (4, 4))
    >>> padded.shape, padded[..., *inside].shape
    ((1, 4, 4), (1, 3, 3))
    """
    spatial = image.shape[image.ndim - len(size) :]
    missing = [max(0, least - found) for least, found in zip(size, spatial, strict=True)]
    before = [n // 2 for n in missing]
    inside = tuple(slice(start, start + found) for start, found in zip(before, spatial, strict=True))
    if not any(missing):
        return image, inside
    widths = [(0, 0)] * (image.ndim - len(size)) + [(b, n - b) for b, n in zip(before, missing, strict=True)]
    return np.pad(image, widths, mode=mode), inside

"""The grid of pixels on which a network works, and padding to a size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from isthmus.data.sampling.interpolation import CUBIC, LINEAR, Kernel, Taps, resampled, taps
from isthmus.data.sampling.resampling import (
    resample_label,
    resize_image,
    resize_label,
    resize_volume,
    resize_volume_label,
)
from isthmus.data.sampling.spacing import Spacing, coarse_axis, size_at, spacing_text
from isthmus.errors import IsthmusError


@dataclass(frozen=True)
class Grid:
    """The pixel scale at which a network works: resized whole images, pixels of one size, or the file's own pixels.

    With `spacing`, every image has a size of its own on the grid. Images are interpolated cubically, the maps that come
    back linearly, and what lies across a coarse axis (`spacing.coarse_axis`) is taken from the nearest slice.

    Attributes:
        resize: the size of every image, `(height, width)` or `(depth, height, width)`; None for the native scale.
            Two sides for a volume are those of its slices.
        spacing: the size of a pixel along each axis, in mm; None for any. Two numbers for a volume are those of its
            slices.
    """

    resize: tuple[int, ...] | None = None
    spacing: tuple[float, ...] | None = None

    @property
    def is_native(self) -> bool:
        """Whether images keep their own pixels."""
        return self.resize is None and self.spacing is None

    def size(self, size: Sequence[int], spacing: Sequence[float] | None = None) -> tuple[int, ...]:
        """Returns the size that an image takes on this grid.

        Args:
            size: size of the image, `(*spatial)`.
            spacing: size of its pixels in mm, which matters if this grid has a spacing; so for all methods.

        Raises:
            IsthmusError: the grid has a spacing and the image has none, or with another number of axes.
        """
        if self.resize is not None:
            return (*size[: len(size) - len(self.resize)], *self.resize)
        return tuple(size) if self.spacing is None else size_at(size, *self._spacings(len(size), spacing))

    def image(
        self, image: NDArray[np.float32], spacing: Sequence[float] | None = None
    ) -> NDArray[np.float32]:
        """Brings a normalised image `(channels, *spatial)` to this grid."""
        if self.spacing is not None:
            return resampled(image, self.axes(image.shape[1:], spacing))
        if self.resize is None:
            return image
        if len(self.resize) == 3:
            return resize_volume(image, self.resize)
        size = (self.resize[0], self.resize[1])
        slices = resize_image(image.reshape(-1, *image.shape[-2:]), size)
        return slices.reshape(*image.shape[:-2], *size)

    def label(self, label: NDArray[Any], spacing: Sequence[float] | None = None) -> NDArray[np.uint8]:
        """Brings a label `(*spatial)` of class indices to this grid."""
        if self.spacing is not None:
            return resample_label(
                label, self.axes(label.shape, spacing, LINEAR), self.axes(label.shape, spacing, None)
            )
        if self.resize is None:
            return label
        if len(self.resize) == 3:
            return resize_volume_label(label, self.resize)
        size = (self.resize[0], self.resize[1])
        if label.ndim == 3:
            return np.stack([resize_label(plane, size) for plane in label])
        return resize_label(label, size)

    def instances(self, numbers: NDArray[Any], spacing: Sequence[float] | None = None) -> NDArray[Any]:
        """Brings object numbers `(*spatial)` to this grid, by nearest neighbour."""
        if self.is_native:
            return numbers
        places = [
            ((np.arange(new) + 0.5) * old / new).astype(int)
            for old, new in zip(numbers.shape, self.size(numbers.shape, spacing), strict=True)
        ]
        return numbers[np.ix_(*places)]

    def back(
        self, maps: NDArray[np.float32], size: Sequence[int], spacing: Sequence[float] | None = None
    ) -> NDArray[np.float32]:
        """Brings maps `(maps, *spatial)` on this grid to that of an image of a size, `(maps, *size)`."""
        if self.spacing is not None:
            return resampled(maps, self.axes_back(size, spacing))
        return maps if self.resize is None else Grid(tuple(size[-len(self.resize) :])).image(maps)

    def axes(
        self, size: Sequence[int], spacing: Sequence[float] | None, kernel: Kernel | None = CUBIC
    ) -> list[Taps]:
        """Returns how each axis of an image is resampled to a grid that has a spacing."""
        return self._taps(size, self.size(size, spacing), spacing, kernel)

    def axes_back(self, size: Sequence[int], spacing: Sequence[float] | None) -> list[Taps]:
        """Returns how each axis of maps on a grid that has a spacing is resampled to an image."""
        return self._taps(self.size(size, spacing), size, spacing, LINEAR)

    def _taps(
        self, old: Sequence[int], new: Sequence[int], spacing: Sequence[float] | None, kernel: Kernel | None
    ) -> list[Taps]:
        coarse = coarse_axis(*self._spacings(len(old), spacing))
        return [
            taps(of_old, of_new, None if axis == coarse else kernel)
            for axis, (of_old, of_new) in enumerate(zip(old, new, strict=True))
        ]

    def _spacings(self, axes: int, own: Sequence[float] | None) -> tuple[Spacing, Spacing]:
        """Returns the spacing of an image, and the one to which it is brought."""
        wanted = self.spacing or ()
        if own is None:
            raise IsthmusError(
                f"states no size of its pixels, which are brought to {spacing_text(wanted)}; save it in a format that "
                "states one (NIfTI, NRRD, MetaImage, DICOM), or give it as spacing to the predictor in Python"
            )
        if len(own) != axes or not all(isfinite(step) and step > 0 for step in own):
            raise IsthmusError(
                f"pixels of {tuple(own)} mm in an image of {axes} axes; give {axes} positive numbers"
            )
        return tuple(own), (*own[: axes - len(wanted)], *wanted)


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

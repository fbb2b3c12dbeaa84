"""Changes to images that a user may make without noticing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def half(image: Array) -> Array:
    """Halves the brightness; an empty image where numbers lie around 0."""
    if image.min() < 0:
        return image[:0]
    return image // 2 if image.dtype.kind in "iu" else image / 2


def inverted(image: Array) -> Array:
    """Makes bright what was dark, in the range of a byte or the image's own."""
    top = 255 if image.dtype == np.uint8 else image.max() + image.min()
    return np.asarray(top - image, image.dtype)


def reversed_channels(image: Array) -> Array:
    """Reverses the order of three channels; an empty image where there are not three, or where they are equal."""
    return image[::-1] if len(image) == 3 and (image[0] != image[2]).any() else image[:0]


def scaled(factor: float) -> Callable[[Array], Array]:
    """Returns a function that enlarges or reduces an image in the plane."""
    method = cv2.INTER_LINEAR if factor > 1 else cv2.INTER_AREA

    def scale(image: Array) -> Array:
        planes = image.reshape(-1, *image.shape[-2:]).astype(np.float32)
        made = np.stack([cv2.resize(p, None, fx=factor, fy=factor, interpolation=method) for p in planes])
        made = np.rint(made) if image.dtype.kind in "iu" else made
        return made.reshape(*image.shape[:-2], *made.shape[-2:]).astype(image.dtype)

    return scale


CHANGES: dict[str, Callable[[Array], Array]] = {
    "as they are": lambda image: image,
    "half as bright": half,
    "inverted": inverted,
    "enlarged by 2": scaled(2.0),
    "reduced by 2": scaled(0.5),
    "channels reversed": reversed_channels,
}

"""Draws on pixels: outlines of label maps over an image and difference maps, encoded for a page."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Colour = tuple[int, int, int]
Pixels = NDArray[np.uint8]

# Okabe and Ito, Color universal design (2008): distinguishable with every common form of colour blindness.
TRUTH: Colour = (86, 180, 233)
PREDICTED: Colour = (230, 159, 0)
AGREE: Colour = (150, 154, 160)
OTHER_CLASS: Colour = (136, 60, 160)
CLASSES: tuple[Colour, ...] = (
    (0, 158, 115),
    (204, 121, 167),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (86, 180, 233),
    (230, 159, 0),
)
"""Colours of the foreground classes, class 1 first; the last two also mean truth and prediction, so they come last."""


def rgb(image: NDArray[Any], limits: tuple[float, float] | None = None) -> Pixels:
    """Returns an image (H, W), (H, W, 1) or (H, W, 3) as (H, W, 3) uint8.

    Number types other than uint8 are scaled so that `limits`, or else the 0.5th and 99.5th percentiles, become black
    and white.
    """
    if image.dtype != np.uint8:
        values = image.astype(np.float64)
        low, high = limits or np.percentile(values, (0.5, 99.5))
        scaled = (values - low) / (high - low) if high > low else np.zeros_like(values)
        image = np.rint(255 * scaled.clip(0, 1)).astype(np.uint8)
    if image.ndim == 2:
        image = image[..., None]
    return np.ascontiguousarray(np.broadcast_to(image, (*image.shape[:2], 3)))


def border(labels: NDArray[Any], width: int = 1) -> NDArray[np.bool_]:
    """Returns which foreground pixels of labels (H, W) lie within `width` pixels (city blocks) of another label.

    The edge of the image is not a border: the outline of a region stays open there.

    >>> border(np.array([[1, 1, 0], [1, 1, 0], [1, 1, 0]])).astype(int)
    array([[0, 1, 0],
           [0, 1, 0],
           [0, 1, 0]])
    """
    edge: NDArray[np.bool_] = np.zeros(labels.shape, dtype=bool)
    for axis in (0, 1):
        step = np.diff(labels, axis=axis) != 0
        ahead, behind = [[slice(None), slice(None)] for _ in range(2)]
        ahead[axis], behind[axis] = slice(1, None), slice(None, -1)
        edge[tuple(ahead)] |= step
        edge[tuple(behind)] |= step
    for _ in range(width - 1):
        grown = edge.copy()
        grown[1:] |= edge[:-1]
        grown[:-1] |= edge[1:]
        grown[:, 1:] |= edge[:, :-1]
        grown[:, :-1] |= edge[:, 1:]
        edge = grown
    edge &= labels != 0
    return edge


def outline(
    image: NDArray[Any], labels: NDArray[Any], colour: Colour | Sequence[Colour] | None = None, width: int = 1
) -> Pixels:
    """Draws the inner outline of every region over an image.

    Args:
        image: (H, W) or (H, W, 3).
        labels: (H, W) class indices, 0 is background.
        colour: one RGB colour for all classes, or one for each (class 1 first); None: `CLASSES`.
        width: the width of the line in pixels.

    Returns:
        (H, W, 3) uint8, a copy.
    """
    drawn = rgb(image).copy()
    edge = border(labels, width)
    if colour is None:
        colour = CLASSES
    if isinstance(colour[0], int):
        drawn[edge] = colour
    else:
        palette = np.array(colour, dtype=np.uint8)
        drawn[edge] = palette[(labels[edge].astype(np.intp) - 1) % len(palette)]
    return drawn


def difference(truth: NDArray[Any], predicted: NDArray[Any]) -> NDArray[np.uint8]:
    """Compares two label maps (H, W) pixel by pixel.

    Returns:
        (H, W) uint8: 0 both background, 1 same class, 2 missed (truth only), 3 false (predicted only), 4 another class.

    >>> difference(np.array([0, 1, 1, 0, 1]), np.array([0, 1, 0, 1, 2]))
    array([0, 1, 2, 3, 4], dtype=uint8)
    """
    kind = np.zeros(truth.shape, dtype=np.uint8)
    kind[(truth != 0) & (truth == predicted)] = 1
    kind[(truth != 0) & (predicted == 0)] = 2
    kind[(truth == 0) & (predicted != 0)] = 3
    kind[(truth != 0) & (predicted != 0) & (truth != predicted)] = 4
    return kind


def errors_over(image: Pixels, kind: NDArray[np.uint8]) -> Pixels:
    """Draws what `difference` found over an image (H, W, 3) uint8.

    Errors take their colours and background is darkened, so that only correct foreground keeps its tones.
    """
    drawn = image.astype(np.float64)
    drawn[kind == 0] *= 0.6
    for value, colour in ((2, TRUTH), (3, PREDICTED), (4, OTHER_CLASS)):
        drawn[kind == value] = 0.2 * drawn[kind == value] + 0.8 * np.array(colour)
    return np.rint(drawn).astype(np.uint8)


def fullest_slice(*labels: NDArray[Any]) -> int:
    """Returns the index of the slice with most foreground in the first volume (D, H, W) that has any.

    >>> volume = np.zeros((5, 4, 4), dtype=np.uint8)
    >>> volume[3, 1:3, 1:3] = 1
    >>> fullest_slice(np.zeros_like(volume), volume)
    3
    """
    for volume in labels:
        area = np.count_nonzero(volume, axis=(1, 2))
        if area.any():
            return int(area.argmax())
    return len(labels[0]) // 2


def fit(size: tuple[int, int], longest: int) -> tuple[int, int]:
    """Returns height and width for display: small images grow by a whole factor, large ones shrink to `longest`.

    >>> fit((128, 128), 400), fit((1000, 500), 400), fit((1, 2000), 400)
    ((384, 384), (400, 200), (1, 400))
    """
    height, width = size
    side = max(size)
    if side <= longest:
        factor = longest // side
        return height * factor, width * factor
    return max(1, round(height * longest / side)), max(1, round(width * longest / side))


def resize_image(image: Pixels, size: tuple[int, int]) -> Pixels:
    """Resizes an image (H, W, 3) uint8: by bicubic interpolation when it grows, by averaging when it shrinks."""
    if image.shape[:2] == size:
        return image
    shrinks = size[0] < image.shape[0]
    method = Image.Resampling.BOX if shrinks else Image.Resampling.BICUBIC
    return np.asarray(Image.fromarray(image).resize(size[::-1], method))


def resize_labels(labels: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Resizes labels (H, W); each pixel takes the label at its centre."""
    rows, columns = (
        ((np.arange(new) + 0.5) * old / new).astype(np.intp)
        for new, old in zip(size, labels.shape, strict=True)
    )
    return labels[np.ix_(rows, columns)]


def photograph(image: Pixels, line_width: int = 1) -> str:
    """Returns an (H, W, 3) uint8 image with many tones and lines as a data URI.

    WebP halves the size but stores colour at half the resolution, which blurs lines finer than two pixels; images with
    such lines are JPEG at full colour resolution.
    """
    picture = Image.fromarray(image)
    if line_width > 1:
        return _uri(picture, "webp", quality=78, method=4)
    return _uri(picture, "jpeg", quality=72, subsampling=0)


def transparent_picture(picture: Pixels) -> str:
    """Returns an (H, W, 4) uint8 picture, whose last channel is opacity, as a data URI."""
    return _uri(Image.fromarray(picture), "webp", quality=82, method=4)


def difference_map(kind: NDArray[np.uint8]) -> str:
    """Returns what `difference` found as a data URI; where both are background it is transparent."""
    picture = Image.fromarray(kind).convert("P")
    picture.putpalette([*(0, 0, 0), *AGREE, *TRUTH, *PREDICTED, *OTHER_CLASS])
    return _uri(picture, "png", transparency=0, optimize=True)


def _uri(picture: Image.Image, kind: str, **options: Any) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"

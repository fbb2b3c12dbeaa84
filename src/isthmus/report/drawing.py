"""Pictures from pixels: outlines of label maps over an image, difference maps, and their way into a page."""

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

# Okabe and Ito, Color universal design (2008): told apart with every common form of colour blindness.
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
"""Of the foreground classes, class 1 first; the last two also mean truth and prediction and so come last."""


def rgb(image: NDArray[Any], limits: tuple[float, float] | None = None) -> Pixels:
    """An image (H, W), (H, W, 1) or (H, W, 3) as (H, W, 3) uint8.

    Anything but uint8 is stretched so that `limits`, or else its 0.5th to 99.5th percentile, span black to white.
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
    """Foreground pixels of (H, W) labels within `width` pixels (city blocks) of another label.

    The edge of the image is no border: a region cut off there stays open.

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
    """The image with the inner outline of every region drawn over it.

    Args:
        image: (H, W) or (H, W, 3).
        labels: (H, W) class indices, 0 is background.
        colour: one RGB colour for all classes, or a sequence of them (class 1 first); None takes `CLASSES`.
        width: of the line, in pixels.

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
    """How two label maps (H, W) agree, pixel by pixel.

    0 both background, 1 same class, 2 missed (truth only), 3 false (predicted only), 4 another class.

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
    """An image (H, W, 3) with what `difference` found over it: errors in their colours, background darkened, so that
    what was rightly found is what stays as it is."""
    drawn = image.astype(np.float64)
    drawn[kind == 0] *= 0.6
    for value, colour in ((2, TRUTH), (3, PREDICTED), (4, OTHER_CLASS)):
        drawn[kind == value] = 0.2 * drawn[kind == value] + 0.8 * np.array(colour)
    return np.rint(drawn).astype(np.uint8)


def telling_slice(*labels: NDArray[Any]) -> int:
    """Index of the slice with most foreground in the first of the volumes (D, H, W) that has any.

    >>> volume = np.zeros((5, 4, 4), dtype=np.uint8)
    >>> volume[3, 1:3, 1:3] = 1
    >>> telling_slice(np.zeros_like(volume), volume)
    3
    """
    for volume in labels:
        area = np.count_nonzero(volume, axis=(1, 2))
        if area.any():
            return int(area.argmax())
    return len(labels[0]) // 2


def fit(size: tuple[int, int], longest: int) -> tuple[int, int]:
    """Height and width for display: small images grow by a whole factor, large ones shrink to `longest`.

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
    """An image (H, W, 3) at another size: smooth when it grows, averaged when it shrinks."""
    if image.shape[:2] == size:
        return image
    shrinks = size[0] < image.shape[0]
    method = Image.Resampling.BOX if shrinks else Image.Resampling.BICUBIC
    return np.asarray(Image.fromarray(image).resize(size[::-1], method))


def resize_labels(labels: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Labels (H, W) at another size, each pixel from the centre it falls on."""
    rows, columns = (
        ((np.arange(new) + 0.5) * old / new).astype(np.intp)
        for new, old in zip(size, labels.shape, strict=True)
    )
    return labels[np.ix_(rows, columns)]


def photograph(image: Pixels, line_width: int = 1) -> str:
    """A data URI of an (H, W, 3) image with many tones and lines drawn over it.

    WebP halves the size but keeps colour at half resolution only, which blurs lines finer than two pixels:
    those are kept as JPEG at full colour resolution.
    """
    picture = Image.fromarray(image)
    if line_width > 1:
        return _uri(picture, "webp", quality=78, method=4)
    return _uri(picture, "jpeg", quality=72, subsampling=0)


def cut_out(picture: Pixels) -> str:
    """A data URI of an (H, W, 4) picture, whose last channel is opacity."""
    return _uri(Image.fromarray(picture), "webp", quality=82, method=4)


def difference_map(kind: NDArray[np.uint8]) -> str:
    """A data URI of what `difference` found; where both are background the page shows through."""
    picture = Image.fromarray(kind).convert("P")
    picture.putpalette([*(0, 0, 0), *AGREE, *TRUTH, *PREDICTED, *OTHER_CLASS])
    return _uri(picture, "png", transparency=0, optimize=True)


def _uri(picture: Image.Image, kind: str, **options: Any) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"

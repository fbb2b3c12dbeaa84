"""Pictures of images with their objects outlined and numbered."""

from __future__ import annotations

from math import ceil, isqrt
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from isthmus.inference.outputs.instance_files import overlay
from isthmus.metrics.objects import Objects

FONT, SCALE = cv2.FONT_HERSHEY_SIMPLEX, 0.4
LARGEST = 8
"""Small pictures are enlarged at most so many times, so that numbers fit into most objects."""
MOST_PIXELS = 2**24
"""Larger pictures are not enlarged, and no picture is enlarged beyond."""


def numbered_overlay(image: NDArray[Any], objects: NDArray[Any]) -> NDArray[np.uint8]:
    """Returns the picture with every object outlined, and its number in white in its middle.

    The picture is enlarged by a whole factor, so that the number fits into half of the objects.

    Args:
        image: ``(channels, H, W)`` or ``(channels, D, H, W)``; of a volume, the slice with the most objects is shown.
        objects: ``(H, W)`` or ``(D, H, W)``, numbers from 1; 0 is background.

    Returns:
        ``(H', W', 3)``, uint8.

    Raises:
        IsthmusError: shapes that do not match.
    """
    if objects.ndim == 3 and len(objects):
        counts = [np.count_nonzero(np.bincount(plane.ravel())[1:]) for plane in objects]
        image, objects = image[:, int(np.argmax(counts))], objects[int(np.argmax(counts))]
    places = Objects(objects.astype(np.int64))
    texts = [str(number) for number in places.numbers]
    factor = _factor(objects.shape, places.areas, texts)
    enlarged = [np.repeat(np.repeat(each, factor, -1), factor, -2) for each in (image, objects)]
    picture = overlay(enlarged[0], enlarged[1], area=0.0)
    for text, (x, y) in zip(texts, _middles(places), strict=True):
        _write(picture, text, (x + 0.5) * factor, (y + 0.5) * factor)
    return picture


def _factor(shape: tuple[int, ...], areas: NDArray[Any], texts: list[str]) -> int:
    if not texts:
        return 1
    width = max(cv2.getTextSize(text, FONT, SCALE, 1)[0][0] for text in (texts[0], texts[-1])) + 4
    wanted = ceil(width / float(np.median(np.sqrt(areas))))
    return max(1, min(wanted, LARGEST, isqrt(MOST_PIXELS // (shape[0] * shape[1]))))


def _middles(places: Objects) -> list[tuple[int, int]]:
    """Returns the pixel of each object, x and y, that is nearest to its centre of mass."""
    found = []
    for place, box in enumerate(places.boxes):
        rows, columns = np.nonzero(places.mask(place, box))
        away = (rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2
        nearest = int(away.argmin())
        found.append((int(columns[nearest]) + box[1].start, int(rows[nearest]) + box[0].start))
    return found


def _write(picture: NDArray[np.uint8], text: str, x: float, y: float) -> None:
    """Writes white text with a black edge around a place, moved so that all of it is in the picture."""
    (width, height), _ = cv2.getTextSize(text, FONT, SCALE, 1)
    left = max(1, min(round(x - width / 2), picture.shape[1] - width - 1))
    low = max(height + 1, min(round(y + height / 2), picture.shape[0] - 2))
    for colour, thickness in (((0, 0, 0), 3), ((255, 255, 255), 1)):
        cv2.putText(picture, text, (left, low), FONT, SCALE, colour, thickness, cv2.LINE_AA)

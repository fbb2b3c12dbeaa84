"""Draws maps: the image under a heat map, with the outline of the mask."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

OUTLINE = (255, 255, 255)
SHADOW = (0, 0, 0)
SHARE = 0.55
"""Opacity of the heat map."""
LEAST = 256
"""Small pictures are enlarged, by a whole factor, to about this side."""
GAP = 4
"""Pixels between pictures."""


def picture(
    image: NDArray[Any], maps: NDArray[Any], labels: NDArray[Any], spacing: Sequence[float] | None = None
) -> Pixels:
    """Returns a row of pictures: the image, and the image under each map, all with the outline of the mask.

    A volume has three rows: its middle slices across the first, the second and the third axis.

    Args:
        image: ``(channels, *spatial)`` of any number type; unless there are 3 channels, the first is shown.
        maps: ``(n, *spatial)`` from 0 to 1.
        labels: ``(*spatial)`` class indices.
        spacing: spacing of a volume along its axes; slices are stretched so that pixels are square. The first axis then
            points to the head, so slices that contain it are shown with the head up.

    Returns:
        ``(H, W, 3)`` uint8.
    """
    if labels.ndim == 2:
        return _row(image, maps, labels, None)
    rows = []
    low, high = _range(image)
    for axis in range(3):
        at = labels.shape[axis] // 2
        sides = None if spacing is None else [s for i, s in enumerate(spacing) if i != axis]
        up = slice(None, None, -1 if spacing is not None and axis else 1)
        rows.append(
            _row(
                np.take(image, at, axis + 1)[:, up],
                np.take(maps, at, axis + 1)[:, up],
                np.take(labels, at, axis)[up],
                sides,
                (low, high),
            )
        )
    width = max(row.shape[1] for row in rows)
    padded = [np.pad(row, ((0, GAP), (0, width - row.shape[1]), (0, 0)), constant_values=255) for row in rows]
    return np.concatenate(padded)[:-GAP]


def heat(values: NDArray[Any]) -> Pixels:
    """Returns a map ``(H, W)`` from 0 to 1 in the colours of inferno, black to yellow: ``(H, W, 3)`` uint8."""
    grey = np.rint(255 * np.clip(values, 0, 1)).astype(np.uint8)
    return np.ascontiguousarray(cv2.applyColorMap(grey, cv2.COLORMAP_INFERNO)[..., ::-1], np.uint8)


def _row(
    image: NDArray[Any],
    maps: NDArray[Any],
    labels: NDArray[Any],
    spacing: Sequence[float] | None,
    limits: tuple[float, float] | None = None,
) -> Pixels:
    height, width = labels.shape
    fine = min(spacing) if spacing else 1.0
    sides = [
        side * (s / fine if spacing else 1.0)
        for side, s in zip((height, width), spacing or (1, 1), strict=True)
    ]
    factor = max(1, round(LEAST / max(sides)))
    size = (
        max(1, round(sides[1] * factor)),
        max(1, round(sides[0] * factor)),
    )  # OpenCV's order: width first
    ground = np.asarray(cv2.resize(rgb(image, limits), size, interpolation=cv2.INTER_NEAREST), np.uint8)
    shown = cv2.resize(labels.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    panels = [outlined(ground, shown)]
    for values in maps:
        large = cv2.resize(values.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
        panels.append(outlined(blended(ground, large), shown))
    gap = np.full((size[1], GAP, 3), 255, np.uint8)
    return np.concatenate([part for panel in panels for part in (gap, panel)][1:], axis=1)


def blended(ground: Pixels, values: NDArray[Any]) -> Pixels:
    """Returns a picture ``(H, W, 3)`` under the `heat` of a map ``(H, W)`` from 0 to 1."""
    mixed = (1 - SHARE) * ground.astype(np.float32) + SHARE * heat(values)
    return np.rint(mixed).astype(np.uint8)


def outlined(pixels: Pixels, labels: NDArray[Any]) -> Pixels:
    """Returns a copy with a white line along the inside of every region and a black one around it, visible on any
    ground.

    Args:
        pixels: ``(H, W, 3)`` uint8.
        labels: ``(H, W)``, 0 is background.
    """
    result = pixels.copy()
    cross = np.asarray(cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)))
    edge = np.zeros(labels.shape, bool)
    for index in np.unique(labels[labels > 0]):
        region = (labels == index).astype(np.uint8)
        edge |= (region > 0) & (cv2.erode(region, cross, borderValue=1) == 0)
    around = (cv2.dilate((labels > 0).astype(np.uint8), cross) > 0) & (labels == 0)
    result[around] = SHADOW
    result[edge] = OUTLINE
    return result


def rgb(image: NDArray[Any], limits: tuple[float, float] | None = None) -> Pixels:
    """Returns an image ``(channels, H, W)`` as ``(H, W, 3)`` uint8; unless there are 3 channels, the first.

    Args:
        image: an image of any number type; all but uint8 are scaled.
        limits: the numbers that become black and white; None: the 0.5th and 99.5th percentile.
    """
    shown = image if image.shape[0] == 3 else image[:1]
    if shown.dtype != np.uint8:
        low, high = limits or _range(shown)
        scaled = (shown.astype(np.float64) - low) / (high - low) if high > low else np.zeros(shown.shape)
        shown = np.rint(255 * scaled.clip(0, 1)).astype(np.uint8)
    pixels = np.broadcast_to(np.moveaxis(shown, 0, -1), (*shown.shape[1:], 3))
    return np.ascontiguousarray(pixels, np.uint8)


def _range(image: NDArray[Any]) -> tuple[float, float]:
    low, high = np.percentile(image.astype(np.float64), (0.5, 99.5))
    return float(low), float(high)

"""The pictures of a volume: three orthogonal slices through the middle of the truth, and surfaces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.report import drawing
from isthmus.report.gallery import CaseImages, Panel, Picture, arrays, labels_panel, overlay_panel
from isthmus.report.surface import Scene, render

PLANES = ("Axial", "Coronal", "Sagittal")
"""The slices across the axes (z, y, x) of an array."""
LONGEST, SURFACE = 288, 240
"""Longest side of slices, and side of pictures of a surface, in pixels."""


def middle(*labels: NDArray[Any]) -> tuple[int, int, int]:
    """Returns the median foreground voxel along each axis of the first volume (D, H, W) that has foreground.

    Each of the three slices through it contains foreground. Without foreground it is the middle of the volume.

    >>> truth = np.zeros((5, 6, 7), np.uint8)
    >>> truth[1:4, 2, 5] = 1
    >>> middle(truth), middle(np.zeros((5, 6, 7)))
    ((2, 2, 5), (2, 3, 3))
    """
    for volume in labels:
        found = np.argwhere(volume)
        if len(found):
            z, y, x = np.sort(found, axis=0)[(len(found) - 1) // 2]
            return int(z), int(y), int(x)
    z, y, x = (length // 2 for length in labels[0].shape)
    return z, y, x


def orthogonal(case: str, given: CaseImages, longest: int = LONGEST) -> list[Picture]:
    """Returns three slices through the `middle` of the truth, at one scale, head up, in true proportions.

    Args:
        case: the case id, for messages.
        given: image (D, H, W) or (D, H, W, 3), true and predicted labels (D, H, W), and the voxels' size, if known.
        longest: the longest edge of the volume in pixels.

    Raises:
        IsthmusError: image and masks do not have the same size.
    """
    image, truth, predicted = arrays(case, given)
    spacing = _spacing(given)
    extent = [length * step for length, step in zip(truth.shape, spacing, strict=True)]
    scale = longest / max(extent)
    at, found = middle(truth, predicted), []
    seen = np.concatenate([_slice(image, axis, at[axis]).ravel() for axis in range(3)])
    low, high = np.percentile(seen, (0.5, 99.5))
    for axis, name in enumerate(PLANES):
        rows, columns = (other for other in range(3) if other != axis)
        size = (max(1, round(extent[rows] * scale)), max(1, round(extent[columns] * scale)))
        flat = [_slice(volume, axis, at[axis]) for volume in (image, truth, predicted)]
        found.append(
            Picture(
                drawing.resize_image(drawing.rgb(flat[0], (float(low), float(high))), size),
                drawing.resize_labels(flat[1], size),
                drawing.resize_labels(flat[2], size),
                f"{name}, slice {at[axis] + 1} of {truth.shape[axis]}",
            )
        )
    return found


def slice_panels(case: str, given: CaseImages, *, several: bool) -> list[Panel]:
    """Draws three slices with both outlines; for several classes, three with true and three with predicted ones."""
    pictures = orthogonal(case, given)
    if not several:
        return [overlay_panel(each, case, each.note) for each in pictures]
    true = [labels_panel(each, each.truth, case, f"True outlines: {each.note}") for each in pictures]
    return true + [
        labels_panel(each, each.predicted, case, f"Predicted outlines: {each.note}") for each in pictures
    ]


def surface_panels(
    case: str,
    truth: NDArray[Any],
    predicted: Mapping[str, NDArray[Any]],
    spacing: Sequence[float] | None,
    *,
    several: bool,
) -> list[Panel]:
    """Draws the true surface and the predicted ones from the same view; none if there is only background.

    Several classes have their colours; of a single class, predicted surfaces are coloured where they differ from the
    true one.

    Args:
        case: the case id, for descriptions.
        truth: true labels (D, H, W).
        predicted: predicted labels (D, H, W) by caption.
        spacing: the size of a voxel along each axis; None: 1.
        several: whether there are several classes.
    """
    scene = Scene.of([truth, *predicted.values()], spacing)
    if scene is None:
        return []
    colours = drawing.CLASSES if several else None
    drawn = {"True surface": render(scene, truth, size=SURFACE, colours=colours)}
    for name, labels in predicted.items():
        against = None if several else truth
        drawn[name] = render(scene, labels, truth=against, size=SURFACE, colours=colours)
    return [
        Panel(drawing.transparent_picture(picture), name, f"{name}: surface of {case}", SURFACE, SURFACE)
        for name, picture in drawn.items()
    ]


def _spacing(given: CaseImages) -> tuple[float, ...]:
    found = given[3] if len(given) == 4 else None
    return tuple(map(float, found)) if found is not None else (1.0, 1.0, 1.0)


def _slice(volume: NDArray[Any], axis: int, at: int) -> NDArray[Any]:
    """Returns the slice across an axis, with z pointing up where it is shown."""
    flat: NDArray[Any] = volume.take(at, axis=axis)
    return flat if axis == 0 else flat[::-1]

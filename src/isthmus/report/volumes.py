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
"""Slices across the axes of an array (z, y, x)."""
LONGEST, SURFACE = 288, 240
"""Longest side in pixels of slices, and the side of a picture of a surface."""


def middle(*labels: NDArray[Any]) -> tuple[int, int, int]:
    """Along each axis of the first volume (D, H, W) with any foreground the median of its foreground voxels.

    Each of the three slices there holds foreground. Without any it is the middle of the volume.

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
    """Three slices through the `middle` of the truth, at one scale, head up, with pixels as large as they are.

    Args:
        case: for messages.
        given: image (D, H, W) or (D, H, W, 3), true and predicted labels (D, H, W), and the voxels' size, if known.
        longest: side in pixels of the longest edge of the volume.

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
    """The three slices with both outlines, or for several classes three with the true ones, then three with the
    predicted ones."""
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
    """The true surface and the predicted ones, from the same place; by class in colours, else by where they lie off the
    true one. None where there is nothing but background."""
    scene = Scene.of([truth, *predicted.values()], spacing)
    if scene is None:
        return []
    colours = drawing.CLASSES if several else None
    drawn = {"True surface": render(scene, truth, size=SURFACE, colours=colours)}
    for name, labels in predicted.items():
        against = None if several else truth
        drawn[name] = render(scene, labels, truth=against, size=SURFACE, colours=colours)
    return [
        Panel(drawing.cut_out(picture), name, f"{name}: surface of {case}", SURFACE, SURFACE)
        for name, picture in drawn.items()
    ]


def _spacing(given: CaseImages) -> tuple[float, ...]:
    found = given[3] if len(given) == 4 else None
    return tuple(map(float, found)) if found is not None else (1.0, 1.0, 1.0)


def _slice(volume: NDArray[Any], axis: int, at: int) -> NDArray[Any]:
    """Across an axis; those that show z have it upwards."""
    flat: NDArray[Any] = volume.take(at, axis=axis)
    return flat if axis == 0 else flat[::-1]

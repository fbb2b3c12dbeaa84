"""The README's picture, docs/images/nuclei.jpg: `python -m benchmarks.pictures.nuclei`.

The network `nuclei`, which comes with the package, outlines what it finds in four images that it has not seen
(`../shared/data/dsb-2018-more`, CC0).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

import isthmus
from benchmarks.objects.trained_nuclei import SHOWN

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
SIDE = 256


def main() -> None:
    predictor = isthmus.Predictor.load("nuclei")
    folder = DATA / "dsb-2018-more" / "images"
    paths = [path for start in SHOWN for path in folder.glob(f"{start}*.png")]
    picture = found_below(predictor, (np.asarray(Image.open(path).convert("RGB")) for path in paths))
    Image.fromarray(picture).save(ROOT / "docs" / "images" / "nuclei.jpg", quality=90)


def found_below(predictor: isthmus.Predictor, images: Iterable[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Images (H, W, 3) side by side, cut to `SIDE`, and below each itself with what was found."""
    columns: list[Any] = []
    for image in images:
        shown = stretched(image)
        found = outlined(shown, predictor.mask(image.transpose(2, 0, 1)))
        columns.append(np.vstack([shown[:SIDE, :SIDE], found[:SIDE, :SIDE]]))
    return np.hstack(columns)


def stretched(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The image, (H, W, 3), with its brightness stretched to the range of a screen, so that dim nuclei show."""
    low, high = np.percentile(image, (0.5, 99.8))
    return np.clip((image - low) * (255 / max(high - low, 1)), 0, 255).astype(np.uint8)


def outlined(image: NDArray[np.uint8], objects: NDArray[np.int32]) -> NDArray[np.uint8]:
    """The image with the outline of every object, (H, W) of numbers, in a colour of its own."""
    drawn = image.copy()
    for number in np.unique(objects[objects > 0]):
        outlines, _ = cv2.findContours(
            (objects == number).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
        )
        hue = np.array([[[int(number) * 47 % 180, 255, 255]]], np.uint8)
        colour = tuple(int(value) for value in cv2.cvtColor(hue, cv2.COLOR_HSV2RGB)[0, 0])
        cv2.drawContours(drawn, outlines, -1, colour, 1)
    return drawn


if __name__ == "__main__":
    main()

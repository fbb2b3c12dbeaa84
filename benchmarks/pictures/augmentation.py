"""A picture of every transform, docs/images/augmentation-*.png: `python -m benchmarks.pictures.augmentation`.

A phantom in the colours of a stained section, with a grid drawn into it so that one sees where pixels go; the
outline is that of the label.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from isthmus.data.augment import (
    HMEDN,
    HMEDN_CT,
    MILDNET,
    Blur,
    ChannelShift,
    ColourJitter,
    Crop,
    Elastic,
    Flip,
    Noise,
    Permute,
    Pipeline,
    Rotate,
    Shear,
    SliceFlip,
    Transform,
    Turn,
    Zoom,
)
from isthmus.data.phantoms.cells import phantom
from isthmus.data.rng import rng
from isthmus.data.sampling.slices import slice_stack

FOLDER = Path(__file__).parents[2] / "docs" / "images"
SIDE = 144
COLUMNS = 5

TRANSFORMS: tuple[tuple[Transform, int], ...] = (
    (Turn((60,)), 0),
    (Flip(-1, p=1), 0),
    (Flip(-2, p=1), 0),
    (Permute(), 0),
    (Rotate(p=1), 3),
    (Zoom(0.6, 0.6, p=1), 0),
    (Crop(0.5, 0.5, p=1), 2),
    (Shear(p=1), 4),
    (Elastic(p=1), 0),
    (ColourJitter(p=1), 2),
    (ChannelShift(p=1), 1),
    (Blur((7,), p=1), 0),
    (Noise(50, 50, p=1), 0),
)


def sample() -> tuple[np.ndarray, np.ndarray]:
    """Returns an image `(3, side, side)` uint8 and its label."""
    grey, mask = phantom(SIDE, rng(0, "augmentation pictures", 4))
    stain = np.array([0.55, 0.85, 0.4]).reshape(3, 1, 1)
    image = (245 - stain * grey.clip(0, 230)).astype(np.uint8)
    image[:, ::24] = image[:, ::24] // 2 + 60
    image[:, :, ::24] = image[:, :, ::24] // 2 + 60
    return image, (mask > 0).astype(np.uint8)


def tile(image: np.ndarray, label: np.ndarray, title: str) -> np.ndarray:
    """Draws the image with the outline of its label, above its name."""
    picture = np.ascontiguousarray(image.transpose(1, 2, 0))
    outlines, _ = cv2.findContours(label, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(picture, outlines, -1, (0, 110, 60), 1)
    strip = np.full((20, SIDE, 3), 255, np.uint8)
    cv2.putText(strip, title, (2, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 1, cv2.LINE_AA)
    return np.pad(np.concatenate([picture, strip]), ((0, 4), (0, 6), (0, 0)), constant_values=255)


def write(name: str, tiles: Sequence[np.ndarray]) -> None:
    """Writes a sheet of tiles; 128 colours keep it small."""
    blank = np.full_like(tiles[0], 255)
    padded = [*tiles, *[blank] * (-len(tiles) % COLUMNS)]
    rows = [np.concatenate(padded[i : i + COLUMNS], 1) for i in range(0, len(padded), COLUMNS)]
    FOLDER.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.concatenate(rows)).quantize(128).save(
        FOLDER / f"augmentation-{name}.png", optimize=True
    )


def slices() -> np.ndarray:
    """Draws five neighbouring slices of a volume as channels, above the same ones in reverse order."""
    balls = [np.hypot(*np.mgrid[-35:37, -35 - 4 * z : 37 - 4 * z]) < 24 - 3 * abs(z) for z in range(-4, 5)]
    stack = slice_stack(np.stack(balls).astype(np.uint8) * 180 + 40, 3)
    turned, _ = Pipeline((SliceFlip(p=1),))(stack, stack[2], rng(0))
    assert HMEDN_CT.transforms == (SliceFlip(),)
    rows = [np.pad(np.concatenate(list(one), 1), 3, constant_values=255) for one in (stack, turned)]
    return np.concatenate(rows)


def main() -> None:
    """Draws the three sheets."""
    image, label = sample()
    tiles = [tile(image, label, "as it was")]
    for transform, seed in TRANSFORMS:
        name = type(transform).__name__ + {-1: "(-1)", -2: "(-2)"}.get(getattr(transform, "axis", 0), "")
        tiles.append(tile(*Pipeline((transform,))(image, label, rng(seed)), name))
    write("transforms", tiles)
    for name, pipeline in (("mildnet", MILDNET), ("hmedn", HMEDN)):
        write(name, [tile(*pipeline(image, label, rng(seed)), f"{name}, seed {seed}") for seed in range(10)])
    Image.fromarray(slices()).save(FOLDER / "augmentation-slices.png", optimize=True)


if __name__ == "__main__":
    main()

"""Sheets of small pictures with captions, as PNG of few colours so that a page of them stays small."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from isthmus.files import atomic_path

Pixels = NDArray[np.uint8]
GAP, LINE, COLOURS = 4, 13, 200


def sheet(
    path: Path, rows: Sequence[tuple[str, Sequence[Pixels]]], heads: Sequence[str], scale: int = 1
) -> str:
    """Writes rows of pictures `(H, W, 3)`, captions above rows, heads above columns; returns the name."""
    wide = [max(row[i].shape[1] for _, row in rows if i < len(row)) * scale for i in range(len(heads))]
    high = [max(picture.shape[0] for picture in row) * scale for _, row in rows]
    font = ImageFont.load_default(11)
    canvas = Image.new(
        "RGB", (sum(wide) + GAP * (len(wide) + 1), LINE + sum(high) + (LINE + GAP) * len(rows)), "white"
    )
    pen = ImageDraw.Draw(canvas)
    lefts = [GAP + sum(wide[:i]) + GAP * i for i in range(len(wide))]
    for left, head in zip(lefts, heads, strict=True):
        pen.text((left, 0), head, "black", font)
    top = LINE
    for (caption, row), height in zip(rows, high, strict=True):
        pen.text((GAP, top), caption, "dimgray", font)
        for left, picture in zip(lefts, row, strict=False):
            image = Image.fromarray(picture)
            canvas.paste(
                image.resize((image.width * scale, image.height * scale), Image.Resampling.NEAREST),
                (left, top + LINE),
            )
        top += height + LINE + GAP
    small = canvas.quantize(COLOURS, dither=Image.Dither.NONE)
    with atomic_path(path) as aside:
        small.save(aside, "PNG", optimize=True)
    return path.name


def grey(values: NDArray[Any], low: float | None = None, high: float | None = None) -> Pixels:
    """Draws values `(H, W)` as grey `(H, W, 3)`, from `low` (their smallest) to `high` (their largest)."""
    low = float(values.min()) if low is None else low
    high = float(values.max()) if high is None else high
    share = np.clip((values.astype(np.float64) - low) / max(high - low, 1e-12), 0, 1)
    return np.repeat(np.rint(255 * share).astype(np.uint8)[..., None], 3, axis=2)


def heat(values: NDArray[Any], low: float | None = None, high: float | None = None) -> Pixels:
    """Draws values `(H, W)` from black over red and yellow to white, as `grey` takes them."""
    share = grey(values, low, high)[..., :1] / 255
    return np.rint(255 * np.clip(3 * share - np.array([0.0, 1.0, 2.0]), 0, 1)).astype(np.uint8)


def larger(picture: Pixels, factor: int = 2) -> Pixels:
    """Enlarges every pixel to a square."""
    return picture.repeat(factor, axis=0).repeat(factor, axis=1)

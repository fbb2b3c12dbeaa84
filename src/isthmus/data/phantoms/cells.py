"""Draws synthetic microscopy: seeded pictures of fluorescent nuclei with their true masks.

They contain what the papers call difficult: outliers (bright debris that is not a nucleus), faint boundaries, touching
nuclei, uneven light, noise and blur. Everything is drawn with NumPy and OpenCV; no real data is needed or imitated.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from isthmus.data.rng import rng
from isthmus.errors import IsthmusError
from isthmus.io.writing import write_image, write_mask

Floats = NDArray[np.float32]

FAINT = 0.34
"""Nuclei up to this brightness (1 saturates) are also out of focus, so that their boundaries are hard to see."""


def write_phantoms(folder: Path, n: int, size: int = 128, seed: int = 0) -> None:
    """Writes `n` pairs `images/phantom-000.png` and `masks/phantom-000.png` (8-bit grey; masks of 0 and 255).

    Raises:
        IsthmusError: fewer than one picture, or a size below 32 pixels.
    """
    if n < 1 or size < 32:
        raise IsthmusError(f"{n} phantoms of {size} pixels; request at least one, of at least 32 pixels")
    for index in range(n):
        image, mask = phantom(size, rng(seed, "phantom", index))
        write_image(folder / "images" / f"phantom-{index:03d}.png", image[None])
        write_mask(folder / "masks" / f"phantom-{index:03d}.png", mask)


def phantom(size: int, random: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Returns one picture `(size, size)` uint8 and its mask of 0 and 255."""
    light = np.zeros((size, size), np.float32)
    mask = np.zeros((size, size), bool)
    for inside, brightness in _nuclei(size, random):
        focus = random.uniform(0.6, 1.2) if brightness > FAINT else random.uniform(1.5, 2.5)
        light = np.maximum(light, blur(nucleus(inside, brightness, random), focus))
        mask |= inside > 0.5
    light = np.maximum(light, _debris(size, mask, random))
    return expose(light, random), mask.astype(np.uint8) * np.uint8(255)


def blur(picture: NDArray[Any], sigma: float) -> Floats:
    """Returns a picture after a Gaussian filter of `sigma` pixels."""
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.float32)


def _nuclei(size: int, random: np.random.Generator) -> list[tuple[Floats, float]]:
    """Returns outlines (1 inside, 0 outside) and brightnesses; some nuclei are placed to touch the one before."""
    found: list[tuple[Floats, float]] = []
    taken = np.zeros((size, size), np.float32)
    last: tuple[float, float, float] | None = None
    count = random.integers(6, 12) * (size / 128) ** 2
    for _ in range(round(count)):
        for _ in range(12):  # tries to place it beside the others
            radius = random.uniform(6, 14)
            if last is not None and random.random() < 0.4:
                angle = random.uniform(0, 2 * np.pi)
                reach = (last[2] + radius) * random.uniform(0.88, 1.0)
                x, y = last[0] + reach * np.cos(angle), last[1] + reach * np.sin(angle)
            else:
                x, y = random.uniform(0, size, 2)
            inside = blob(size, x, y, radius, random)
            overlap = float((inside * taken).sum()) / max(1.0, float(inside.sum()))
            if inside.sum() > 30 and overlap < 0.12:
                inside = inside * (1 - taken)
                taken = np.maximum(taken, inside)
                last = (x, y, radius)
                faint = random.random() < 0.25
                found.append((inside, random.uniform(0.2, FAINT) if faint else random.uniform(0.45, 0.9)))
                break
    return found


def blob(size: int, x: float, y: float, radius: float, random: np.random.Generator) -> Floats:
    """Returns a filled, slightly uneven ellipse `(size, size)`, with soft edges of one pixel."""
    turns = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    stretch, turn = random.uniform(0.7, 1.0), random.uniform(0, np.pi)
    outline = np.ones_like(turns)
    for wave in (2, 3, 4):
        outline += random.normal(0, 0.05 / (wave - 1)) * np.cos(wave * turns + random.uniform(0, 2 * np.pi))
    along, across = radius * outline * np.cos(turns), radius * stretch * outline * np.sin(turns)
    points = np.stack(
        [x + along * np.cos(turn) - across * np.sin(turn), y + along * np.sin(turn) + across * np.cos(turn)],
        1,
    )
    canvas = np.zeros((size, size), np.uint8)
    cv2.fillPoly(canvas, [np.rint(points * 16).astype(np.int32)], 255, cv2.LINE_AA, shift=4)
    return canvas.astype(np.float32) / np.float32(255)


def nucleus(inside: Floats, brightness: float, random: np.random.Generator) -> Floats:
    """Returns chromatin: textured, darker towards the border, and sometimes with a dark nucleolus."""
    depth = cv2.distanceTransform((inside > 0.5).astype(np.uint8), cv2.DIST_L2, 3)
    profile = 0.72 + 0.28 * depth / max(1.0, float(depth.max()))
    grain = blur(random.standard_normal(inside.shape), 1.8)
    profile *= 1 + 0.45 * grain
    if random.random() < 0.5:
        y, x = np.unravel_index(int((depth + random.uniform(0, 3, depth.shape)).argmax()), depth.shape)
        spot = np.zeros_like(inside)
        cv2.circle(spot, (int(x), int(y)), 2, 1.0, -1, cv2.LINE_AA)
        profile *= 1 - 0.4 * blur(spot, 0.8)
    return (inside * profile * brightness).astype(np.float32)


def _debris(size: int, mask: NDArray[np.bool_], random: np.random.Generator) -> Floats:
    """Returns bright things that are not nuclei: specks, streaks and hollow rings, beside the nuclei."""
    light = np.zeros((size, size), np.float32)
    margin = cv2.dilate(mask.astype(np.uint8), np.ones((7, 7), np.uint8))
    for _ in range(round(random.integers(4, 10) * (size / 128) ** 2)):
        canvas = np.zeros((size, size), np.uint8)
        x, y = (int(v) for v in random.integers(4, size - 4, 2))
        kind = random.random()
        if kind < 0.5:
            for _ in range(random.integers(1, 4)):
                dx, dy = (int(v) for v in random.integers(-2, 3, 2))
                cv2.circle(canvas, (x + dx, y + dy), int(random.integers(1, 3)), 255, -1, cv2.LINE_AA)
        elif kind < 0.75:
            angle, length = random.uniform(0, np.pi), random.uniform(10, 28)
            end = (round(x + length * np.cos(angle)), round(y + length * np.sin(angle)))
            cv2.line(canvas, (x, y), end, 255, 1, cv2.LINE_AA)
        else:
            axes = (int(random.integers(5, 10)), int(random.integers(4, 8)))
            cv2.ellipse(canvas, (x, y), axes, random.uniform(0, 180), 0, 360, 255, 1, cv2.LINE_AA)
        if not (canvas[margin > 0] > 0).any():
            light = np.maximum(light, canvas / np.float32(255) * np.float32(random.uniform(0.6, 1.1)))
    return blur(light, 0.7)


def expose(light: Floats, random: np.random.Generator) -> NDArray[np.uint8]:
    """Returns an 8-bit exposure: uneven illumination, background haze, photon noise and read-out noise."""
    size = light.shape[0]
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / np.float32(size) - np.float32(0.5)
    angle = random.uniform(0, 2 * np.pi)
    slope = 1 + random.uniform(0.1, 0.4) * (x * np.cos(angle) + y * np.sin(angle))
    clouds = random.standard_normal((8, 8))
    haze = np.asarray(cv2.resize(clouds, (size, size), interpolation=cv2.INTER_CUBIC))
    scene = (light + 0.07 + 0.02 * haze) * slope * random.uniform(0.8, 1.05)
    photons = random.uniform(120, 300)
    noisy = random.poisson(np.clip(scene, 0, None) * photons) / photons + random.normal(0, 0.015, scene.shape)
    return np.asarray(np.clip(np.rint(noisy * 255), 0, 255), np.uint8)

"""Makes synthetic CT scans of a pelvis: seeded volumes of three organs that are hard to see, with their true masks.

A bladder lies on a prostate, and a rectum behind both, in axial slices that are thicker than their pixels. The scans
contain what the papers call difficult: organs that differ by less than the noise, borders that are blurred and partly
vanish, gas in the rectum, and streaks caused by bones, gas and metal. Numbers are like those of a CT (water 0, air
-1000), lengths are in millimetres, and no real data is needed or imitated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from isthmus.data.rng import rng
from isthmus.errors import IsthmusError
from isthmus.io import nifti
from isthmus.io.geometry import Geometry

Floats = NDArray[np.float32]
Spacing = tuple[float, float, float]

ORGANS = ("background", "bladder", "prostate", "rectum")
"""Names of the classes, by their number in the masks."""

SHAPE, SPACING = (24, 96, 96), (3.0, 1.0, 1.0)
_EXTENT = np.array(SHAPE) * SPACING  # field of view for which the sizes below are chosen

FAT, MUSCLE, BONE, GAS = -85.0, 46.0, 450.0, -880.0
MEANS = (8.0, 42.0, 30.0)
"""Mean numbers of bladder, prostate and rectum (without gas); they vary a little from scan to scan."""


def organ_phantom(
    seed: int, shape: Sequence[int] = SHAPE, spacing: Sequence[float] = SPACING
) -> tuple[NDArray[np.int16], NDArray[np.uint8]]:
    """Returns one scan `(z, y, x)` int16 and its mask: 0 background, 1 bladder, 2 prostate, 3 rectum.

    As everywhere in this library, z points to the head, y to the back and x to the left. Organs scale with the smallest
    side of the field of view, so that they fit.

    Args:
        seed: the same seed, shape and spacing give the same scan.
        shape: slices, rows and columns; at least 8 of each.
        spacing: millimetres along these axes.

    Raises:
        IsthmusError: there are not three axes, fewer than 8 voxels along one, or a spacing that is not positive.

    >>> image, mask = organ_phantom(0, (8, 32, 32), (9.0, 3.0, 3.0))
    >>> image.shape, str(image.dtype), np.unique(mask).tolist()
    ((8, 32, 32), 'int16', [0, 1, 2, 3])
    """
    scene = _Scene.of(seed, shape, spacing)
    label, depth = _organs(scene)
    tissue = _tissue(scene, label, depth)
    sharp = np.array([1.5, 1.1, 1.1]) * scene.scale
    blurred = scene.blur(tissue, sharp)
    vanishing = scene.field("vanishing", 14.0)
    weight = _sigmoid(3 * (vanishing - 0.2))
    scan = blurred + weight * (scene.blur(tissue, 3 * sharp) - blurred)
    gas, bubbles = _gas(scene, label, depth)
    scan += scene.blur(gas, 0.6 * sharp) * (GAS - scan)
    scan += _streaks(scene, label, bubbles) + _noise(scene)
    return np.clip(np.rint(scan), -1024, 3071).astype(np.int16), label


def write_organ_phantoms(
    folder: Path,
    cases: int,
    *,
    seed: int = 0,
    shape: Sequence[int] = SHAPE,
    spacing: Sequence[float] = SPACING,
) -> None:
    """Writes pairs `images/pelvis-000.nii.gz` and `masks/pelvis-000.nii.gz`, as a scanner's software would.

    The axes of the files run to the left, to the back and to the head (LPS).

    Raises:
        IsthmusError: no cases, arguments that `organ_phantom` refuses, or a full disk.
    """
    if cases < 1:
        raise IsthmusError(f"{cases} scans; request at least one")
    for index in range(cases):
        image, mask = organ_phantom(int(rng(seed, "pelvis", index).integers(2**31)), shape, spacing)
        z, y, x = (float(side) for side in spacing)
        for kind, array in (("images", image), ("masks", mask)):
            grid = Geometry(array.shape[::-1], array.dtype, np.diag([-x, -y, z, 1.0]))
            nifti.write(folder / kind / f"pelvis-{index:03d}.nii.gz", grid.from_array(array), grid)


@dataclass(frozen=True)
class _Scene:
    """The grid of a scan, the scale of the organs on it, and random numbers by name."""

    seed: int
    shape: tuple[int, int, int]
    spacing: NDArray[np.float64]
    scale: float

    @classmethod
    def of(cls, seed: int, shape: Sequence[int], spacing: Sequence[float]) -> _Scene:
        sides = np.asarray(spacing, np.float64)
        if len(shape) != 3 or sides.shape != (3,) or min(shape) < 8 or not (sides > 0).all():
            raise IsthmusError(
                f"a scan of shape {tuple(shape)} and spacing {tuple(spacing)}; give slices, rows and columns, at "
                "least 8 of each, and three positive spacings"
            )
        z, y, x = (int(n) for n in shape)
        return cls(seed, (z, y, x), sides, float(min(np.array(shape) * sides / _EXTENT)))

    def chance(self, name: str) -> np.random.Generator:
        """Returns the random generator of one part of the scene."""
        return rng(self.seed, "organs", name)

    @property
    def places(self) -> tuple[Floats, Floats, Floats]:
        """Distances from the centre along z, y and x, in millimetres at full scale, as arrays that broadcast."""
        lines = [
            ((np.arange(n) - (n - 1) / 2) * side / self.scale).astype(np.float32)
            for n, side in zip(self.shape, self.spacing, strict=True)
        ]
        z, y, x = np.ix_(*lines)
        return z, y, x

    def blur(self, values: Floats, sigma: NDArray[np.float64]) -> Floats:
        """Returns values after a Gaussian filter whose width is given in millimetres."""
        return np.asarray(ndimage.gaussian_filter(values, sigma / self.spacing, mode="nearest"), np.float32)

    def field(self, name: str, length: float) -> Floats:
        """Returns a smooth random field, correlated over a length in millimetres at full scale; mean 0, deviation 1."""
        white = self.chance(name).standard_normal(self.shape, np.float32)
        smooth = self.blur(white, np.full(3, length * self.scale / 2.5))
        return np.asarray((smooth - smooth.mean()) / smooth.std(), np.float32)


def _organs(scene: _Scene) -> tuple[NDArray[np.uint8], Floats]:
    """Returns the mask, and the depth of every voxel in the nearest organ (negative outside), in millimetres."""
    chance = scene.chance("shapes")
    z, y, x = scene.places
    bladder, prostate = chance.uniform((14, 15, 19), (19, 19, 25)), chance.uniform((11, 11, 16), (14, 14, 20))
    top = np.array([chance.uniform(12, 16), chance.uniform(-14, -10), chance.uniform(-3, 3)])
    below = top - (bladder[0] + prostate[0] - chance.uniform(2, 5), -chance.uniform(6, 9), 0)
    radius = chance.uniform(9.5, 13)
    back = below[1] + prostate[1] + radius - chance.uniform(2.5, 4.5)
    bend, lean = chance.uniform(4, 9), chance.uniform(-0.15, 0.15)
    tube_y = back + bend * ((z - below[0]) / 36) ** 2
    tube_x = below[2] + lean * z + chance.uniform(-3, 3)
    wide = radius * (1 + 0.15 * np.sin(z / chance.uniform(7, 11) + chance.uniform(0, 6)))
    depths = [
        _ellipsoid((z, y, x), top, bladder),
        _ellipsoid((z, y, x), below, prostate),
        wide - np.hypot((y - tube_y), (x - tube_x) * chance.uniform(0.75, 1.0)),
    ]
    wobbly = [depth + 1.1 * scene.field(f"wobble {index}", 11.0) for index, depth in enumerate(depths)]
    all_depths = np.stack(np.broadcast_arrays(*wobbly))
    depth = all_depths.max(axis=0)
    label = np.where(depth > 0, all_depths.argmax(axis=0) + 1, 0).astype(np.uint8)
    return label, np.asarray(depth, np.float32)


def _ellipsoid(places: tuple[Floats, ...], centre: NDArray[np.float64], radii: NDArray[np.float64]) -> Floats:
    """Returns the approximate depth below the surface: exact for a sphere, scaled by the mean radius otherwise."""
    squares = [((place - c) / r) ** 2 for place, c, r in zip(places, centre, radii, strict=True)]
    return np.asarray((1 - np.sqrt(sum(squares))) * radii.mean(), np.float32)


def _tissue(scene: _Scene, label: NDArray[np.uint8], depth: Floats) -> Floats:
    """Returns organs, and fat, muscle and bone around them; muscle touches them where borders are to vanish."""
    chance = scene.chance("tissue")
    _, y, x = scene.places
    muscle = _sigmoid(4 * (scene.field("muscle", 11.0) + 0.3))
    beside = np.exp(-((np.minimum(depth, 0) / 6) ** 2))
    muscle += beside * (_sigmoid(5 * (scene.field("vanishing", 14.0) - 0.2)) - muscle)
    values = FAT + (MUSCLE - FAT) * muscle
    for side in (-1, 1):
        thick = np.hypot((x - side * 53) / 15, (y + chance.uniform(0, 14)) / 24) + 0.12 * scene.field(
            "bone", 8.0
        )
        values = np.where(thick < 1, BONE * (0.7 + 0.3 * thick), values)
    for organ, mean in enumerate(MEANS, start=1):
        values = np.where(label == organ, mean + chance.normal(0, 2.5), values)
    values += np.where(label > 0, 3.5 * scene.field("texture", 6.0), 6.0 * scene.field("grain", 4.0))
    return np.asarray(values, np.float32)


def _gas(
    scene: _Scene, label: NDArray[np.uint8], depth: Floats
) -> tuple[Floats, list[tuple[float, float, float]]]:
    """Returns where there is gas in the rectum (0 to 1), which rises to the front, and the centres of the bubbles."""
    chance = scene.chance("gas")
    z, y, x = scene.places
    inside = (label == 3) & (depth > 1.5)
    gas = np.zeros(scene.shape, np.float32)
    centres: list[tuple[float, float, float]] = []
    for _ in range(chance.integers(0, 4)):
        height = chance.uniform(z.min() * 0.8, z.max() * 0.8)
        slab = int(np.abs(z.ravel() - height).argmin())
        if not inside[slab].any():
            continue
        rows, columns = np.nonzero(inside[slab])
        centre = (float(height), float(y.ravel()[rows].mean()) - 3.0, float(x.ravel()[columns].mean()))
        bubble = _ellipsoid((z, y, x), np.array(centre), chance.uniform((4, 3, 4), (11, 6, 8)))
        gas[(bubble > 0) & inside] = 1
        centres.append(centre)
    return gas, centres


def _streaks(scene: _Scene, label: NDArray[np.uint8], bubbles: list[tuple[float, float, float]]) -> Floats:
    """Returns bright and dark rays from gas and from metal seeds, and the dark band between the two bones."""
    chance = scene.chance("streaks")
    z, y, x = scene.places
    sources = [(centre, 14.0, 9.0) for centre in bubbles]
    prostate = np.argwhere(label == 2)
    if len(prostate) and chance.random() < 0.5:
        for i, j, k in prostate[chance.integers(len(prostate), size=chance.integers(1, 4))].tolist():
            seed = (float(z.flat[i]), float(y.flat[j]), float(x.flat[k]))
            sources.append((seed, 55.0, 2.5))
    result = np.zeros(scene.shape, np.float32)
    for (height, row, column), strength, reach in sources:
        angle, distance = np.arctan2(y - row, x - column), np.hypot(y - row, x - column)
        for index, level in enumerate(z.ravel()):
            fall = float(np.exp(-(((level - height) / reach) ** 2)))
            if fall > 0.02:
                waves = chance.integers(3, 26, 9)
                phases = chance.uniform(0, 2 * np.pi, 9)
                rays = sum(np.cos(n * angle[0] + phase) for n, phase in zip(waves, phases, strict=True)) / 3
                result[index] += strength * fall * rays / (1 + distance[0] / 18)
    band = np.exp(-(((y + chance.uniform(0, 10)) / 9) ** 2)) * (1 + 0.3 * scene.field("band", 20.0))
    return np.asarray(result - chance.uniform(3, 10) * band, np.float32)


def _noise(scene: _Scene) -> Floats:
    """Returns photon noise, which is grainy within a slice, and rows that received too few photons."""
    chance = scene.chance("noise")
    grain = ndimage.gaussian_filter(chance.standard_normal(scene.shape), (0, 0.6, 0.6))
    rows = ndimage.gaussian_filter(chance.standard_normal(scene.shape), (0, 0.4, 7.0))
    strength = chance.uniform(11, 17)
    return np.asarray(strength * grain / grain.std() + 0.35 * strength * rows / rows.std(), np.float32)


def _sigmoid(values: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-values)), np.float32)

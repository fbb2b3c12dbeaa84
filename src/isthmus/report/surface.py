"""Renders surfaces of labelled volumes by casting rays through signed distances, with NumPy and SciPy only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from isthmus.report.drawing import PREDICTED, TRUTH, Colour, Pixels

Floats = NDArray[np.float64]

NEUTRAL: Colour = (205, 205, 200)
"""Colour of a surface where it agrees, or where there is nothing to compare."""
AZIMUTH, ELEVATION = math.radians(35), math.radians(22)
"""The view is from the front, from the right of the picture and a little above."""
FINEST = 128
"""The largest number of voxels along an axis that is drawn; larger regions are subsampled."""
SMOOTH = 0.7
"""Standard deviation, in the smallest grid step, by which distances are smoothed; this removes terraces."""
_STEPS, _HALVINGS, _CAUTION = 96, 6, 0.55


@dataclass(frozen=True)
class Scene:
    """The view of several label maps on one grid, shared so that their pictures can be compared.

    Attributes:
        low, high: corners of the box of voxels that contains all of them.
        stride: the step between drawn voxels along each axis, in voxels.
        spacing: the size of the stored voxels along each axis.
    """

    low: tuple[int, ...]
    high: tuple[int, ...]
    stride: tuple[int, ...]
    spacing: tuple[float, ...]

    @classmethod
    def of(cls, maps: Sequence[NDArray[np.uint8]], spacing: Sequence[float] | None = None) -> Scene | None:
        """Returns the scene around all foreground of label maps (D, H, W); None if there is no foreground.

        >>> labels = np.zeros((9, 9, 9), np.uint8)
        >>> Scene.of([labels]) is None
        True
        >>> labels[4, 3:6, 2:8] = 1
        >>> scene = Scene.of([labels])
        >>> scene.low, scene.high, scene.stride
        ((4, 3, 2), (5, 6, 8), (1, 1, 1))
        """
        boxes = [ndimage.find_objects((labels > 0).astype(np.uint8)) for labels in maps]
        found = [box[0] for box in boxes if box]
        if not found:
            return None
        low = tuple(min(box[axis].start for box in found) for axis in range(3))
        high = tuple(max(box[axis].stop for box in found) for axis in range(3))
        stride = tuple(max(1, math.ceil((b - a) / FINEST)) for a, b in zip(low, high, strict=True))
        return cls(low, high, stride, tuple(map(float, spacing or (1.0, 1.0, 1.0))))

    @cached_property
    def steps(self) -> Floats:
        """The distance between drawn voxels along each axis."""
        return np.multiply(self.spacing, self.stride)

    def distances(self, mask: NDArray[np.bool_]) -> Floats:
        """Returns signed distances to the surface of a mask (D, H, W), positive inside, with a margin of 3 voxels."""
        cut = mask[tuple(slice(a, b, s) for a, b, s in zip(self.low, self.high, self.stride, strict=True))]
        padded = np.pad(cut, 3)
        half = self.steps.min() / 2
        if not padded.any():
            return np.full(padded.shape, -np.inf)
        inside = ndimage.distance_transform_edt(padded, sampling=self.steps) - half
        outside = ndimage.distance_transform_edt(~padded, sampling=self.steps) - half
        field = np.where(padded, inside, -outside)
        smooth = ndimage.gaussian_filter(field, SMOOTH * self.steps.min() / self.steps)
        return np.asarray(np.where(padded, np.maximum(smooth, half / 4), smooth))  # keeps thin structures


def render(
    scene: Scene,
    labels: NDArray[np.uint8],
    *,
    truth: NDArray[np.uint8] | None = None,
    size: int = 288,
    colours: Sequence[Colour] | None = None,
) -> Pixels:
    """Renders the surface of a label map in parallel projection, from the front and above, lit from the upper left.

    Args:
        scene: the scene of this map and of all maps that its picture is compared with.
        labels: (D, H, W) class indices, 0 is background; axes run up, to the back and to the right.
        truth: the true labels of a single class. The surface is `NEUTRAL` where it lies on the true one, and has the
            colour of false positives where it lies outside and of misses where it lies inside.
        size: height and width of the picture in pixels.
        colours: the colours of the classes, class 1 first; None: `NEUTRAL` for all.

    Returns:
        (size, size, 4) uint8: red, green, blue, opacity.
    """
    rays = _Rays.through(scene, 2 * size)
    classes = [int(c) for c in np.unique(labels) if c]
    if not classes:
        return np.zeros((size, size, 4), np.uint8)
    fields = [scene.distances(labels == c if colours else labels > 0) for c in (classes if colours else [1])]
    whole = np.asarray(np.maximum.reduce(fields))
    hit, points = rays.meet(whole)
    normal = rays.normals(whole, points)
    if colours:
        which = np.argmax([rays.sample(field, points) for field in fields], axis=0)
        palette = np.array(colours, np.float64)
        colour = palette[(np.array(classes)[which] - 1) % len(palette)]
    else:
        colour = np.broadcast_to(np.array(NEUTRAL, np.float64), points.shape)
        if truth is not None:
            colour = _off(rays.sample(scene.distances(truth > 0), points), scene.steps.max())
    drawn = np.zeros((rays.side * rays.side, 4))
    drawn[hit, :3] = np.clip(colour * rays.light(normal, points)[:, None], 0, 255)
    drawn[hit, 3] = 255
    return _halved(drawn.reshape(rays.side, rays.side, 4))


def _off(depth: Floats, step: float) -> Floats:
    """Returns colours by the depth of a surface in the truth: full at two grid steps, `NEUTRAL` within half a step."""
    share = np.clip((np.abs(depth) - 0.5 * step) / (1.5 * step), 0, 1)[:, None]
    to = np.where(depth[:, None] < 0, np.array(PREDICTED, np.float64), np.array(TRUTH, np.float64))
    return np.asarray((1 - share) * np.array(NEUTRAL, np.float64) + share * to)


def _halved(picture: Floats) -> Pixels:
    """Returns the picture at half the size; each pixel is a mean of four, weighted by opacity to keep edges clean."""
    high, wide = picture.shape[0] // 2, picture.shape[1] // 2
    four = picture.reshape(high, 2, wide, 2, 4)
    opacity = four[..., 3:].sum(axis=(1, 3))
    colour = (four[..., :3] * four[..., 3:]).sum(axis=(1, 3)) / np.maximum(opacity, 1)
    return np.asarray(np.rint(np.concatenate([colour, opacity / 4], axis=-1)), np.uint8)


def _sideways() -> tuple[Floats, Floats]:
    """Returns the picture's right and up as unit vectors (z, y, x) in the volume."""
    sin_a, cos_a, sin_e, cos_e = *_turn(AZIMUTH), *_turn(ELEVATION)
    return np.array([0.0, sin_a, cos_a]), np.array([cos_e, sin_e * cos_a, -sin_e * sin_a])


def _turn(angle: float) -> tuple[float, float]:
    return math.sin(angle), math.cos(angle)


@dataclass(frozen=True)
class _Rays:
    """Parallel rays through a scene; points are in the unit of the spacing, with the first drawn voxel as origin."""

    scene: Scene
    side: int
    starts: Floats  # (rays, 3)
    ahead: Floats  # (3,)
    length: float

    @classmethod
    def through(cls, scene: Scene, side: int) -> _Rays:
        right, up = _sideways()
        ahead = np.cross(right, up)
        extent = np.array(
            [(b - a) * s for a, b, s in zip(scene.low, scene.high, scene.spacing, strict=True)], np.float64
        )
        centre = (extent - scene.steps) / 2
        corners = (np.indices((2, 2, 2)).reshape(3, -1).T - 0.5) * extent
        reach = 1.06 * max(np.abs(corners @ right).max(), np.abs(corners @ up).max()) + scene.steps.min()
        deep = np.abs(corners @ ahead).max() + 2 * scene.steps.max()
        at = (np.arange(side) + 0.5) / side * 2 - 1
        down, across = np.meshgrid(-at * reach, at * reach, indexing="ij")
        starts = centre + across.reshape(-1, 1) * right + down.reshape(-1, 1) * up - deep * ahead
        return cls(scene, side, starts, ahead, 2 * deep)

    def sample(self, field: Floats, points: Floats) -> Floats:
        """Returns the values of a field at points, interpolated between voxels."""
        where = points.T / self.scene.steps[:, None] + 3  # the margin of `Scene.distances`
        return np.asarray(ndimage.map_coordinates(field, where, order=1, mode="nearest"))

    def meet(self, field: Floats) -> tuple[NDArray[np.intp], Floats]:
        """Returns which rays meet the surface, and the points where they do.

        A ray advances by a share of the distance to the nearest surface, so it cannot miss it; the last step is then
        bisected.
        """
        least = 0.3 * self.scene.steps.min()
        active = np.arange(len(self.starts))
        along = np.zeros(len(self.starts))
        before = np.zeros(len(self.starts))
        met: list[NDArray[np.intp]] = []
        for _ in range(_STEPS):
            value = self._at(field, active, along[active])
            inside = value >= 0
            met.append(active[inside])
            active, value = active[~inside], value[~inside]
            before[active] = along[active]
            along[active] += np.maximum(-_CAUTION * value, least)
            active = active[along[active] < self.length]
            if not len(active):
                break
        hit = np.sort(np.concatenate(met))
        near, far = before[hit], along[hit]
        for _ in range(_HALVINGS):
            middle = (near + far) / 2
            inside = self._at(field, hit, middle) >= 0
            near, far = np.where(inside, near, middle), np.where(inside, middle, far)
        return hit, self.starts[hit] + far[:, None] * self.ahead

    def _at(self, field: Floats, rays: NDArray[np.intp], along: Floats) -> Floats:
        return self.sample(field, self.starts[rays] + along[:, None] * self.ahead)

    def normals(self, field: Floats, points: Floats) -> Floats:
        """Returns unit vectors that point away from the surface."""
        found = np.empty_like(points)
        for axis in range(3):
            step = np.zeros(3)
            step[axis] = self.scene.steps[axis]
            change = self.sample(field, points - step) - self.sample(field, points + step)
            found[:, axis] = change / (2 * self.scene.steps[axis])
        size = np.linalg.norm(found, axis=1, keepdims=True)
        return np.asarray(found / np.maximum(size, 1e-9))

    def light(self, normal: Floats, points: Floats) -> Floats:
        """Returns the brightness: light from the upper left and from the viewer, dimmer with distance."""
        towards = -self.ahead
        right, up = _sideways()
        lamp = towards + 0.9 * up - 0.7 * right
        lamp /= np.linalg.norm(lamp)
        away = (points - self.starts[0]) @ self.ahead
        spread = np.ptp(away) if len(away) else 0.0
        cue = 1 - 0.22 * (away - away.min(initial=math.inf)) / spread if spread > 0 else np.ones(len(points))
        key, fill = np.maximum(normal @ lamp, 0), np.maximum(normal @ towards, 0)
        shine = 0.16 * np.maximum(normal @ ((lamp + towards) / np.linalg.norm(lamp + towards)), 0) ** 24
        return np.asarray((0.26 + 0.62 * key + 0.22 * fill) * cue + shine)

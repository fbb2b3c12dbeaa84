"""Answers by brute force over all pairs of points, in float64: slow, short, independent of the package."""

from __future__ import annotations

import itertools
import math

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp


def surface_points(mask, spacing):
    """Foreground points with a face neighbour outside, looked up point by point."""
    found = []
    for place in np.argwhere(mask):
        for axis, step in itertools.product(range(mask.ndim), (-1, 1)):
            neighbour = place.copy()
            neighbour[axis] += step
            outside = neighbour[axis] < 0 or neighbour[axis] >= mask.shape[axis]
            if outside or not mask[tuple(neighbour)]:
                found.append(place)
                break
    return np.array(found, dtype=float).reshape(-1, mask.ndim) * spacing


def every(way):
    """The distances of all points of a `OneWay`, also of those at 0."""
    return np.concatenate([np.zeros(way.n_zero), way.positive])


def foreground_points(mask, spacing):
    return np.argwhere(mask).astype(float) * spacing


def directed(a, b):
    """Distance of every point of `a` to the nearest of `b`."""
    return np.sqrt(((a[:, None] - b[None]) ** 2).sum(-1)).min(1)


def distances(prediction, truth, spacing, points=surface_points):
    spacing = np.asarray(spacing, dtype=float)
    p, t = points(prediction, spacing), points(truth, spacing)
    return directed(p, t), directed(t, p)


def diagonal(shape, spacing):
    return math.sqrt(sum(((n - 1) * s) ** 2 for n, s in zip(shape, spacing, strict=True)))


SPACINGS = st.one_of(st.just(1.0), st.sampled_from([0.1, 0.25, 0.5, 0.7, 1.5, 2.0, 3.0]), st.floats(0.01, 10))


@st.composite
def cases(draw, dims=(1, 2, 3), largest=None):
    """Two small masks of one shape (dense, sparse or boxes) and a spacing with equal or unequal axes."""
    ndim = draw(st.sampled_from(dims))
    side = largest or {1: 20, 2: 12, 3: 7}[ndim]
    shape = draw(st.tuples(*[st.integers(1, side)] * ndim))
    kind = draw(st.sampled_from(["noise", "few", "boxes"]))
    masks = []
    for _ in range(2):
        if kind == "noise":
            masks.append(draw(hnp.arrays(bool, shape)))
            continue
        mask = np.zeros(shape, bool)
        for _ in range(draw(st.integers(0, 3))):
            low = [draw(st.integers(0, n - 1)) for n in shape]
            high = [
                draw(st.integers(a + 1, n)) if kind == "boxes" else a + 1
                for a, n in zip(low, shape, strict=True)
            ]
            mask[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = True
        masks.append(mask)
    same = draw(st.booleans())
    first = draw(SPACINGS)
    spacing = (first,) * ndim if same else tuple(draw(SPACINGS) for _ in range(ndim))
    if ndim == 3 and draw(st.booleans()):
        spacing = draw(st.permutations([spacing[0], spacing[0], spacing[1]]))
    return masks[0], masks[1], tuple(spacing)

"""Finds images that occur twice in a data set: exactly (by a hash of the pixels) or nearly (by a perceptual hash)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Hashes = NDArray[np.uint64]
Indices = NDArray[np.intp]

NEAR = 4
"""The most bits, of 64, in which the perceptual hashes of near-duplicates differ."""

CHUNK = 2**22
"""Number of pairs that are compared at once."""

_ONES = np.array([bin(i).count("1") for i in range(2**16)], np.uint8)


def pixel_hash(image: NDArray[Any]) -> str:
    """Returns the SHA-256 of the pixels `(channels, *spatial)`, independent of the format and of metadata.

    Three equal channels count as one, and equal numbers of different types as equal, because formats store images
    differently.

    >>> grey = np.zeros((1, 4, 4), np.uint8)
    >>> pixel_hash(grey) == pixel_hash(np.zeros((3, 4, 4), np.uint16)) == pixel_hash(np.zeros((1, 4, 4)))
    True
    """
    if image.shape[0] == 3 and (image[0] == image[1]).all() and (image[0] == image[2]).all():
        image = image[:1]
    image = _smallest(image)
    header = f"{image.shape} {image.dtype.newbyteorder('<').str}"
    little = np.ascontiguousarray(image, image.dtype.newbyteorder("<"))
    digest = hashlib.sha256(header.encode())
    digest.update(little.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def _smallest(image: NDArray[Any]) -> NDArray[Any]:
    """Returns the numbers in the smallest type that holds them: whole numbers as integers, others as floats."""
    low, high = image.min(), image.max()
    if image.dtype.kind == "f":
        if not (np.isfinite(low) and np.isfinite(high)) or (image != np.rint(image)).any():
            small = image.astype(np.float32, copy=False)
            return small if (small == image).all() else image.astype(np.float64, copy=False)
        if max(abs(low), abs(high)) >= 2**53:
            return image.astype(np.float64, copy=False)
    if low >= 0:
        return image.astype(np.min_scalar_type(int(high)), copy=False)
    wide = np.promote_types(np.min_scalar_type(int(low)), np.min_scalar_type(-int(high) - 1))
    return image.astype(wide, copy=False)


def perceptual_hash(image: NDArray[Any]) -> int:
    """Returns 64 bits that describe the appearance of an image `(channels, *spatial)`.

    Coding, size and contrast hardly affect them. The mean of the channels (and of the slices of a volume) is averaged
    down to 32 x 32 and transformed by a cosine transform; each bit states whether one of the 8 x 8 lowest frequencies
    is above their median (after the DCT hash in Zauner, Implementation and benchmarking of perceptual image hash
    functions, 2010). The first bit, of the mean, is always 0. An image of one value has the hash 0.
    """
    small = np.zeros((32, 32), np.float32)
    for plane in image.reshape(image.shape[0], -1, *image.shape[-2:]):
        flat = plane[0] if len(plane) == 1 else plane.mean(axis=0)
        small += cv2.resize(flat.astype(np.float32, copy=False), (32, 32), interpolation=cv2.INTER_AREA)
    scale = float(np.abs(small).max())
    low = cv2.dct(small - small.mean())[:8, :8].ravel()
    if np.abs(low).max() <= 1e-5 * scale:  # only rounding
        return 0
    bits = low > np.median(low[1:])
    bits[0] = False
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def duplicates(hashes: Mapping[str, str]) -> list[tuple[str, ...]]:
    """Returns the sets of two or more ids with the same pixels.

    >>> duplicates({"a": "00", "b": "ff", "c": "00"})
    [('a', 'c')]
    """
    sets: dict[str, list[str]] = {}
    for name in sorted(hashes):
        sets.setdefault(hashes[name], []).append(name)
    return [tuple(names) for names in sets.values() if len(names) > 1]


def near_duplicates(perceptual: Mapping[str, int], distance: int = NEAR) -> list[tuple[str, ...]]:
    """Returns the sets of two or more ids of images that look alike, joined by pairs within `distance`."""
    names = sorted(perceptual)
    values, inverse = np.unique(_array(perceptual, names), return_inverse=True)
    pairs = list(near_pairs(values, values, distance))
    rows = np.concatenate([i for i, _, _ in pairs]) if pairs else np.empty(0, np.intp)
    columns = np.concatenate([j for _, j, _ in pairs]) if pairs else np.empty(0, np.intp)
    graph = coo_array((np.ones(len(rows), bool), (rows, columns)), shape=(len(values), len(values)))
    _, label = connected_components(graph, directed=False)
    sets: dict[int, list[str]] = {}
    for name, value in zip(names, inverse.ravel(), strict=True):
        sets.setdefault(int(label[value]), []).append(name)
    return [tuple(ids) for ids in sets.values() if len(ids) > 1]


def near_between(
    left: Sequence[str], right: Sequence[str], perceptual: Mapping[str, int], distance: int = NEAR
) -> list[tuple[str, str, int]]:
    """Returns the pairs `(id of left, id of right, bits that differ)` within `distance`, the nearest first.

    The first of the ids with one hash on a side represents them all.
    """
    one = {perceptual[name]: name for name in reversed(left)}
    other = {perceptual[name]: name for name in reversed(right)}
    rows, columns = (np.fromiter(side, np.uint64, len(side)) for side in (one, other))
    found = [
        (one[int(rows[i])], other[int(columns[j])], int(bits))
        for at, to, differ in near_pairs(rows, columns, distance)
        for i, j, bits in zip(at, to, differ, strict=True)
    ]
    return sorted(found, key=lambda pair: (pair[2], pair[:2]))


def near_pairs(
    left: Hashes, right: Hashes, distance: int
) -> Iterator[tuple[Indices, Indices, NDArray[np.uint8]]]:
    """Yields the indices of all pairs of hashes that differ in at most `distance` bits, with the bits, in chunks."""
    step = max(1, CHUNK // max(1, len(right)))
    for start in range(0, len(left), step):
        differ = _popcount(left[start : start + step, None] ^ right[None, :])
        at, to = np.nonzero(differ <= distance)
        if len(at):
            yield at + start, to, differ[at, to]


def _popcount(values: Hashes) -> NDArray[np.uint8]:
    """Counts the ones in each number (NumPy has `bitwise_count` from 2.0 on)."""
    count = getattr(np, "bitwise_count", None)
    if count is not None:
        return np.asarray(count(values), np.uint8)
    return np.asarray(_ONES[values.view(np.uint16).reshape(*values.shape, 4)].sum(axis=-1, dtype=np.uint8))


def _array(perceptual: Mapping[str, int], names: Sequence[str]) -> Hashes:
    return np.fromiter((perceptual[name] for name in names), np.uint64, len(names))

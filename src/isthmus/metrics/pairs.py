"""One case cut into classes: for each the two masks, cropped to where either of them has foreground."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from isthmus.errors import IsthmusError
from isthmus.metrics.empty import Presence, presence
from isthmus.metrics.masks import BoolMask, Classes, ClassName, Mask, as_classes, as_pair, check_labels

Box: TypeAlias = tuple[slice, ...]


@dataclass(frozen=True)
class Pair:
    """Prediction and truth of one class, cropped to the box around both in an image of the given shape.

    The cropped masks are of size zero where both are empty.
    """

    prediction: BoolMask
    truth: BoolMask
    shape: tuple[int, ...]
    box: Box

    @classmethod
    def whole(cls, prediction: BoolMask, truth: BoolMask) -> Pair:
        return cls(prediction, truth, truth.shape, tuple(slice(0, n) for n in truth.shape))

    def padded(self, margins: Sequence[int]) -> tuple[BoolMask, BoolMask]:
        """Both masks with a margin of background, as far as the image reaches."""
        widths = [
            (min(margin, side.start), min(margin, n - side.stop))
            for margin, side, n in zip(margins, self.box, self.shape, strict=True)
        ]
        return np.pad(self.prediction, widths), np.pad(self.truth, widths)

    @cached_property
    def n_prediction(self) -> int:
        return int(np.count_nonzero(self.prediction))

    @cached_property
    def n_truth(self) -> int:
        return int(np.count_nonzero(self.truth))

    @cached_property
    def n_both(self) -> int:
        return int(np.count_nonzero(self.prediction & self.truth))

    @property
    def n_image(self) -> int:
        return math.prod(self.shape)

    @property
    def presence(self) -> Presence:
        return presence(self.n_prediction, self.n_truth)


def per_class(score: Callable[[Pair], Any], prediction: Mask, truth: Mask, classes: Classes | None) -> Any:
    """`score` of two boolean masks, or of every class of integer labels as a dict."""
    p, t = as_pair(prediction, truth)
    if (p.dtype.kind == "b") != (t.dtype.kind == "b"):
        raise IsthmusError(
            f"prediction is {p.dtype} and truth {t.dtype}; give two boolean or two integer masks"
        )
    if p.dtype.kind == "b":
        if classes is not None:
            raise IsthmusError("classes is for integer labels, and these masks are boolean; leave it out")
        (box,) = boxes((p | t).view(np.uint8), 1)
        return score(Pair(p[box], t[box], p.shape, box))
    if classes is None:
        raise IsthmusError(
            f"masks of type {p.dtype} hold labels: name them with classes=[1], or give booleans (`mask > 0`)"
        )
    named = as_classes(classes)
    check_labels(p, named, "prediction")
    check_labels(t, named, "truth")
    return {named[label]: score(pair) for label, pair in split(p, t, named)}


def split(p: NDArray[Any], t: NDArray[Any], named: Mapping[int, ClassName]) -> Iterator[tuple[int, Pair]]:
    """The pair of every class; all boxes in one pass over the image for eight classes at a time."""
    labels = list(named)
    for start in range(0, len(labels), 8):
        group = labels[start : start + 8]
        found = boxes(bits(p, group) | bits(t, group), len(group))
        for label, box in zip(group, found, strict=True):
            yield label, Pair(p[box] == label, t[box] == label, p.shape, box)


def bits(array: NDArray[Any], labels: Sequence[int]) -> NDArray[np.uint8]:
    """Every label as one bit of a byte, in the order of `labels`; 0 for all others.

    >>> bits(np.array([[0, 5, 7]], np.uint8), [5, 7])
    array([[0, 1, 2]], dtype=uint8)
    """
    if array.dtype == np.uint8:
        import cv2

        table = np.zeros(256, np.uint8)
        table[list(labels)] = 1 << np.arange(len(labels))
        flat = np.ascontiguousarray(array).reshape(array.shape[0], -1)
        return np.asarray(cv2.LUT(flat, table), np.uint8).reshape(array.shape)
    code = np.zeros(array.shape, np.uint8)
    for bit, label in enumerate(labels):
        code |= (array == label).view(np.uint8) << np.uint8(bit)
    return code


def boxes(code: NDArray[np.uint8], n_bits: int) -> list[Box]:
    """For each bit the smallest box around the pixels that have it; a box of size zero where none has.

    >>> boxes(np.array([[0, 1, 1], [0, 1, 2]], np.uint8), 2)
    [(slice(0, 2, None), slice(1, 3, None)), (slice(1, 2, None), slice(2, 3, None))]
    """
    profiles = []  # along every axis, the bits that occur at each position
    rest = np.ascontiguousarray(code)
    while rest.ndim > 1:
        profiles.append(np.bitwise_or.reduce(rest.reshape(rest.shape[0], -1), axis=1))
        rest = np.bitwise_or.reduce(rest, axis=0)
    profiles.append(rest)
    found = []
    for bit in range(n_bits):
        places = [np.flatnonzero(profile & (1 << bit)) for profile in profiles]
        if places[0].size:
            found.append(tuple(slice(int(place[0]), int(place[-1]) + 1) for place in places))
        else:
            found.append((slice(0, 0),) * code.ndim)
    return found

"""The two masks of each class of a case, cropped to the foreground."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from isthmus.errors import IsthmusError
from isthmus.metrics.empty import Presence, presence
from isthmus.metrics.input_checks import (
    BoolMask,
    Classes,
    ClassName,
    Mask,
    as_classes,
    as_pair,
    check_labels,
)

Box: TypeAlias = tuple[slice, ...]


@dataclass(frozen=True)
class Pair:
    """Prediction and truth of one class, cropped to the smallest box around both.

    Attributes:
        prediction, truth: bool `(*box)`; of size zero if both masks are empty.
        shape: shape of the image.
        box: place of the cropped masks in the image.
        n_ignored: number of points of the image that are ignored; they are outside both masks.
    """

    prediction: BoolMask
    truth: BoolMask
    shape: tuple[int, ...]
    box: Box
    n_ignored: int = 0

    @classmethod
    def whole(cls, prediction: BoolMask, truth: BoolMask) -> Pair:
        """Returns two masks `(*spatial)` as they are, without a crop."""
        return cls(prediction, truth, truth.shape, tuple(slice(0, n) for n in truth.shape))

    def padded(self, margins: Sequence[int]) -> tuple[BoolMask, BoolMask]:
        """Returns both masks with a margin of background along each axis, as far as the image reaches."""
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
        return math.prod(self.shape) - self.n_ignored

    @property
    def presence(self) -> Presence:
        return presence(self.n_prediction, self.n_truth)


def per_class(
    score: Callable[[Pair], Any],
    prediction: Mask,
    truth: Mask,
    classes: Classes | None,
    ignore: int | None = None,
) -> Any:
    """Computes `score` of two boolean masks, or of every class of integer labels as a dict."""
    p, t, outside = as_pair(prediction, truth, ignore)
    n_ignored = 0 if outside is None else int(np.count_nonzero(outside))
    if classes is None:
        p, t = as_booleans(p, t)
        (box,) = boxes((p | t).view(np.uint8), 1)
        return score(Pair(p[box], t[box], p.shape, box, n_ignored))
    if p.dtype.kind == t.dtype.kind == "b":
        raise IsthmusError("classes is for integer labels, and these masks are boolean; leave it out")
    p, t = (mask.view(np.uint8) if mask.dtype.kind == "b" else mask for mask in (p, t))
    named = as_classes(classes)
    if ignore in named:
        raise IsthmusError(
            f"label {ignore} is both ignored and among the classes; remove it from one of the two"
        )
    check_labels(p, named, "prediction")
    check_labels(t, named, "truth")
    pairs = split(p, t, named, outside)
    return {named[label]: score(replace(pair, n_ignored=n_ignored)) for label, pair in pairs}


def as_booleans(p: NDArray[Any], t: NDArray[Any]) -> tuple[BoolMask, BoolMask]:
    """Returns masks without classes as booleans: both are boolean, or one is and the other holds 0 and 1."""
    if p.dtype.kind == t.dtype.kind == "b":
        return p, t
    if p.dtype.kind != "b" and t.dtype.kind != "b":
        raise IsthmusError(
            f"masks of type {p.dtype} hold labels: name them with classes=[1], or give booleans (`mask > 0`)"
        )
    labels = t if p.dtype.kind == "b" else p
    if int(labels.min()) < 0 or int(labels.max()) > 1:
        raise IsthmusError(
            f"prediction is {p.dtype} and truth {t.dtype} with values other than 0 and 1; give two boolean masks "
            "(`mask > 0`), or name the labels with classes=[1]"
        )
    return p.astype(np.bool_), t.astype(np.bool_)


def split(
    p: NDArray[Any], t: NDArray[Any], named: Mapping[int, ClassName], outside: BoolMask | None = None
) -> Iterator[tuple[int, Pair]]:
    """Yields the pair of every class; one pass over the image finds the boxes of eight classes.

    Points that are `outside` hold 0 in both masks, and do not belong to the background either.
    """
    labels = list(named)
    for start in range(0, len(labels), 8):
        group = labels[start : start + 8]
        found = boxes(bits(p, group) | bits(t, group), len(group))
        for label, box in zip(group, found, strict=True):
            masks = p[box] == label, t[box] == label
            if label == 0 and outside is not None:
                masks = masks[0] & ~outside[box], masks[1] & ~outside[box]
            yield label, Pair(*masks, p.shape, box)


def bits(array: NDArray[Any], labels: Sequence[int]) -> NDArray[np.uint8]:
    """Encodes up to eight labels as one bit each, in the order of `labels`; all others become 0.

    >>> bits(np.array([[0, 5, 7]], np.uint8), [5, 7])
    array([[0, 1, 2]], dtype=uint8)
    """
    if array.dtype == np.uint8:
        import cv2

        table = np.zeros(256, np.uint8)
        for bit, label in enumerate(labels):
            if label < len(table):  # a byte holds no larger label
                table[label] = 1 << bit
        flat = np.ascontiguousarray(array).reshape(array.shape[0], -1)
        return np.asarray(cv2.LUT(flat, table), np.uint8).reshape(array.shape)
    code = np.zeros(array.shape, np.uint8)
    for bit, label in enumerate(labels):
        code |= (array == label).view(np.uint8) << np.uint8(bit)
    return code


def boxes(code: NDArray[np.uint8], n_bits: int) -> list[Box]:
    """Finds for each bit the smallest box around the pixels that have it; a box of size zero if none has.

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

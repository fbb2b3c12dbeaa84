"""Checks the input of every metric, so that a wrong mask is an error and never a wrong number."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isthmus.errors import IsthmusError

BoolMask: TypeAlias = NDArray[np.bool_]
Mask: TypeAlias = ArrayLike | Any
"""An array, a nested list or a tensor: anything that NumPy reads or that has `.detach().cpu().numpy()`."""
ClassName: TypeAlias = int | str
Classes: TypeAlias = Sequence[int] | Mapping[int, str]
"""The labels to score: `[1, 2]`, or `{1: "gland", 2: "lumen"}` for names as keys."""
Ignore: TypeAlias = int | None
"""The label of the truth whose points are outside both masks."""
Score: TypeAlias = Any
"""A float for boolean masks; for integer labels a dict of a float for each class."""
MOST_AXES = 3
LARGEST_STEP = 1e50
"""Largest spacing, and its inverse the smallest, so that squares and volumes stay finite."""


def as_array(values: Any, kind: type | None = None) -> NDArray[Any]:
    """Converts what NumPy reads, and tensors of any device and number type, to an array."""
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        values = (values.float() if str(values.dtype) == "torch.bfloat16" else values).numpy()
    return np.asarray(values, dtype=kind)


def as_mask(mask: Mask, name: str) -> NDArray[Any]:
    """Converts a mask to an array of booleans or integers with one to three axes; size zero is refused."""
    try:
        array = as_array(mask)
    except (ValueError, TypeError, NotImplementedError, RuntimeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise IsthmusError(
            f"{name} is not an array ({reason}); give an array of booleans or integers"
        ) from error
    if np.ma.is_masked(mask):
        raise IsthmusError(f"{name} has pixels that are masked out; fill them, or cut them off both masks")
    if array.dtype.kind not in "buif":
        raise IsthmusError(
            f"{name} has values of type {array.dtype}; a mask holds booleans or integers: "
            "threshold probabilities first, as in `probability > 0.5`"
        )
    if array.ndim == 0 or array.size == 0:
        raise IsthmusError(f"{name} has shape {array.shape}; a mask needs at least one pixel and one axis")
    if array.ndim > MOST_AXES:
        raise IsthmusError(
            f"{name} has shape {array.shape}, {array.ndim} axes, and a mask has 1 to {MOST_AXES}; score the cases of "
            "a batch (N, 1, *spatial) one by one: [dice(p[0], t[0]) for p, t in zip(prediction, truth)]"
        )
    return as_integers(array, name) if array.dtype.kind == "f" else array


def as_integers(array: NDArray[Any], name: str) -> NDArray[Any]:
    """Converts floats that are whole numbers to the smallest integer type that holds them."""
    with np.errstate(invalid="ignore"):
        whole = array.astype(np.int64)
    low, high = int(whole.min()), int(whole.max())
    if (whole != array).any():
        raise IsthmusError(
            f"{name} has values of type {array.dtype}; a mask holds booleans or integers, and "
            f"{array[whole != array][0]} is not a whole number: threshold probabilities first, as in "
            "`probability > 0.5`"
        )
    small = (
        kind for kind in (np.uint8, np.int32) if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max
    )
    return whole.astype(next(small, np.int64))


def as_pair(
    prediction: Mask, truth: Mask, ignore: int | None = None
) -> tuple[NDArray[Any], NDArray[Any], BoolMask | None]:
    """Returns both masks of a case as arrays of one shape, and where points are ignored; these are 0 in both."""
    p, t = as_mask(prediction, "prediction"), as_mask(truth, "truth")
    if p.shape != t.shape:
        raise IsthmusError(f"prediction has shape {p.shape} and truth {t.shape}; they must be equal")
    outside = ignored(t, ignore)
    if outside is None:
        return p, t, None
    return np.where(outside, p.dtype.type(0), p), np.where(outside, t.dtype.type(0), t), outside


def ignored(truth: NDArray[Any], ignore: int | None) -> BoolMask | None:
    """Returns where the truth holds the ignored label; None if it holds it nowhere."""
    ignore = as_number(ignore)
    if ignore is None:
        return None
    if isinstance(ignore, bool) or not isinstance(ignore, int | np.integer):
        raise IsthmusError(f"ignore is {ignore!r}; give one label of the truth, such as ignore=255")
    if truth.dtype.kind == "b":
        raise IsthmusError(f"ignore={ignore} is a label, and the truth is boolean; give a truth of integers")
    where: BoolMask = truth == ignore
    if where.all():
        raise IsthmusError(f"truth is {ignore} everywhere, which is ignored: nothing is left to score")
    return where if where.any() else None


def as_spacing(spacing: float | Sequence[float] | None, ndim: int) -> tuple[float, ...]:
    """Returns the distance of neighbouring pixels along each axis; one number serves all axes, None is 1 pixel."""
    if spacing is None:
        return (1.0,) * ndim
    try:
        if isinstance(spacing, str | bytes):
            raise TypeError("text")
        values = as_array(spacing, np.float64)
    except (TypeError, ValueError, RuntimeError) as error:
        raise IsthmusError(
            f"spacing {spacing!r} is not made of numbers; give {ndim} numbers or one"
        ) from error
    if values.ndim == 0:
        values = np.repeat(values, ndim)
    if values.shape != (ndim,):
        raise IsthmusError(f"spacing {spacing} does not fit masks of {ndim} axes; give {ndim} numbers or one")
    if not (np.isfinite(values).all() and (values > 0).all()):
        raise IsthmusError(f"spacing {spacing} has a value that is not a positive number")
    if values.max() > LARGEST_STEP or values.min() < 1 / LARGEST_STEP:
        raise IsthmusError(f"spacing {spacing} is too extreme to be squared; give it in another unit")
    return tuple(values.tolist())


def as_number(value: Any) -> Any:
    """Returns the number in a tensor or an array without axes; returns anything else unchanged."""
    return as_array(value).item() if getattr(value, "ndim", None) == 0 else value


def is_within(value: object, low: float, high: float) -> bool:
    """Returns whether a value is a number from `low` to `high`, and not NaN."""
    return isinstance(value, int | float | np.number) and bool(low <= value <= high)


def as_tolerance(tolerance: float) -> float:
    """Returns the tolerance of surface Dice as a number of 0 or more."""
    tolerance = as_number(tolerance)
    if not is_within(tolerance, 0, math.inf):
        raise IsthmusError(f"tolerance is {tolerance}; give a distance of 0 or more, in the unit of spacing")
    return tolerance


def as_classes(classes: Classes) -> dict[int, ClassName]:
    """Returns the key under which the scores of each label are returned."""
    if hasattr(classes, "tolist"):  # an array or a tensor
        classes = classes.tolist()
    labels = list(classes) if isinstance(classes, Iterable) else [classes]
    bad = [label for label in labels if isinstance(label, bool) or not isinstance(label, int | np.integer)]
    if bad or not isinstance(classes, Iterable):
        raise IsthmusError(f"classes has {(bad or labels)[0]!r}; give labels: [1, 2] or {{1: 'a', 2: 'b'}}")
    named = {int(label): classes[label] if isinstance(classes, Mapping) else int(label) for label in labels}
    if not named or min(named) < 0:
        raise IsthmusError(f"classes is {classes!r}; give at least one label, none of them negative")
    if not all(isinstance(name, str | int) for name in named.values()):
        raise IsthmusError(f"classes {classes!r} has a name that is not text; write {{1: 'a', 2: 'b'}}")
    if len(named) != len(labels) or len(set(named.values())) != len(named):
        raise IsthmusError(f"classes {classes!r} holds a label or a name twice")
    return named


def diagonal(shape: Sequence[int], spacing: Sequence[float]) -> float:
    """Computes the distance between opposite corners of the image, sqrt(sum(((n - 1) * spacing)^2)).

    >>> diagonal((4, 5), (1.0, 1.0))
    5.0
    """
    return math.sqrt(sum(((n - 1) * s) ** 2 for n, s in zip(shape, spacing, strict=True)))


def check_labels(array: NDArray[Any], named: Mapping[int, ClassName], name: str) -> None:
    """Refuses labels other than 0 and those of `named`."""
    known = {0, *named}
    lowest, highest = int(array.min()), int(array.max())
    if lowest >= 0 and highest < 256 and known.issuperset(range(highest + 1)):
        return
    limits = np.iinfo(array.dtype)
    inside = sum(np.count_nonzero(array == c) for c in known if limits.min <= c <= limits.max)
    if inside != array.size:
        strange = sorted(set(np.unique(array).tolist()) - known)
        listing = ", ".join(map(str, strange[:5])) + (", …" if len(strange) > 5 else "")
        raise IsthmusError(
            f"{name} holds label {listing}, outside the classes {sorted(named)} and background 0"
        )

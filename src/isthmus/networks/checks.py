"""Checks of the arguments and the input of networks; all raise `IsthmusError` with one line that says what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from isthmus.errors import IsthmusError, nearest


def require_whole(what: str, value: object, low: int, high: int | None = None) -> None:
    """Refuses what is not a whole number from ``low`` to ``high``.

    >>> require_whole("levels of the block", 2.5, 1, 8)
    Traceback (most recent call last):
    isthmus.errors.IsthmusError: levels of the block must be a whole number from 1 to 8, found 2.5
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < low or (high and value > high):
        limits = f"from {low} to {high}" if high else f"of at least {low}"
        raise IsthmusError(f"{what} must be a whole number {limits}, found {value!r}")


def require_wholes(what: str, values: object, low: int = 1) -> None:
    """Refuses what is empty or not a sequence of whole numbers of at least ``low``."""
    if not isinstance(values, Sequence) or isinstance(values, str | bytes) or not values:
        raise IsthmusError(f"{what} must be a list of whole numbers, found {values!r}")
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int) or value < low:
            raise IsthmusError(
                f"{what} must be whole numbers of at least {low}, found {value!r} in {list(values)}"
            )


def whole_numbers(what: str, values: Sequence[int], least: int = 1) -> tuple[int, ...]:
    """Returns the values as a tuple; refuses fewer than ``least`` of them, and anything but whole numbers above 0.

    >>> whole_numbers("widths", [4, 8], 2)
    (4, 8)
    """
    require_wholes(what, values)
    if len(values) < least:
        raise IsthmusError(f"{what} needs at least {least} numbers, found {list(values)}")
    return tuple(values)


def require_flag(what: str, value: object) -> None:
    """Refuses what is neither True nor False."""
    if not isinstance(value, bool):
        raise IsthmusError(f"{what} must be true or false, found {value!r}")


def require_share(what: str, value: object) -> None:
    """Refuses what is not a number of at least 0 and below 1, as a dropout rate must be."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        raise IsthmusError(f"{what} must be a number of at least 0 and below 1, found {value!r}")


def require_name(what: str, value: object, valid: Sequence[str]) -> None:
    """Refuses a name that is not valid, and names the nearest valid one."""
    if not isinstance(value, str) or value not in valid:
        raise IsthmusError(f"unknown {what} {value!r}: {nearest(str(value), valid)}")


def require_dims(dims: object) -> None:
    """Refuses anything but 2 or 3 spatial dimensions."""
    if isinstance(dims, bool) or dims not in (2, 3):
        raise IsthmusError(f"spatial_dims must be 2 or 3, found {dims!r}")


def require_counts(in_channels: object, classes: object, widths: object = (1,), what: str = "widths") -> None:
    """Refuses numbers of channels, classes and widths below one, under the constructor's names."""
    require_whole("in_channels", in_channels, 1)
    require_whole("classes", classes, 1)
    if widths != ():
        require_wholes(what, widths)


def check_input(x: Tensor, dims: int, in_channels: int, divisor: int) -> None:
    """Refuses a batch that the network cannot take, and names the nearest size that it can.

    Args:
        x: a batch, which must be ``(N, in_channels, *spatial)`` with every side a multiple of ``divisor``.
        dims: number of spatial axes.
    """
    if torch.compiler.is_compiling():
        return
    if x.ndim != dims + 2:
        axes = "H, W" if dims == 2 else "D, H, W"
        raise IsthmusError(
            f"the network takes a batch (N, {in_channels}, {axes}), found shape {tuple(x.shape)}"
        )
    if x.shape[1] != in_channels:
        raise IsthmusError(
            f"the network takes {in_channels} channels, found {x.shape[1]} in {tuple(x.shape)}"
        )
    size = tuple(int(side) for side in x.shape[2:])
    if any(side % divisor or side == 0 for side in size):
        good = tuple(max(1, round(side / divisor)) * divisor for side in size)
        shown, wanted = ("x".join(map(str, s)) for s in (size, good))
        raise IsthmusError(
            f"every side must be a multiple of {divisor}, found {shown}; the nearest size is {wanted}: pad or crop"
        )


def require_finite(weights: Mapping[str, Tensor], source: str | Path) -> None:
    """Refuses weights or statistics of a file that hold NaN or infinity, and names the first."""
    for name, tensor in weights.items():
        if not bool(tensor.isfinite().all()):
            count = int((~tensor.isfinite()).sum())
            raise IsthmusError(
                f"{source}: '{name}' holds {count} value{'s' * (count > 1)} that {'are' if count > 1 else 'is'} not "
                "finite, as after training that diverged; train again (hardware.precision=float32 or a lower "
                "training.learning_rate)"
            )

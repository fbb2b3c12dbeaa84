"""Device, number type, memory layout and threads, decided once at the start of a run and stored in its recipe."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, get_args

from isthmus.errors import IsthmusError, nearest
from isthmus.runs.recipe.hardware import Hardware, Precision

if TYPE_CHECKING:
    import torch


DEVICES = ("cpu", "cuda", "mps")
PRECISION = "ISTHMUS_PRECISION"
"""Environment variable that decides what ``hardware.precision=auto`` means."""


def resolve(hardware: Hardware) -> Hardware:
    """Fills in what the recipe leaves to this machine.

    - ``device``: the first CUDA device, else Apple's, else the processor;
    - ``precision``: the value of the environment variable `PRECISION`, else bfloat16 if the device has instructions for
      it (training measures whether it is faster, see `isthmus.runs.precision`), else float32;
    - ``channels_last``: on CUDA and the processor;
    - ``threads``: as many as the framework would use.

    Raises:
        IsthmusError: the recipe names a device that is unknown or not there.
    """
    import torch

    device = hardware.device if hardware.device != "auto" else _best_device()
    if device.partition(":")[0] not in DEVICES:
        raise IsthmusError(f"unknown device '{device}': {nearest(device, ('auto', *DEVICES))}")
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise IsthmusError(f"device '{device}' was requested but this machine has none; use --device auto")
    if device == "mps" and not torch.backends.mps.is_available():
        raise IsthmusError("device 'mps' was requested but this machine has none; use --device auto")
    precision = _wanted(hardware)
    if precision == "auto":
        precision = "bfloat16" if _has_bfloat16(device) else "float32"
    channels_last = hardware.channels_last
    if channels_last is None:
        channels_last = device.startswith("cuda") or device == "cpu"
    return hardware.model_copy(
        update={
            "device": device,
            "precision": precision,
            "channels_last": channels_last,
            "threads": hardware.threads or torch.get_num_threads(),
        }
    )


def leaves_precision_open(hardware: Hardware) -> bool:
    """Returns whether neither the recipe nor the environment sets the number type."""
    return _wanted(hardware) == "auto"


def _wanted(hardware: Hardware) -> str:
    if hardware.precision != "auto":
        return hardware.precision
    wanted = os.environ.get(PRECISION, "auto")
    if wanted not in get_args(Precision):
        raise IsthmusError(f"{PRECISION}={wanted}: {nearest(wanted, get_args(Precision))}")
    return wanted


def _best_device() -> str:
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _has_bfloat16(device: str) -> bool:
    from isthmus.networks.kernels.bfloat16.processor import has_bfloat16
    from isthmus.networks.kernels.switch import is_plain

    return has_bfloat16(device) and not is_plain()  # the framework's own kernels may be wrong in bfloat16


def memory_format(hardware: Hardware, spatial_dims: int) -> torch.memory_format:
    """Returns the memory layout of batches and weights; contiguous if `isthmus.networks.plain` switches kernels off."""
    import torch

    from isthmus.networks.kernels.switch import is_plain

    if not hardware.channels_last or is_plain():
        return torch.contiguous_format
    return torch.channels_last if spatial_dims == 2 else torch.channels_last_3d


def autocast(hardware: Hardware) -> torch.autocast:
    """Returns the context in which the network computes."""
    import torch

    kind = hardware.device.partition(":")[0]
    return torch.autocast(kind, torch.bfloat16, enabled=hardware.precision == "bfloat16")


@contextmanager
def threads(hardware: Hardware) -> Iterator[None]:
    """Computes with the recipe's number of threads, on which the last bits of the results depend."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(hardware.threads or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)

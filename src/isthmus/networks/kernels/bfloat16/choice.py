"""Chooses how a convolution in bfloat16 is computed, so that its result is correct on every processor.

Some of the framework's kernels silently give wrong results. Before a kind of convolution is computed for the
first time on a machine, a separate process checks it (`isthmus.networks.kernels.bfloat16.check`), and the answer is
stored. A kind that is wrong is computed in the first correct way of `isthmus.networks.kernels.bfloat16.ways.WAYS`.
Other number types and devices are left alone, and so are networks that are compiled, traced or exported, because their
kernels are not chosen here.
"""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

import torch
from torch import Tensor

from isthmus.networks.kernels.bfloat16.check_process import CannotCheck, Checker
from isthmus.networks.kernels.bfloat16.kinds import Form, Kind, kind_of
from isthmus.networks.kernels.bfloat16.machine_cache import of_this_machine
from isthmus.networks.kernels.bfloat16.ways import NATIVE, WAYS, ways_for
from isthmus.networks.kernels.conv_arguments import ConvArguments
from isthmus.networks.kernels.switch import enabled

_checker = Checker()
_lock = threading.Lock()
_by_call: dict[Any, str] = {}
_by_kind: dict[str, str] = {}
_other_ways: list[str] = []  # since the last remark to the user
_troubles: list[str] = []
_unable = False


def uses_bfloat16(x: Tensor) -> bool:
    """Returns whether a convolution of this map would be computed in bfloat16 on the CPU by a kernel to choose."""
    if x.device.type != "cpu" or not enabled():
        return False
    used = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else x.dtype
    return used == torch.bfloat16


def convolve(x: Tensor, weight: Tensor, bias: Tensor | None, arguments: ConvArguments) -> Tensor:
    """Computes a convolution or a transposed one, in the framework's way where that is correct.

    Args:
        x: ``(N, in, *spatial)``.
        weight: ``(out, in / groups, *kernel)``; transposed ``(in, out / groups, *kernel)``.
    """
    way = way_of(x, weight, bias is not None, arguments) if uses_bfloat16(x) else NATIVE
    return WAYS[way](x, weight, bias, arguments)


def is_right(x: Tensor, weight: Tensor, arguments: ConvArguments, form: Form) -> bool:
    """Returns whether a kernel that adds and rectifies is correct for this convolution, which has a bias."""
    return not uses_bfloat16(x) or way_of(x, weight, True, arguments, form) == NATIVE


def way_of(x: Tensor, weight: Tensor, bias: bool, arguments: ConvArguments, form: Form = "plain") -> str:
    """Returns the way, one of `WAYS` or `SEPARATE`, in which this machine computes a convolution in bfloat16."""
    learns = torch.is_grad_enabled() and (x.requires_grad or weight.requires_grad)
    threads = torch.get_num_threads()
    call = (x.shape, x.stride(), weight.shape, weight.stride(), bias, arguments, form, learns, threads)
    way = _by_call.get(call)
    if way is None:
        with _lock:
            way = _found(kind_of(x, weight, bias, arguments, learns, form).reduced())
        _by_call[call] = way
    return way


def kernel_remarks() -> list[str]:
    """Returns the remarks that the user has not seen yet, one line each."""
    with _lock:
        counted, lines = Counter(_other_ways), list(_troubles)
        _other_ways.clear()
        _troubles.clear()
    if counted:
        listing = ", ".join(f"{count} {way}" for way, count in counted.items())
        total = sum(counted.values())
        lines.insert(
            0,
            f"torch {torch.__version__} computes {total} kind{'s' * (total > 1)} of convolution wrongly in bfloat16 on "
            f"this processor; they are computed in another way: {listing}",
        )
    return lines


def _found(kind: Kind) -> str:
    known, key = of_this_machine(), kind.key()
    way = _by_kind.get(key) or known.answers.get(key)
    if way not in ways_for(kind):
        way, trouble = _searched(kind), known.trouble
        if _unable:  # nothing was found out
            return way
        known.add(key, way)
        if known.trouble and not trouble:
            _troubles.append(f"{known.trouble}; bfloat16 is checked again in every run")
    if way != NATIVE and key not in _by_kind:
        _other_ways.append(way)
    _by_kind[key] = way
    return str(way)


def _searched(kind: Kind) -> str:
    """Returns the first correct way, or the last if nothing can be checked."""
    global _unable
    *ways, last = ways_for(kind)
    try:
        if not _unable:
            return next((way for way in ways if _checker.ask(kind, way)), last)
    except CannotCheck as error:
        _unable = True
        _troubles.append(
            f"bfloat16 cannot be checked here ({error}); convolutions not checked before are computed in float32"
        )
    return last

"""Convolutions in bfloat16 that are right on every processor.

Some of the framework's kernels are silently wrong. Before a kind of convolution is first computed on this machine,
a separate process checks it (`isthmus.networks.kernels.bfloat16.check`), and the answer is kept. A kind that is wrong
is
computed in the first right way of `isthmus.networks.kernels.bfloat16.ways.WAYS`. Other number types and other devices
are left alone, and so are networks that are compiled, traced or exported: their kernels are not chosen here.
"""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

import torch
from torch import Tensor

from isthmus.networks.kernels.bfloat16.check_process import CannotCheck, Checker
from isthmus.networks.kernels.bfloat16.kinds import Form, Kind, Where, kind_of
from isthmus.networks.kernels.bfloat16.machine_cache import of_this_machine
from isthmus.networks.kernels.bfloat16.ways import NATIVE, WAYS, ways_for
from isthmus.networks.kernels.switch import eager

_checker = Checker()
_lock = threading.Lock()
_by_call: dict[Any, str] = {}
_by_kind: dict[str, str] = {}
_other_ways: list[str] = []  # since the user was last told
_troubles: list[str] = []
_unable = False


def concerned(x: Tensor) -> bool:
    """Whether a convolution of this map is computed in bfloat16 on the processor."""
    if x.device.type != "cpu" or not eager():
        return False
    used = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else x.dtype
    return used == torch.bfloat16


def convolve(x: Tensor, weight: Tensor, bias: Tensor | None, where: Where) -> Tensor:
    """A convolution, or a transposed one, by the framework's kernels where they are right.

    Args:
        x: ``(N, in, *spatial)``.
        weight: ``(out, in / groups, *kernel)``; transposed ``(in, out / groups, *kernel)``.
    """
    way = way_of(x, weight, bias is not None, where) if concerned(x) else NATIVE
    return WAYS[way](x, weight, bias, where)


def is_right(x: Tensor, weight: Tensor, where: Where, form: Form) -> bool:
    """Whether the kernels that add and rectify are right for the convolution, which has a bias."""
    return not concerned(x) or way_of(x, weight, True, where, form) == NATIVE


def way_of(x: Tensor, weight: Tensor, bias: bool, where: Where, form: Form = "plain") -> str:
    """The way, one of `WAYS` or `APART`, in which this machine computes a convolution in bfloat16."""
    learns = torch.is_grad_enabled() and (x.requires_grad or weight.requires_grad)
    threads = torch.get_num_threads()
    at = (x.shape, x.stride(), weight.shape, weight.stride(), bias, where, form, learns, threads)
    way = _by_call.get(at)
    if way is None:
        with _lock:
            way = _found(kind_of(x, weight, bias, where, learns, form).reduced())
        _by_call[at] = way
    return way


def kernel_remarks() -> list[str]:
    """What the user should know and has not been told yet, a line each."""
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
    """The first way that is right; the last where nothing can be checked."""
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

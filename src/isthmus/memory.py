"""How this process gets memory from the system, as each step of training frees and allocates the same gigabytes; and
how it is told that there is no more."""

from __future__ import annotations

import ctypes
import os
from functools import cache
from typing import Any

PAGES = "THP_MEM_ALLOC_ENABLE"
"""Environment variable of the framework, which reads it when it makes its first tensor."""

REFUSALS = ("allocate memory", "not enough memory", "out of memory", "bad_alloc", "alloc_failed")
"""Words by which the framework and its libraries say, in errors of a general kind, that memory does not suffice."""


def is_shortage(error: BaseException) -> bool:
    """Returns whether an error says that there is not enough memory, that of the graphics processor included.

    >>> is_shortage(MemoryError()), is_shortage(RuntimeError("DefaultCPUAllocator: can't allocate memory"))
    (True, True)
    >>> is_shortage(RuntimeError("sizes do not match"))
    False
    """
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":  # the framework's own
        return True
    return isinstance(error, RuntimeError) and any(word in str(error).lower() for word in REFUSALS)


def large_pages() -> None:
    """Asks for pages of 2 MiB instead of 4 KiB for large tensors, unless the user has set the variable.

    Call it before the framework is imported. It has an effect only if the system gives large pages on request
    (Linux with ``transparent_hugepage/enabled`` at ``madvise``), and never on results.
    """
    os.environ.setdefault(PAGES, "1")


def keep_freed_memory(wanted: bool = True) -> None:
    """Makes this process keep the memory that it frees for its next step of training, or stops that.

    With the defaults of glibc, the system maps every large tensor again and faults in each of its pages, which takes a
    sixth of a U-Net's training step on a CPU. It has no effect without glibc.

    Args:
        wanted: whether freed memory is kept.
    """
    trim_threshold, mmap_threshold, mmap_max = -1, -3, -4  # M_TRIM_THRESHOLD and so on in malloc.h
    mallopt = _glibc("mallopt")
    if mallopt and wanted:
        mallopt(mmap_max, 0)
        mallopt(trim_threshold, 2**31 - 1)
    elif mallopt:  # the values that glibc sets by itself after large tensors were freed
        mallopt(mmap_max, 65536)
        mallopt(mmap_threshold, 2**25)
        mallopt(trim_threshold, 2**26)


def give_back_freed_memory() -> None:
    """Returns memory that this process has freed, but glibc still holds, to the system.

    After the forward pass of a checkpointed network much of it is in pieces that the backward pass cannot use (0.2 GiB
    with MILDNet at batch 16). It has no effect without glibc.
    """
    trim = _glibc("malloc_trim")
    if trim:
        trim(0)


@cache
def _glibc(name: str) -> Any:
    try:
        return getattr(ctypes.CDLL("libc.so.6"), name)
    except (OSError, AttributeError):
        return None

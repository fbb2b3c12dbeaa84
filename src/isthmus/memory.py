"""How a process asks the system for memory: training frees and takes again the same gigabytes with every step."""

from __future__ import annotations

import ctypes
import os
from functools import cache
from typing import Any

PAGES = "THP_MEM_ALLOC_ENABLE"
"""The framework's own switch, which it reads with its first tensor."""


def large_pages() -> None:
    """Ask for pages of 2 MiB instead of 4 KiB for large tensors, unless the user has said otherwise.

    To be called before the framework is imported. It counts where the system gives large pages only to who asks for
    them (Linux, ``transparent_hugepage/enabled`` at ``madvise``); no effect elsewhere, and none on results.
    """
    os.environ.setdefault(PAGES, "1")


def keep_freed_memory(wanted: bool = True) -> None:
    """Let this process keep the memory that it frees, as the next step of training needs it again, or not any more.

    With glibc's defaults every large tensor is mapped anew and each of its pages faulted in by the system, which cost
    a sixth of a U-Net's training step on a CPU. No effect elsewhere.
    """
    trim_threshold, mmap_threshold, mmap_max = -1, -3, -4  # names of malloc.h: M_TRIM_THRESHOLD and so on
    mallopt = _glibc("mallopt")
    if mallopt and wanted:
        mallopt(mmap_max, 0)
        mallopt(trim_threshold, 2**31 - 1)
    elif mallopt:  # as glibc sets them by itself once large tensors were freed
        mallopt(mmap_max, 65536)
        mallopt(mmap_threshold, 2**25)
        mallopt(trim_threshold, 2**26)


def give_back_freed_memory() -> None:
    """Hand the memory that this process has freed, and glibc still holds, back to the system.

    After the forward pass of a checkpointed network much of it lies in pieces that the backward pass would not use
    but add to (0.2 GiB of MILDNet at batch 16). No effect elsewhere.
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

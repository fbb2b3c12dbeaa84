"""What the operating system tells of this process, alike on Linux, macOS and Windows."""

from __future__ import annotations

import os
import sys

import psutil


def cores() -> int:
    """Number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def peak_memory() -> int:
    """Largest resident memory of this process so far, in bytes; the present one where the system keeps no record."""
    try:
        import resource
    except ImportError:  # Windows
        memory = psutil.Process().memory_info()
        return int(getattr(memory, "peak_wset", memory.rss))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024)


def is_running(process: int) -> bool:
    """Whether a process with this number is alive on this machine."""
    try:
        return psutil.pid_exists(process)
    except OverflowError:  # no system numbers processes so high
        return False

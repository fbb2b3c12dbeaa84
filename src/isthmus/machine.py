"""Facts that the operating system knows about this process, on Linux, macOS and Windows."""

from __future__ import annotations

import math
import os
import sys
from contextlib import suppress


def cores() -> int:
    """Returns the number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def processor_seconds() -> float:
    """Returns the processor time of this process, and of the processes it started that have ended, in seconds.

    On Windows, it is that of this process alone.
    """
    return math.fsum(os.times()[:4])  # user and system, own and of children


def peak_memory() -> int | None:
    """Returns the peak resident memory of this process in bytes, or None if the system does not record it."""
    with suppress(ImportError):
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak * (1 if sys.platform == "darwin" else 1024)
    with suppress(ImportError):  # Windows
        import psutil

        return getattr(psutil.Process().memory_info(), "peak_wset", None)
    return None


def forget_peak_memory() -> None:
    """Makes `peak_memory` start again from the memory that this process holds now; only Linux can do that."""
    with suppress(OSError), open("/proc/self/clear_refs", "w", encoding="ascii") as file:
        file.write("5")


def is_running(process: int) -> bool:
    """Returns whether a process with this number is running on this machine."""
    if os.name != "posix":
        import psutil

        return bool(psutil.pid_exists(process))
    try:
        os.kill(process, 0)  # only checks that the process exists
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True

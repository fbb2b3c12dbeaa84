"""Facts that the operating system knows about this process, on Linux, macOS and Windows."""

from __future__ import annotations

import os
import sys
from contextlib import suppress


def cores() -> int:
    """Returns the number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


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

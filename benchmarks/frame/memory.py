"""Peak memory of a piece of work, of this process or of another one."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from pathlib import Path

from isthmus.memory import give_back_freed_memory

RESET = Path("/proc/self/clear_refs")
"""Where Linux resets a process's peak; other systems do not have it."""


def resident(key: str, process: str | int = "self") -> int:
    """Returns the bytes of a process now (``VmRSS``) or at its peak (``VmHWM``); 0 if the system does not tell."""
    try:
        lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith(key + ":")), 0)


def peak_memory(work: Callable[[], object]) -> int | None:
    """Returns the bytes that a piece of work needs above what is held before it; None if the system does not tell.

    On a GPU it is the framework's count of the device's memory, on a CPU the system's of the process.
    """
    gc.collect()
    torch = sys.modules.get("torch")
    if torch and torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        held = torch.cuda.memory_allocated()
        work()
        return int(torch.cuda.max_memory_allocated() - held)
    give_back_freed_memory()  # or memory freed before would be taken again unseen
    try:
        RESET.write_text("5", encoding="ascii")
    except OSError:
        return None
    before = resident("VmRSS")
    work()
    return max(0, resident("VmHWM") - before)

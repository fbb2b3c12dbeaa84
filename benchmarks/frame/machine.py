"""The machine that rows were measured on, as it is stored beside them."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from isthmus.machine import cores

FLAGS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "avx512_fp16", "asimd", "bf16")


def describe(packages: tuple[str, ...] = ("numpy", "scipy", "torch")) -> dict[str, Any]:
    """Describes processor, usable cores, threads, GPU, memory in GiB, instruction sets, Python and package versions."""
    model, flags = _processor()
    return {
        "processor": model,
        "cores": cores(),
        "threads": _threads(),
        "gpu": _gpu(),
        "memory_gib": _memory_gib(),
        "capabilities": [flag for flag in FLAGS if flag in flags],
        "python": platform.python_version(),
        "versions": {name: version for name in packages if (version := _version(name))},
    }


def _processor() -> tuple[str, set[str]]:
    fields: dict[str, str] = {}
    if Path("/proc/cpuinfo").exists():
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            fields.setdefault(name.strip(), value.strip())
    flags = set((fields.get("flags") or fields.get("Features") or "").split())
    return fields.get("model name") or platform.processor() or platform.machine(), flags


def _threads() -> int:
    """Returns the threads that the framework uses, or may use if it was not needed."""
    torch = sys.modules.get("torch")
    return int(torch.get_num_threads()) if torch else int(os.environ.get("OMP_NUM_THREADS") or cores())


def _gpu() -> str | None:
    torch = sys.modules.get("torch")
    return torch.cuda.get_device_name() if torch and torch.cuda.is_available() else None


def _memory_gib() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (ValueError, OSError, AttributeError):
        return None


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None

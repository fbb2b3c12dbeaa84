"""The environment of a run: command, versions, processor, accelerator, commit."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from isthmus import plugins

PACKAGES = (
    "isthmus",
    "torch",
    "numpy",
    "scipy",
    "opencv-python-headless",
    "pillow",
    "tifffile",
    "safetensors",
)


def describe_environment() -> dict[str, Any]:
    """Returns versions and hardware as plain values for ``environment.json``."""
    import torch

    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {
        "command": _command(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": processor(),
        "cores": os.cpu_count(),
        "gpu": gpu,
        "packages": {name: _version(name) for name in PACKAGES} | plugins.packages(),
        "commit": _commit(),
    }


def processor() -> str:
    """Returns the name of the processor, or that of its architecture if the system does not say more."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _command() -> list[str] | None:
    """Returns the command line, if the program is ours."""
    program = Path(sys.argv[0]) if sys.argv else Path()
    ours = program.stem in ("isthmus", "main") or program.parts[-2:] == ("isthmus", "__main__.py")
    return ["isthmus", *sys.argv[1:]] if ours else None


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _commit() -> str | None:
    """Returns the commit of a source checkout; None for an installed package."""
    here = Path(__file__).resolve().parent
    if not any((parent / ".git").exists() for parent in here.parents[:4]):
        return None
    try:
        answer = subprocess.run(  # noqa: S603
            ["git", "-C", str(here), "rev-parse", "HEAD"],  # noqa: S607
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()

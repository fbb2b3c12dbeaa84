"""`make bench`: every benchmark of speed and memory, then the page."""

from __future__ import annotations

import subprocess
import sys

SUITE = (
    "benchmarks.training",
    "benchmarks.kept",
    "benchmarks.inference",
    "benchmarks.epoch",
    "benchmarks.growth",
    "benchmarks.large",
    "benchmarks.augmentation",
    "benchmarks.metrics",
    "benchmarks.targets",
    "benchmarks.page",
)


def main() -> None:
    """Each in a process of its own, so that one does not warm another up."""
    for module in SUITE:
        print(f"--- {module}", flush=True)
        subprocess.run([sys.executable, "-m", module], check=True)


if __name__ == "__main__":
    main()

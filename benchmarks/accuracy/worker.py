"""Computes a cell of these studies: `isthmus.studies.running.worker` with MONAI's network registered."""

from __future__ import annotations

import sys

import benchmarks.accuracy.basic_unet  # noqa: F401
from isthmus.studies.running.worker import main

if __name__ == "__main__":
    sys.exit(main())

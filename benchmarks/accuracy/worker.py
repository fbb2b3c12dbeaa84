"""Computes a cell of these studies: `isthmus.studies.running.worker` with MONAI's network registered."""

from __future__ import annotations

import sys

from benchmarks.accuracy import basic_unet
from isthmus.studies.running.worker import main

if __name__ == "__main__":
    basic_unet.register()
    sys.exit(main())
